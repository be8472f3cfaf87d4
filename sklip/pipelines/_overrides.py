"""Estimators that compute something else than their class does are not certified."""

from sklip._overrides import override, shadow
from sklip.exceptions import NotLipschitzError
from sklip.pipelines._point import refuse


def inherits(estimator, base: type) -> bool:
    """Whether an estimator is of a class, and computes as this does: a subclass may do anything."""
    return isinstance(estimator, base) and override(estimator, base) is None


def refuse_shadows(step, name: str) -> None:
    """Raise for a transformer with an attribute that hides a method of its class."""
    hidden = None if isinstance(step, str) or not hasattr(step, "__dict__") else shadow(step)
    if hidden is not None:
        refuse(step, name, f"has an attribute that hides its method {hidden!r}. Delete the attribute", advice=False)


def refuse_overrides(estimator, base: type | None = None) -> None:
    """Raise for an estimator that overrides a method of ``base``, or by an attribute one of its own class."""
    name = shadow(estimator) if base is None else override(estimator, base)
    if name is not None:
        raise NotLipschitzError(
            f"{type(estimator).__name__} defines {name!r} itself, so that what it predicts is not what "
            f"{(base or type(estimator)).__name__} predicts, and has no certificate."
        )
