"""Random fitted estimators: networks behind random steps, alone, calibrated, with a threshold, in a vote, a search."""

import warnings

import numpy as np
from sklearn.calibration import CalibratedClassifierCV, _CalibratedClassifier, _SigmoidCalibration
from sklearn.ensemble import VotingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV, TunedThresholdClassifierCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, LabelEncoder

from sklip import HKRClassifier, LipschitzMLP, NetworkClassifier
from tests.fuzz.composites import draw_encoding, draw_step
from tests.fuzz.draws import chance, pick, power
from tests.fuzz.functions import dense
from tests.fuzz.mutations import mutate
from tests.fuzz.networks import draw_network
from tests.helpers import kernels_of

_METHOD = "decision_function"
_LABELS = (
    lambda n: None,
    lambda n: None,
    lambda n: np.arange(n),
    lambda n: np.array([f"class {place}" for place in range(n)]),
    lambda n: np.arange(n) - 1.0,
    lambda n: np.arange(n)[::-1] * 3,
    lambda n: np.array([False, True]) if n == 2 else None,
)


def draw_estimator(rng, rows, train, container, encoded):
    """A random fitted estimator.

    Parameters
    ----------
    rng : numpy.random.Generator
    rows : ndarray of shape (n_rows, width)
        Raw values.
    train : array, frame, list or sparse matrix
        The same, to fit steps.
    container : tests.fuzz.containers.Container
    encoded : list of int
        Columns of categories.
    """
    kind = pick(rng, *["alone"] * 5, "vote", "vote", "threshold", "calibrated", "search", "frozen")
    if kind == "vote":
        return kind, _vote(rng, rows, train, container, encoded)
    binary = kind in ("threshold", "calibrated")
    model = _model(rng, rows, train, container, encoded, n_scores=1 if binary else None)
    return kind, _WRAPPED.get(kind, _alone)(rng, model, train)


def _model(rng, rows, train, container, encoded, *, n_scores=None, labels=None):
    """A classifier at the end of a pipeline, or bare."""
    steps, values = [], train
    if container.sparse or encoded or chance(rng, 0.65):
        steps, values = _steps(rng, train, container, encoded, rows.shape[1])
    seen = values.toarray() if hasattr(values, "toarray") else np.asarray(values)
    network = draw_network(rng, np.nan_to_num(np.float64(seen)), n_scores=n_scores)
    classifier = _classifier(rng, network, labels)
    if not steps:
        return classifier
    return Pipeline([*steps, ("classifier", FrozenEstimator(classifier) if chance(rng, 0.1) else classifier)])


def _classifier(rng, network, labels):
    n_classes = max(2, kernels_of(network)[-1].shape[1])
    classes = pick(rng, *_LABELS)(n_classes) if labels is None else np.arange(labels)
    if kernels_of(network)[-1].shape[1] != 2 and chance(rng, 0.3):
        classifier = pick(rng, HKRClassifier, LipschitzMLP)()
        classifier.network_, classifier.n_features_in_ = network, len(network.center)
        classifier.classes_ = np.arange(n_classes) if classes is None else np.sort(classes)
        return classifier
    return NetworkClassifier(network=network, classes=classes).serve()


def _steps(rng, train, container, encoded, width):
    """Fitted steps that a dense array comes out of, and what comes out."""
    steps, values = [], train
    kinds = {"names": container.names, "sparse": container.sparse, "floats": container.floats}
    if encoded:
        rest = [column for column in range(width) if column not in encoded]
        values = _add(
            rng, steps, draw_encoding(rng, encoded, rest, width, sparse=False, floats=kinds["floats"]), values
        )
        kinds = {"names": None, "sparse": False, "floats": False}
    for _ in range(int(rng.integers(0 if encoded else 1, 4))):
        for _ in range(3):
            try:
                values = _add(rng, steps, draw_step(rng, values.shape[1], **kinds), values)
                break
            except (ValueError, TypeError, AttributeError):  # the rows do not suit the step
                pass
        else:
            break
        kinds = {"names": None, "sparse": hasattr(values, "toarray"), "floats": container.floats and _floats(values)}
    if hasattr(values, "toarray"):
        values = _add(rng, steps, FunctionTransformer(dense, accept_sparse=True), values)
    return steps, values


def _add(rng, steps, step, values):
    """Fit a step, append it and return what comes out of it."""
    if not isinstance(step, str):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            step.fit(_private(values))
            mutate(rng, step)
            if chance(rng, 0.05) and hasattr(step, "set_output"):
                step.set_output(transform="pandas")
            before, values = values, step.transform(_private(values))
        if values.shape[1] == 0 or not hasattr(values, "shape"):
            raise ValueError("No columns are left.")
        if chance(rng, 0.1) and before is not None:
            step = FrozenEstimator(step)
    steps.append((f"step{len(steps)}", step))
    return values


def _private(values):
    return values.clone() if hasattr(values, "clone") else list(values) if isinstance(values, list) else values.copy()


def _floats(values):
    return isinstance(values, np.ndarray) and values.dtype in (np.float64, np.float32)


def _alone(rng, model, train):
    return model


def _frozen(rng, model, train):
    return FrozenEstimator(model)


def _search(rng, model, train):
    search = GridSearchCV(model, {})
    search.best_estimator_ = model
    return search


def _scores(model, train):
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scores = model.decision_function(train if isinstance(train, list) else _private(train))
    return scores if np.isfinite(scores).all() else np.zeros(len(scores))


def _threshold(rng, model, train):
    scores = _scores(model, train)
    labels = model.classes_[(scores > np.quantile(scores, 0.3)).astype(int)]
    if chance(rng, 0.2) and len(set(labels.tolist())) == 2:
        tuned = TunedThresholdClassifierCV(model, cv="prefit", refit=False, thresholds=9, response_method=_METHOD)
        return tuned.fit(train if isinstance(train, list) else _private(train), labels)
    threshold = pick(
        rng, "auto", 0.0, float(scores[0]), float(np.median(scores)), np.inf, -float(scores[1]), 1, np.float32(0.3)
    )
    positive = pick(rng, None, *model.classes_.tolist())
    if positive is None and not set(model.classes_.tolist()) <= {0, 1, -1}:
        positive = model.classes_.tolist()[1]
    thresholded = FixedThresholdClassifier(
        FrozenEstimator(model), threshold=threshold, pos_label=positive, response_method=_METHOD
    )
    thresholded.estimator_ = FrozenEstimator(model) if chance(rng, 0.3) else model
    return thresholded


def _calibrated(rng, model, train):
    scores = _scores(model, train)
    size = float(np.abs(scores).max()) or 1.0
    sigmoid = _SigmoidCalibration()
    sigmoid.a_ = pick(rng, -1.0, 1.0) * pick(rng, 1.0, 3.0 / size if size > 1e-300 else 1.0, power(rng, -20, 20))
    sigmoid.b_ = pick(rng, 0.0, -sigmoid.a_ * float(np.median(scores)), np.inf, rng.standard_normal())
    calibrated = CalibratedClassifierCV(model, method="sigmoid", ensemble=False)
    calibrated.classes_ = model.classes_
    calibrated.calibrated_classifiers_ = [
        _CalibratedClassifier(model, [sigmoid], classes=model.classes_, method="sigmoid")
    ]
    return calibrated


_WRAPPED = {"threshold": _threshold, "calibrated": _calibrated, "search": _search, "frozen": _frozen}


def _vote(rng, rows, train, container, encoded):
    n_scores, n_members = pick(rng, 1, 1, 3), int(rng.integers(2, 5))
    n_classes = max(2, n_scores)
    members = [
        _model(rng, rows, train, container, encoded, n_scores=n_scores, labels=n_classes) for _ in range(n_members)
    ]
    weights = pick(
        rng,
        None,
        None,
        rng.integers(0, 4, n_members).tolist(),
        rng.random(n_members).tolist(),
        [0.1, 0.2, 0.3, 0.4][:n_members],
        [power(rng, -20, 20) for _ in range(n_members)],
    )
    if weights is not None and not any(weights):
        weights = None
    vote = VotingClassifier(
        [(f"m{place}", member) for place, member in enumerate(members)], voting="hard", weights=weights
    )
    vote.estimators_ = members
    vote.le_ = LabelEncoder().fit(np.arange(n_classes) * pick(rng, 1, 5) - pick(rng, 0, 2))
    vote.classes_ = vote.le_.classes_
    return vote
