"""Why there is no certificate: steps are refused by their paths, and estimators that override their class's methods."""

from sklip._overrides import override, shadow
from sklip.exceptions import NotLipschitzError


def refuse(step, path, reason, advice=True):
    """Raise for a step; with ``advice``, say how its constant could be stated."""
    path = "__".join(path) if isinstance(path, tuple) else path
    hint = (
        f". If you know a constant that holds for your rows, state it: step_lipschitz={{{path!r}: ...}}"
        if advice
        else ""
    )
    raise NotLipschitzError(f"Step {path!r} ({type(step).__name__}) {reason}{hint}.")


def inherits(estimator, base: type) -> bool:
    """Whether an estimator is of a class, and computes as this does: a subclass may do anything."""
    return isinstance(estimator, base) and override(estimator, base) is None


def refuse_shadows(step, path: str) -> None:
    """Raise for a transformer with an attribute that hides a method of its class."""
    hidden = None if isinstance(step, str) or not hasattr(step, "__dict__") else shadow(step)
    if hidden is not None:
        refuse(step, path, f"has an attribute that hides its method {hidden!r}. Delete the attribute", advice=False)
