"""Classifiers and pipelines as ONNX models, run by onnxruntime."""

import copy
import sys

import numpy as np
import onnx
import onnxruntime
import pytest
import skl2onnx
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from sklip import HKRClassifier, LipschitzMLP, NetworkClassifier, register_onnx_converters, served
from tests.estimator_fixtures import blobs, fitted, fitted_mlp, moons
from tests.export_examples import OPERATIONS, image_networks, network_with
from tests.helpers import ACTIVATIONS, amid, network_of, random_network, serving
from tests.processes import run_script

DTYPES = ("float64", "float32")


@pytest.fixture(scope="module", autouse=True)
def _registered():
    register_onnx_converters()


def run(model, X):
    """Outputs of an ONNX model by name."""
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {"X": X}), strict=True))


def assert_serves(model, outputs, X, scale, tolerance):
    """Outputs for rows X are what the classifier says of them."""
    scores = model.decision_function(X)
    assert outputs["decision_function"].shape == scores.shape
    np.testing.assert_allclose(outputs["decision_function"], scores, rtol=0, atol=tolerance * scale)
    columns = np.column_stack([-scores, scores]) if scores.ndim == 1 else scores
    second, first = np.sort(columns, axis=1).T[-2:]
    clear = first - second > 2 * tolerance * scale
    np.testing.assert_array_equal(outputs["label"][clear], model.predict(X)[clear])
    assert clear.mean() > 0.9
    if hasattr(model, "predict_proba"):
        np.testing.assert_allclose(outputs["probabilities"], model.predict_proba(X), rtol=0, atol=1e-5)
    else:
        np.testing.assert_allclose(outputs["probabilities"], columns, rtol=0, atol=tolerance * scale)


# The classifiers' method ---------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", ["binary", "multiclass"])
@pytest.mark.parametrize("of", [fitted, fitted_mlp])
def test_serves_what_the_classifier_does(of, kind, dtype):
    model, X, _ = of(kind)
    X = X.astype(dtype)
    exported = model.to_onnx(dtype=dtype)
    outputs = run(exported, X)
    assert_serves(model, outputs, X, model.scale_, {"float64": 1e-12, "float32": 1e-5}[dtype])
    assert outputs["decision_function"].dtype == outputs["probabilities"].dtype == np.dtype(dtype)
    assert outputs["label"].dtype == np.int64


@given(
    seed=st.integers(0, 2**32 - 1),
    activation=st.sampled_from([*ACTIVATIONS, "groupsort1", "groupsort8"]),
    n_scores=st.sampled_from([1, 3]),
    depth=st.integers(0, 3),
)
def test_every_activation_depth_and_head(seed, activation, n_scores, depth):
    rng = np.random.default_rng(seed)
    network = random_network(rng, (5, *[8, 16, 8][:depth], n_scores), activation)
    X = (network.center + 3 * rng.standard_normal((40, 5))).astype(np.float32)
    model = serving(amid(network, X))
    for dtype, tolerance in (("float64", 1e-13), ("float32", 1e-5)):
        outputs = run(model.to_onnx(dtype=dtype), X.astype(dtype))
        np.testing.assert_allclose(outputs["decision_function"], model.decision_function(X), rtol=0, atol=tolerance * 5)


def test_every_operation_is_compared():
    parts = [part for operation, _ in OPERATIONS.values() for part in (operation, *getattr(operation, "nodes", ()))]
    compared = {type(part[0]) if isinstance(part, tuple) else type(part) for part in parts}
    assert compared >= {*served.OPERATIONS, *served.Join.__subclasses__()}


def assert_same_scores(network, dtype, rng):
    """The ONNX model has the scores of the network, on images if it takes images."""
    rows = rng.standard_normal((6, network.n_features)).astype(dtype)
    model = serving(network)
    exported = model.to_onnx(dtype=dtype)
    onnx.checker.check_model(exported, full_check=True)
    sizes = [size.dim_value for size in exported.graph.input[0].type.tensor_type.shape.dim[1:]]
    assert tuple(sizes) == network.input_shape
    scores, tolerance = network.scores(np.float64(rows)), {"float64": 1e-13, "float32": 1e-5}[dtype]
    for n_rows in (6, 1, 0):
        given = rows[:n_rows].reshape(n_rows, *network.input_shape)
        computed = run(exported, given)["decision_function"].reshape(n_rows, network.n_scores)
        np.testing.assert_allclose(computed, scores[:n_rows], rtol=0, atol=tolerance * (1 + np.abs(scores).max()))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation(name, dtype, rng):
    assert_same_scores(network_with(*OPERATIONS[name]), dtype, rng)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", image_networks())
def test_networks_on_images(name, dtype, rng):
    assert_same_scores(image_networks()[name], dtype, rng)


@pytest.mark.parametrize("dtype", DTYPES)
def test_data_far_from_0(dtype):
    model, X, y = fitted()
    # Powers of two, and rows of float32: the shift rounds nothing.
    X = (np.round(X * 2**10) / 2**10 + 2.0**12).astype(np.float32)
    far = HKRClassifier(**{**model.get_params(), "epochs": 2}).fit(X, y)
    assert np.linalg.norm(far.center_) > 1000 * far.scale_
    assert_serves(far, run(far.to_onnx(dtype=dtype), X.astype(dtype)), X, far.scale_, 1e-5)


@pytest.mark.parametrize(
    ("labels", "exported"),
    [
        (["no", "yes"], ["no", "yes"]),
        (np.array(["a", "much longer"], dtype=object), ["a", "much longer"]),
        ([-1, 1], [-1, 1]),
        ([False, True], [0, 1]),
        ([3.0, 4.0], [3, 4]),
        (np.array([7, 200], dtype=np.uint8), [7, 200]),
    ],
)
def test_labels(labels, exported):
    model, X, _ = fitted()
    model = copy.deepcopy(model)
    positive = model.predict(X)
    model.classes_ = np.asarray(labels)
    assert set(positive) == {0, 1}
    np.testing.assert_array_equal(run(model.to_onnx(), X)["label"], np.asarray(exported, dtype=object)[positive])


@pytest.mark.parametrize("labels", [[0.5, 1.0], np.array([1, 2**63 + 1], dtype=np.uint64), [0.0, np.inf]])
def test_labels_that_onnx_cannot_hold(labels):
    model = copy.deepcopy(fitted()[0])
    model.classes_ = np.asarray(labels)
    with pytest.raises(ValueError, match="whole numbers"):
        model.to_onnx()


def test_a_tie_is_the_label_of_predict():
    zero = serving(network_of(np.zeros(3), (np.zeros((3, 1)),), (np.zeros(1),), ()))
    assert run(zero.to_onnx(), np.zeros((2, 3)))["label"].tolist() == zero.predict(np.zeros((2, 3))).tolist() == [0, 0]


def test_what_the_model_says_of_itself():
    model = fitted("multiclass")[0].to_onnx()
    onnx.checker.check_model(model, full_check=True)
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 17)]
    assert model.ir_version == 8
    assert model.producer_name == "sklip"
    assert "certificates" in model.doc_string
    assert [entry.name for entry in model.graph.input] == ["X"]
    assert [entry.name for entry in model.graph.output] == ["label", "probabilities", "decision_function"]
    names = [node.name for node in model.graph.node]
    # Or onnxruntime 1.20 refuses what its own optimizer makes.
    assert all(names)
    assert len(set(names)) == len(names)
    shape = model.graph.input[0].type.tensor_type.shape.dim
    assert (shape[0].dim_param, shape[1].dim_value) == ("n_rows", 4)


def test_no_rows_and_many():
    model, X, _ = fitted("multiclass")
    exported = model.to_onnx()
    assert run(exported, X[:0])["decision_function"].shape == (0, 3)
    many = np.tile(X, (50, 1))
    np.testing.assert_allclose(run(exported, many)["decision_function"], model.decision_function(many), atol=1e-11)


def test_refusals(monkeypatch):
    with pytest.raises(NotFittedError):
        HKRClassifier().to_onnx()
    with pytest.raises(ValueError, match="'dtype' parameter must be 'float64' or 'float32'; got 'float16'"):
        fitted()[0].to_onnx(dtype="float16")
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r"scikit-lipschitz\[onnx\]"):
        fitted()[0].to_onnx()
    monkeypatch.setitem(sys.modules, "skl2onnx", None)
    with pytest.raises(ImportError, match=r"scikit-lipschitz\[onnx\]"):
        register_onnx_converters()


SERVE = """
import sys
import numpy as np
import onnxruntime
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
np.savez(sys.argv[3], *session.run(["label", "decision_function"], {"X": np.load(sys.argv[2])}))
assert not {"sklip", "sklearn", "keras", "tensorflow"} & set(sys.modules)
"""


@pytest.mark.parametrize("kind", ["binary", "multiclass"])
def test_another_process_serves_it_without_sklip(kind, tmp_path):
    model, X, _ = fitted(kind)
    onnx.save(model.to_onnx(), tmp_path / "model.onnx")
    np.save(tmp_path / "rows.npy", X)
    run_script(SERVE, tmp_path / "model.onnx", tmp_path / "rows.npy", tmp_path / "served.npz")
    with np.load(tmp_path / "served.npz") as served:
        np.testing.assert_array_equal(served["arr_0"], model.predict(X))
        np.testing.assert_allclose(served["arr_1"], model.decision_function(X), rtol=0, atol=1e-5 * model.scale_)


def test_exporting_imports_no_keras():
    run_script(
        "import sys, sklip, numpy as np\n"
        "from sklip.served import Center, Dense, ServedNetwork\n"
        "network = ServedNetwork((Center(np.zeros(2)), Dense(np.eye(2)[:, :1], np.zeros(1))))\n"
        "sklip.NetworkClassifier(network=network).serve().to_onnx()\n"
        "assert not {'keras', 'tensorflow'} & set(sys.modules)"
    )


# Pipelines, by sklearn-onnx ------------------------------------------------------------------


@pytest.fixture(scope="module")
def pipelines():
    """Fitted pipelines of a scaler and a small classifier, by class and kind."""
    result = {}
    for of in (fitted, fitted_mlp):
        for kind, (X, y) in {"binary": moons(), "multiclass": blobs()}.items():
            model = of(kind)[0]
            scaler = StandardScaler().fit(X)
            # The classifier was fitted on rows of other units; that it is right does not matter here.
            centred = type(model)(**{**model.get_params(), "epochs": 1}).fit(scaler.transform(X), y)
            result[type(model), kind] = make_pipeline(scaler, centred), X
    return result


def tensors_of_probabilities(pipeline):
    return {id(pipeline[-1]): {"zipmap": False}}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", ["binary", "multiclass"])
@pytest.mark.parametrize("of", [HKRClassifier, LipschitzMLP])
def test_pipelines(pipelines, of, kind, dtype):
    model, X = pipelines[of, kind]
    X = X.astype(dtype)
    options = tensors_of_probabilities(model) if of is LipschitzMLP else None
    outputs = run(skl2onnx.to_onnx(model, X[:1], options=options), X)
    assert list(outputs) == ["label", "probabilities"]
    np.testing.assert_array_equal(outputs["label"], model.predict(X))
    scores = model.decision_function(X)
    scores = np.column_stack([-scores, scores]) if scores.ndim == 1 else scores
    expected = model.predict_proba(X) if of is LipschitzMLP else scores
    np.testing.assert_allclose(outputs["probabilities"], expected, rtol=0, atol=1e-5 * model[-1].scale_)
    assert outputs["probabilities"].dtype == np.dtype(dtype)

    raw = skl2onnx.to_onnx(model, X[:1], options={id(model[-1]): {"raw_scores": True, "zipmap": False}})
    np.testing.assert_allclose(run(raw, X)["probabilities"], scores, rtol=0, atol=1e-5 * model[-1].scale_)


def test_probabilities_are_zipped_as_those_of_scikit_learn(pipelines):
    model, X = pipelines[LipschitzMLP, "multiclass"]
    X = X.astype(np.float32)
    outputs = run(skl2onnx.to_onnx(model, X[:1]), X)
    assert list(outputs) == ["output_label", "output_probability"]
    zipped = np.array([[row[label] for label in model.classes_] for row in outputs["output_probability"]])
    np.testing.assert_allclose(zipped, model.predict_proba(X), rtol=0, atol=1e-5)


@pytest.mark.parametrize("opset", [12, 13, 15, 18, 21])
def test_older_and_newer_opsets(pipelines, opset):
    model, X = pipelines[HKRClassifier, "multiclass"]
    exported = skl2onnx.to_onnx(model, X[:1], target_opset=opset)
    assert max(entry.version for entry in exported.opset_import) <= opset
    np.testing.assert_array_equal(run(exported, X)["label"], model.predict(X))


@pytest.mark.parametrize("activation", [*ACTIVATIONS, "groupsort1"])
def test_activations_behind_a_scaler(activation):
    X, _ = blobs()
    scaler = MinMaxScaler().fit(X)
    network = random_network(np.random.default_rng(3), (4, 8, 16, 3), activation)
    model = make_pipeline(scaler, serving(amid(network, scaler.transform(X))))
    outputs = run(skl2onnx.to_onnx(model, X[:1]), X)
    np.testing.assert_allclose(outputs["probabilities"], model.decision_function(X), rtol=0, atol=1e-12)


@pytest.mark.parametrize("opset", [12, 17, 21])
@pytest.mark.parametrize("name", image_networks())
def test_pipelines_on_images_take_flat_rows(name, opset, rng):
    network = image_networks()[name]
    X = rng.standard_normal((9, 128))
    model = make_pipeline(StandardScaler().fit(X), serving(amid(network, X)))
    outputs = run(skl2onnx.to_onnx(model, X[:1], target_opset=opset), X)
    scores = model.decision_function(X)
    expected = np.column_stack([-scores, scores]) if scores.ndim == 1 else scores
    np.testing.assert_allclose(outputs["probabilities"], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("text", [False, True])
def test_names_or_numbers_of_the_classes(text):
    X, _ = moons()
    model = serving(amid(fitted()[0].network_, X))
    model.classes_ = np.array(["no", "yes"]) if text else np.array([-3, 4])
    labels = run(skl2onnx.to_onnx(model, X[:1]), X)["label"]
    np.testing.assert_array_equal(labels, model.predict(X))
    numbers = run(skl2onnx.to_onnx(model, X[:1], options={id(model): {"nocl": True}}), X)["label"]
    np.testing.assert_array_equal(model.classes_[numbers], model.predict(X))


def test_members_of_other_estimators():
    X, y = moons()
    X = X.astype(np.float32)
    first, second = FrozenEstimator(fitted()[0]), fitted_mlp()[0]
    calibrated = CalibratedClassifierCV(first, ensemble=False).fit(X, y)
    calibrated.calibrated_classifiers_[0].estimator = first.estimator  # sklearn-onnx has no FrozenEstimator
    outputs = run(skl2onnx.to_onnx(calibrated, X[:1], options={id(calibrated): {"zipmap": False}}), X)
    np.testing.assert_allclose(outputs["probabilities"], calibrated.predict_proba(X), rtol=0, atol=1e-5)

    members = [("first", first.estimator), ("second", second)]
    vote = VotingClassifier(members, flatten_transform=False).fit(X[:2], [0, 1])
    vote.estimators_ = [member for _, member in members]
    outputs = run(skl2onnx.to_onnx(vote, X[:1], options={id(vote): {"zipmap": False}}), X)
    np.testing.assert_array_equal(outputs["label"], vote.predict(X))


@pytest.mark.parametrize("temperature", [None, 3.0])
def test_a_network_trained_elsewhere(temperature):
    X, _ = moons()
    model = NetworkClassifier(network=fitted()[0].network_, classes=["yes", "no"], temperature=temperature).serve()
    for outputs in (run(model.to_onnx(), X), run(skl2onnx.to_onnx(model, X[:1]), X)):
        np.testing.assert_array_equal(outputs["label"], model.predict(X))
        scores = model.decision_function(X)
        expected = np.column_stack([-scores, scores]) if temperature is None else model.predict_proba(X)
        np.testing.assert_allclose(outputs["probabilities"], expected, rtol=0, atol=1e-12)
