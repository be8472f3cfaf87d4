"""Estimators in files of skops, which load nothing but trusted types."""

import io
import json
import zipfile

import numpy as np
import pytest
import skops.io
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skops.io.exceptions import UntrustedTypesFoundException

import sklip
from sklip import (
    CertifiedPipeline,
    LipschitzRegressor,
    ModelFileError,
    NetworkClassifier,
    RobustConformalClassifier,
    RobustConformalRegressor,
    WassersteinEstimator,
)
from sklip.architectures import MLP, ConvNet, ResidualConvNet
from sklip.served import (
    Abs,
    Add,
    AveragePool,
    Center,
    Concatenate,
    Convolution,
    Crop,
    Dense,
    DepthToSpace,
    Diagonal,
    FullSort,
    Graph,
    GroupSort,
    L2NormPool,
    MaxMin,
    MaxPool,
    Pad,
    Parallel,
    Relu,
    Reshape,
    Residual,
    Scale,
    ServedNetwork,
    Shift,
    SpaceToDepth,
    Tilted,
    window_offsets,
)
from tests.estimator_fixtures import bits, classifier, fitted, fitted_mlp, mlp, moons
from tests.processes import run_script


def loads(data):
    return skops.io.loads(data, trusted=sklip.TRUSTED_TYPES)


@pytest.fixture(scope="module")
def estimators():
    """Fitted estimators by name, each with its rows."""
    X, y = moons()
    hkr, blobs, _ = fitted("multiclass")
    return {
        "hkr": (fitted()[0], X),
        "multiclass": (hkr, blobs),
        "mlp": (fitted_mlp()[0], X),
        "hinge": (mlp(loss="hinge", epochs=1).fit(X, y), X),
        "pipeline": (make_pipeline(StandardScaler(), classifier(epochs=1)).fit(X, np.array(["no", "yes"])[y]), X),
        "network": (NetworkClassifier(network=hkr.network_, classes=list("cab"), temperature=2.0).serve(), blobs),
    }


def served(model, X):
    """All that a loaded classifier is asked for."""
    last = model[-1] if hasattr(model, "steps") else model
    inner = model[:-1].transform(X) if hasattr(model, "steps") else X
    return {
        "scores": model.decision_function(X),
        "radius": last.certified_radius(inner),
        "bound": np.array(last.lipschitz_bound_),
        "labels": np.array(model.predict(X).tolist()),
    }


NAMES = ("hkr", "multiclass", "mlp", "hinge", "pipeline", "network")

SERVE = """
import sys
import numpy as np, skops.io
import sklip
from tests.test_skops import served
for name in sys.argv[2:]:
    model = skops.io.load(f"{sys.argv[1]}/{name}.skops", trusted=sklip.TRUSTED_TYPES)
    np.savez(f"{sys.argv[1]}/{name}.npz", **served(model, np.load(f"{sys.argv[1]}/{name}.npy")))
assert not {"keras", "tensorflow"} & set(sys.modules)
"""


def test_another_process_serves_the_same_bits(estimators, tmp_path):
    for name, (model, X) in estimators.items():
        skops.io.dump(model, tmp_path / f"{name}.skops")
        np.save(tmp_path / f"{name}.npy", X)
    run_script(SERVE, tmp_path, *estimators)
    for name, (model, X) in estimators.items():
        with np.load(tmp_path / f"{name}.npz") as elsewhere:
            for key, value in served(model, X).items():
                assert bits(elsewhere[key]) == bits(value), (name, key)


@pytest.mark.parametrize("name", NAMES)
def test_round_trip(estimators, name):
    model, X = estimators[name]
    data = skops.io.dumps(model)
    loaded = loads(data)
    for key, value in served(model, X).items():
        assert bits(served(loaded, X)[key]) == bits(value), key
    assert set(skops.io.get_untrusted_types(data=data)) <= set(sklip.TRUSTED_TYPES)
    last, before = (found[-1] if hasattr(found, "steps") else found for found in (loaded, model))
    assert last.get_params().keys() == before.get_params().keys()
    assert getattr(last, "history_", None) == getattr(before, "history_", None)
    if hasattr(model, "predict_proba"):
        assert bits(loaded.predict_proba(X)) == bits(model.predict_proba(X))


def test_round_trip_of_a_wasserstein_estimator():
    X, y = moons()
    model = WassersteinEstimator(hidden_layer_sizes=(8, 4), epochs=2, random_state=0).fit(X, y)
    loaded = loads(skops.io.dumps(model))
    assert loaded.distance_ == model.distance_ == loaded.distance(X, y)
    assert bits(loaded.potential(X)) == bits(model.potential(X))


@pytest.mark.parametrize("name", ["hkr", "network"])
def test_arrays_of_a_loaded_network_are_read_only(estimators, name):
    network = loads(skops.io.dumps(estimators[name][0])).network_
    for array in network.arrays:
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0.0
        with pytest.raises(ValueError, match="WRITEABLE"):
            array.flags.writeable = True
    assert type(network.operations) is tuple


def test_training_goes_on_after_loading(estimators):
    X, y = moons()
    model, _ = estimators["hkr"]
    loaded, other = (loads(skops.io.dumps(model)) for _ in range(2))
    loaded.partial_fit(X, y)
    assert np.abs(loaded.decision_function(X) - other.decision_function(X)).max() > 0
    assert bits(loaded.decision_function(X)) == bits(other.partial_fit(X, y).decision_function(X))


def test_the_trusted_types_are_sklips_own_and_all_of_use(estimators):
    assert all(name.startswith("sklip.") for name in sklip.TRUSTED_TYPES)
    X, y = moons()
    potential = WassersteinEstimator(hidden_layer_sizes=(8, 4), epochs=1, random_state=0).fit(X, y)
    used = set()
    operations = (
        Center(np.zeros(2)),
        GroupSort(2),
        FullSort(),
        MaxMin(),
        Relu(),
        Abs(),
        Scale(2.0),
        Diagonal(np.ones(2)),
        Graph(((Relu(), (0,)), (Add(), (0, 1)), (Concatenate(), (1, 2)))),
        Parallel(((Abs(),), (Residual((Dense(np.eye(2), np.ones(2)),)),)), (2, 2)),
        Reshape((2, 2, 1)),
        Pad(1, 1, 1, 1, True),
        Crop(1, 1, 1, 1),
        SpaceToDepth(2, 2),
        Shift(window_offsets(2, 2), "circular"),
        DepthToSpace(2, 2),
        Convolution(np.ones((2, 2, 1, 1)), np.zeros(1), (1, 1), "same"),
        MaxPool(1, 1),
        AveragePool(1, 1),
        L2NormPool(2, 1),
        Reshape((2,)),
        Tilted((Dense(np.ones((2, 1)), np.zeros(1)),), np.ones(2)),
        Dense(np.ones((1, 2)), np.ones(2)),
    )
    every = NetworkClassifier(network=ServedNetwork(operations)).serve()
    recipes = [mlp(model=recipe) for recipe in (MLP(), ConvNet(), ResidualConvNet())]
    whole = CertifiedPipeline(make_pipeline(StandardScaler(), classifier()))
    sets, intervals = RobustConformalClassifier(mlp()), RobustConformalRegressor(LipschitzRegressor())
    others = [potential, every, whole, LipschitzRegressor(), sets, intervals]
    for model in (*(model for model, _ in estimators.values()), *recipes, *others):
        used |= set(skops.io.get_untrusted_types(data=skops.io.dumps(model)))
    assert used == set(sklip.TRUSTED_TYPES)


# Files that were tampered with ---------------------------------------------------------------


def edited(data, change):
    """The file with its schema changed in place."""
    result = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as before, zipfile.ZipFile(result, "w") as after:
        for name in before.namelist():
            content = before.read(name)
            if name == "schema.json":
                schema = json.loads(content)
                change(schema)
                content = json.dumps(schema)
            after.writestr(name, content)
    return result.getvalue()


def attributes(schema):
    return schema["content"]["content"]


def test_a_smuggled_type_is_refused(estimators):
    model, _ = estimators["hkr"]

    def smuggle(schema):
        attributes(schema)["callbacks"] = {
            "__class__": "system", "__module__": "os", "__loader__": "FunctionNode", "__id__": 999_999
        }  # fmt: skip

    data = edited(skops.io.dumps(model), smuggle)
    assert any("system" in name for name in skops.io.get_untrusted_types(data=data))
    with pytest.raises(UntrustedTypesFoundException, match="system"):
        loads(data)
    with pytest.raises(UntrustedTypesFoundException, match="sklip"):
        skops.io.loads(skops.io.dumps(model), trusted=[])


class Foreign:
    def __init__(self):
        self.network = 1


def test_a_type_of_ones_own_is_refused(estimators):
    model = make_pipeline(StandardScaler(), classifier())
    model.extra = Foreign()
    with pytest.raises(UntrustedTypesFoundException, match="Foreign"):
        loads(skops.io.dumps(model))


def test_another_network_is_refused(estimators):
    model, _ = estimators["hkr"]

    def exchange(schema):
        attributes(schema)["network_"] = attributes(schema)["history_"]

    with pytest.raises(ModelFileError, match="has a dict where its network should be"):
        loads(edited(skops.io.dumps(model), exchange))


def test_an_edited_network_is_refused(estimators):
    model, _ = estimators["hkr"]

    def shorten(schema):
        attributes(schema)["network_"]["content"]["content"]["operations"]["content"].pop()

    with pytest.raises(ModelFileError, match="ends with a Dense"):
        loads(edited(skops.io.dumps(model), shorten))
