"""Find methods that a subclass or an attribute overrides: certificates hold only for the known class."""

from functools import cache
from inspect import getattr_static

from sklearn.frozen import FrozenEstimator

from sklip._compat import MAY_BE_OVERRIDDEN
from sklip.exceptions import NotLipschitzError

# Names that a subclass may redefine: they change how an estimator is made, not what it predicts.
_FREE = MAY_BE_OVERRIDDEN | frozenset(
    {
        "__abstractmethods__", "__annotate__", "__annotate_func__", "__annotations__", "__annotations_cache__",
        "__dict__", "__dir__", "__doc__", "__eq__", "__firstlineno__", "__getstate__", "__hash__", "__init__",
        "__init_subclass__", "__module__", "__orig_bases__", "__parameters__", "__qualname__", "__reduce__",
        "__reduce_ex__", "__repr__", "__setstate__", "__sizeof__", "__sklearn_clone__", "__sklearn_tags__",
        "__static_attributes__", "__str__", "__type_params__", "__weakref__", "_abc_impl",
        "certified_band", "certified_radius", "fit", "fit_predict", "fit_transform", "get_metadata_routing",
        "get_params", "partial_fit", "score", "set_params",
    }
)  # fmt: skip
_DECISIVE = frozenset({"__getattr__", "network_", "classes_", "n_features_in_", "feature_names_in_", "steps"})


def override(estimator, base: type) -> str | None:
    """Name of a method that a subclass of ``base``, or the estimator itself, overrides; None if there is none."""
    return _override_by_class(type(estimator), base) or shadow(estimator)  # type: ignore[arg-type]


def shadow(estimator) -> str | None:
    """Name of an attribute of the estimator that hides a method of its class; None if there is none."""
    # A FrozenEstimator has the methods of the estimator in it, and no others.
    kind = type(estimator.estimator if type(estimator) is FrozenEstimator else estimator)
    methods = methods_of(kind)  # type: ignore[arg-type]
    return None if methods.isdisjoint(vars(estimator)) else min(methods & vars(estimator).keys())


def refuse_overrides(estimator, base: type | None = None) -> None:
    """Raise if an estimator overrides a method of ``base``; without ``base``, if an attribute hides a method."""
    name = shadow(estimator) if base is None else override(estimator, base)
    if name is not None:
        raise NotLipschitzError(
            f"{type(estimator).__name__} defines {name!r} itself. Its predictions may differ from those of "
            f"{(base or type(estimator)).__name__}, so they have no certificate."
        )


@cache
def _override_by_class(kind, base):
    ours = (other for other in kind.__mro__ if issubclass(other, base) and _is_known(other, base))
    known = set(next(ours).__mro__)  # the nearest class of sklip or scikit-learn, and its bases
    names = (set(dir(base)) | _DECISIVE) - _FREE
    for other in kind.__mro__:
        defined = {name for name in names & vars(other).keys() if not _requests_metadata(name)}
        if defined and other not in known:
            return min(defined)
        names -= defined  # these hide the definitions of later classes
    return None


def _is_known(kind, base):
    return kind is base or kind.__module__.startswith(("sklip.", "sklearn."))


@cache
def methods_of(kind):
    """Names of the functions and properties of a class."""
    return frozenset(
        name for name in dir(kind) if callable(static := getattr_static(kind, name)) or hasattr(type(static), "__get__")
    ) - {"__class__", "__dict__", "__doc__"}


def _requests_metadata(name):
    """Whether scikit-learn adds this method to each class."""
    return name.startswith("set_") and name.endswith("_request")
