"""Estimators that compute something else than their class does are not certified."""

from sklip._overrides import override, shadow
from sklip.pipelines._point import refuse


def inherits(estimator, base: type) -> bool:
    """Whether an estimator is of a class, and computes as this does: a subclass may do anything."""
    return isinstance(estimator, base) and override(estimator, base) is None


def refuse_shadows(step, name: str) -> None:
    """Raise for a transformer with an attribute that hides a method of its class."""
    hidden = None if isinstance(step, str) or not hasattr(step, "__dict__") else shadow(step)
    if hidden is not None:
        refuse(step, name, f"has an attribute that hides its method {hidden!r}. Delete the attribute", advice=False)
