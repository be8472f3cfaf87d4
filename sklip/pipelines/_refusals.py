"""Why there is no certificate: steps are refused by their paths, and what decides by its class."""

from typing import NoReturn

from sklip._overrides import shadow
from sklip.exceptions import NotLipschitzError


def refuse(estimator, reason: str) -> NoReturn:
    """Raise for an estimator that decides."""
    raise NotLipschitzError(f"{type(estimator).__name__} {reason}.")


def refuse_step(step, path: str, reason: str, advice: bool = True) -> NoReturn:
    """Raise for a step; with ``advice``, say how its constant could be stated."""
    hint = f". If you know a constant that holds for your rows, state it: step_lipschitz={{{path!r}: ...}}"
    raise NotLipschitzError(f"Step {path!r} ({type(step).__name__}) {reason}{hint if advice else ''}.")


def refuse_shadows(step, path: str) -> None:
    """Raise for a transformer with an attribute that hides a method of its class."""
    hidden = None if isinstance(step, str) or not hasattr(step, "__dict__") else shadow(step)
    if hidden is not None:
        reason = f"has an attribute that hides its method {hidden!r}. Delete the attribute"
        refuse_step(step, path, reason, advice=False)
