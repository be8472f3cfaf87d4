"""Why there is no certificate: of an estimator, by its class, or of a step, by its path."""

from typing import NoReturn

from sklip._overrides import shadow
from sklip.exceptions import NotLipschitzError


def refuse(estimator, reason: str) -> NoReturn:
    """Raise for an estimator that predicts."""
    raise NotLipschitzError(f"{type(estimator).__name__} {reason}.")


def refuse_step(step, path: str, reason: str) -> NoReturn:
    """Raise for a step."""
    raise NotLipschitzError(f"Step {path!r} ({type(step).__name__}) {reason}.")


def refuse_unknown(step, path: str, reason: str) -> NoReturn:
    """Raise for a step without a known constant, and say how it could be stated."""
    advice = f"If you know a constant that holds for your rows, state it: step_lipschitz={{{path!r}: ...}}"
    refuse_step(step, path, f"{reason}. {advice}")


def refuse_shadows(step, path: str) -> None:
    """Raise for a transformer with an attribute that hides a method of its class."""
    hidden = None if isinstance(step, str) or not hasattr(step, "__dict__") else shadow(step)
    if hidden is not None:
        refuse_step(step, path, f"has an attribute that hides its method {hidden!r}. Delete the attribute")
