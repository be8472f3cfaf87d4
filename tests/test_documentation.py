"""Every public name is documented: parameters, returns, an example that runs (doctest runs it)."""

import ast
import inspect

import pytest
from numpydoc.validate import validate

import sklip
import sklip.architectures
import sklip.layers
import sklip.losses
import sklip.metrics

CLASSES = [
    f"{module.__name__}.{name}"
    for module in (sklip, sklip.architectures, sklip.layers, sklip.losses)
    for name, value in ((name, getattr(module, name)) for name in module.__all__)
    if inspect.isclass(value)
]
FUNCTIONS = [
    *(f"sklip.losses.{name}" for name in ("kr", "hinge_margin", "hkr")),
    *(f"sklip.manifold.{name}" for name in ("tangent_projection", "retract", "unit_columns")),
    *(f"sklip.manifold.{name}" for name in ("retraction_step", "short_retraction_step", "steady_retraction_step")),
    *(
        f"sklip.certification.{name}"
        for name in (
            "certified_radius",
            "certified_scores",
            "class_radii",
            "distances_above",
            "error_bound",
            "gap_bands",
            "lipschitz_bound",
            "norm_bound",
            "operator_norm_bound",
            "probability_bands",
            "score_bands",
            "score_bounds",
            "scores_and_errors",
            "spectral_norm_bound",
            "threshold_radii",
            "transport_bounds",
            "wasserstein_lower_bound",
        )
    ),
    "sklip.audit",
    "sklip.certified_band",
    "sklip.certified_radius",
    *(f"sklip.interop.{name}" for name in ("network_from_keras", "to_art", "to_keras", "to_onnx")),
    "sklip.from_keras",
    "sklip.load",
    "sklip.register_onnx_converters",
    *(f"sklip.NetworkClassifier.{name}" for name in ("fit", "serve")),
    *(
        f"sklip.{estimator}.{method}"
        for estimator in ("HKRClassifier", "LipschitzMLP", "NetworkClassifier")
        for method in ("to_art", "to_onnx")
    ),
    "sklip.pipelines.vote_radii",
    *(f"sklip.CertifiedPipeline.{name}" for name in ("fit", "predict", "decision_function", "certified_radius")),
    *(f"sklip.RobustConformalClassifier.{name}" for name in ("fit", "predict", "predict_set")),
    *(f"sklip.RobustConformalRegressor.{name}" for name in ("fit", "predict", "predict_interval")),
    *(f"sklip.WassersteinEstimator.{name}" for name in ("fit", "distance", "potential")),
    *(f"sklip.metrics.{name}" for name in sklip.metrics.__all__),
    *(
        f"sklip.{estimator}.{name}"
        for estimator in ("HKRClassifier", "LipschitzMLP")
        for name in (
            "fit",
            "partial_fit",
            "predict",
            "decision_function",
            "certified_radius",
            "gradient",
            "closest_adversarial",
            "kr_distance",
            "loss_terms",
        )
    ),
    *(f"sklip.LipschitzMLP.{name}" for name in ("predict_proba", "predict_log_proba", "predict_proba_band")),
    *(f"sklip.architectures.{name}.build" for name in sklip.architectures.__all__),
]


def faults(name, codes):
    return [(code, message) for code, message in validate(name)["errors"] if code in codes]


@pytest.mark.parametrize("name", CLASSES)
def test_a_public_class_documents_its_parameters_and_shows_an_example(name):
    codes = {"GL08", "SS01", "PR01", "PR02", "PR04", "PR06", "EX01"}
    # Of keras.layers.Layer, whose signature numpydoc sees as (*args, **kwargs).
    inherited = ("Unknown parameters {'**kwargs'}", "Parameters {'*args'} not documented")
    assert [fault for fault in faults(name, codes) if fault[1] not in inherited] == []


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_public_function_documents_what_it_takes_and_returns(name):
    assert faults(name, {"GL08", "SS01", "PR01", "PR02", "PR04", "RT01"}) == []


@pytest.mark.parametrize("estimator", [sklip.HKRClassifier, sklip.LipschitzMLP, sklip.WassersteinEstimator])
def test_the_parameters_of_the_docstring_are_those_of_the_signature_with_their_defaults(estimator):
    text = estimator.__doc__
    for name, parameter in inspect.signature(estimator).parameters.items():
        line = next(line for line in text.splitlines() if line.strip().startswith(f"{name} :"))
        assert ast.literal_eval(line.split("default=")[1]) == parameter.default, line
