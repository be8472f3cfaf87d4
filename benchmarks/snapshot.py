"""Are predictions and certificates the same bits as before a change? Asked of fitted models and of stored ones.

``--write FOLDER`` fits fixed models with the code that is imported, stores them, and what they answer. ``--compare
FOLDER`` loads these models with the code that is imported then, fits new ones, and prints what differs: of stored
models nothing may, of fitted ones nothing where the compiled step is the same.

It is no benchmark: ``make bench`` leaves it out. Results are not kept in the repository.
"""

import argparse
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import joblib
import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_digits, make_moons
from sklearn.decomposition import PCA
from sklearn.ensemble import VotingClassifier
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

import sklip
from sklip import HKRClassifier, LipschitzMLP, WassersteinEstimator

SMALL = {"hidden_layer_sizes": (32, 16), "epochs": 5, "random_state": 0}
ROWS = 60


def fitted_models():
    """Estimators and their rows, by name."""
    moons = make_moons(400, noise=0.05, random_state=0)
    digits, cancer = load_digits(return_X_y=True), load_breast_cancer(return_X_y=True)
    early = {"early_stopping": True, "n_iter_no_change": 2, "learning_rate_schedule": "constant"}
    yield "HKR", HKRClassifier(**SMALL).fit(*moons), moons[0]
    yield "HKR, float32", HKRClassifier(**SMALL).fit(np.float32(moons[0]), moons[1]), np.float32(moons[0])
    yield "HKR, ten classes", HKRClassifier(**SMALL).fit(*digits), digits[0]
    yield "MLP", LipschitzMLP(**SMALL).fit(*moons), moons[0]
    yield "MLP, ten classes", LipschitzMLP(**SMALL).fit(*digits), digits[0]
    yield "early stopping", HKRClassifier(**{**SMALL, **early}).fit(*moons), moons[0]
    for activation in ("fullsort", "relu", "abs", "maxmin"):
        yield activation, HKRClassifier(**SMALL, activation=activation).fit(*moons), moons[0]
    parts = HKRClassifier(**SMALL)
    for part in range(3):
        parts.partial_fit(moons[0][part::3], moons[1][part::3], classes=[0, 1])
    yield "partial_fit", parts, moons[0]
    yield "from_keras", sklip.from_keras(HKRClassifier(**SMALL).fit(*moons).to_keras()), moons[0]
    yield "transport", WassersteinEstimator(hidden_layer_sizes=(16,), epochs=5, random_state=0).fit(*moons), moons[0]
    steps = {
        "scaler": StandardScaler(),
        "clip": MinMaxScaler(clip=True),
        "whitened": make_pipeline(StandardScaler(), PCA(8, whiten=True)),
        "union": FeatureUnion([("a", RobustScaler()), ("b", PCA(3))], transformer_weights={"a": 0.5}),
        "columns": ColumnTransformer([("a", StandardScaler(), [0, 1, 2]), ("b", RobustScaler(), slice(3, 9))]),
    }
    for name, step in steps.items():
        yield f"pipeline, {name}", make_pipeline(step, HKRClassifier(**SMALL)).fit(*cancer), cancer[0]
    members = [(name, make_pipeline(StandardScaler(), kind(**SMALL))) for name, kind in
               (("a", HKRClassifier), ("b", LipschitzMLP))]  # fmt: skip
    yield "vote", VotingClassifier(members).fit(*cancer), cancer[0]
    threshold = FixedThresholdClassifier(members[0][1], threshold=0.1, response_method="decision_function")
    yield "threshold", threshold.fit(*cancer), cancer[0]


def answers(estimator, X):
    """Everything that an estimator says of rows, by the name of what was asked."""
    X = X[:ROWS]
    methods = ("predict", "decision_function", "predict_proba", "certified_radius", "gradient", "potential")
    said = {name: np.asarray(getattr(estimator, name)(X)) for name in methods if hasattr(estimator, name)}
    for name in ("lipschitz_bound_", "distance_"):
        if hasattr(estimator, name):
            said[name] = np.float64(getattr(estimator, name))
    if hasattr(estimator, "predict"):
        for norm in (1, 2, np.inf):
            said[f"radius, norm {norm}"] = np.asarray(sklip.certified_radius(estimator, X, norm=norm))
    if hasattr(estimator, "closest_adversarial"):
        said["closest"], said["distance"] = estimator.closest_adversarial(X)
    if hasattr(estimator, "to_onnx"):
        import onnxruntime

        session = onnxruntime.InferenceSession(estimator.to_onnx().SerializeToString())
        said["onnx"] = session.run(["decision_function"], {"X": np.float64(X)})[0]
    return said


def reads_lists_of_kernels():
    """Have joblib read networks of lists of kernels, as they were stored once, as tuples of operations."""
    try:
        from sklip.served import Center, Dense, ServedNetwork, activation
    except ImportError:  # the code that stores them
        return
    read = ServedNetwork.__setstate__

    def set_state(network, state):
        if "kernels" in state:
            names = [*map(activation, state["activations"]), None]
            layers = zip(map(np.array, state["kernels"]), map(np.array, state["biases"]), names, strict=True)
            hidden = [part for kernel, bias, name in layers for part in (Dense(kernel, bias), name) if part is not None]
            state = {"operations": (Center(np.array(state["center"])), *hidden)}
        read(network, state)

    ServedNetwork.__setstate__ = set_state
    sys.modules["sklip.network"] = SimpleNamespace(CondensedNetwork=ServedNetwork)


def differences(before, after):
    """Lines about what differs, with the largest relative difference."""
    for model, said in before.items():
        for name, old in said.items():
            new = after.get(model, {}).get(name)
            if new is None or new.shape != old.shape:
                yield f"{model}: {name} is missing, or of another shape"
            elif new.tobytes() != old.tobytes():
                with np.errstate(all="ignore"):
                    far = np.nanmax(np.abs(np.float64(new) - old) / np.abs(old), initial=0.0)
                yield f"{model}: {name} differs by up to {far:.2g} of itself"


def main():
    reads_lists_of_kernels()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path, metavar="FOLDER")
    parser.add_argument("--compare", type=Path, metavar="FOLDER")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    if arguments.write:
        arguments.write.mkdir(parents=True, exist_ok=True)
        models = {name: (estimator, X) for name, estimator, X in fitted_models()}
        joblib.dump(models, arguments.write / "models.joblib")
        joblib.dump({name: answers(*model) for name, model in models.items()}, arguments.write / "answers.joblib")
    if arguments.compare:
        before = joblib.load(arguments.compare / "answers.joblib")
        stored = joblib.load(arguments.compare / "models.joblib")
        served = list(differences(before, {name: answers(*model) for name, model in stored.items()}))
        fitted = list(differences(before, {name: answers(estimator, X) for name, estimator, X in fitted_models()}))
        for title, lines in (("stored models", served), ("fitted models", fitted)):
            print(f"{title}: {len(lines)} answers differ of {sum(map(len, before.values()))}", *lines, sep="\n  ")
        sys.exit(bool(served))


if __name__ == "__main__":
    main()
