"""The public API has types, and says so; mypy checks them in ``make lint``."""

import importlib
import inspect
from importlib.resources import files

import pytest

MODULES = [
    "sklip", "sklip.metrics", "sklip.certification", "sklip.exceptions", "sklip.served",
    "sklip.persistence", "sklip.interop", "sklip.layers", "sklip.losses", "sklip.loss_formulas",
    "sklip.manifold", "sklip.attacks", "sklip.auditing", "sklip.conformal", "sklip.pipelines", "sklip.plotting",
]  # fmt: skip

# matplotlib's axes go without: a display is not to import it.
FREE = ("self", "cls", "ax")

# That nothing hides behind a decorator or an inherited method.
FOUND = {
    "sklip": ("HKRClassifier.fit", "LipschitzMLP.predict_proba", "audit", "LipschitzMLP.__init__"),
    "sklip.pipelines": ("CertifiedRadii.__new__", "certified_radius"),
    "sklip.plotting": ("AdversarialDisplay.from_estimator", "TrainingHistoryDisplay.plot"),
    "sklip.layers": ("SpectralDense.__init__", "SpectralDense.call", "GroupSort.build", "Orthonormal.get_config"),
    "sklip.losses": ("kr", "hkr", "HKR.__init__", "MulticlassHKR.terms", "TauBinaryCrossentropy.cost"),
    "sklip.loss_formulas": ("expectation", "cross_entropy_cost"),
    "sklip.manifold": ("stiefel_product", "on_unit_columns", "retract"),
}


def public_functions(module):
    """Functions, methods and properties that are sklip's own, by name."""
    for name in module.__all__ if hasattr(module, "__all__") else dir(module):
        value = inspect.unwrap(getattr(module, name))
        if name.startswith("_") or not getattr(value, "__module__", "").startswith("sklip"):
            continue
        if not inspect.isclass(value):
            if inspect.isfunction(value):
                yield name, value
            continue
        for attribute in dir(value):
            member = inspect.getattr_static(value, attribute)
            member = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
            public = not attribute.startswith("_") or attribute in ("__init__", "__new__")
            if public and inspect.isfunction(member) and member.__module__.startswith("sklip"):
                yield f"{name}.{attribute}", member


@pytest.mark.parametrize("name", MODULES)
def test_every_parameter_and_result_has_a_type(name):
    found = dict(public_functions(importlib.import_module(name)))
    untyped = [
        f"{function}: {parameter.name}"
        for function, value in found.items()
        for parameter in inspect.signature(value).parameters.values()
        if parameter.annotation is parameter.empty and parameter.name not in FREE
    ]
    untyped += [
        function
        for function, value in found.items()
        if "return" not in value.__annotations__ and not function.endswith("__init__")
    ]
    assert not untyped
    assert set(FOUND.get(name, ())) <= set(found)


def test_type_checkers_are_told():
    assert (files("sklip") / "py.typed").is_file()
