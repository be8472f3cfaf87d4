"""Other people's attacks: none gets inside a certified radius, and they succeed beyond."""

import sys
from fractions import Fraction
from functools import cache, partial

import numpy as np
import pytest
from sklearn.datasets import make_classification

import sklip
from sklip import HKRClassifier
from sklip.interop import to_art
from sklip.served import Center, Diagonal, ServedNetwork
from tests import estimator_fixtures as fixtures
from tests.export_examples import image_networks
from tests.helpers import amid, serving, strictly_inside

_KINDS = [(kind, fitted) for fitted in ("fitted", "fitted_mlp") for kind in ("binary", "multiclass")]


@pytest.fixture(scope="module")
def evasion():
    return pytest.importorskip("art.attacks.evasion")


@pytest.fixture(scope="module", params=_KINDS, ids=["-".join(pair) for pair in _KINDS])
def problem(request, evasion):
    """A classifier, 24 rows of float32 numbers, and their radii."""
    kind, fitted = request.param
    classifier, X, _ = getattr(fixtures, fitted)(kind)
    X = X[:24].astype(np.float32)
    return classifier, X, classifier.certified_radius(X)


def _deep_fool(evasion, estimator, radius):
    return evasion.DeepFool(estimator, epsilon=1e-6, verbose=False)


def _carlini_wagner(evasion, estimator, radius):
    return evasion.CarliniL2Method(
        estimator,
        initial_const=1.0,
        binary_search_steps=6,
        max_iter=20,
        learning_rate=0.05,
        batch_size=24,
        verbose=False,
    )


def _within(factor, name, restarts, norm=2):
    """An attack within a ball; that of the median radius, times a factor."""

    def attack(evasion, estimator, radius):
        size = factor * float(np.median(radius))
        return getattr(evasion, name)(
            estimator, norm=norm, eps=size, eps_step=size / 6, max_iter=20, batch_size=24, verbose=False, **restarts
        )

    return attack


def _fast_gradient(evasion, estimator, radius):
    size = float(np.median(radius))
    return evasion.FastGradientMethod(estimator, norm=2, eps=4 * size, eps_step=size / 50, minimal=True, batch_size=24)


def _hop_skip_jump(evasion, estimator, radius, norm=2):
    return evasion.HopSkipJump(
        estimator, norm=norm, max_iter=4, max_eval=150, init_eval=20, init_size=50, batch_size=24, verbose=False
    )


def _elastic_net(evasion, estimator, radius):
    return evasion.ElasticNet(
        estimator, decision_rule="L1", beta=0.1, initial_const=1.0, max_iter=30, binary_search_steps=4, batch_size=24,
        learning_rate=0.05, verbose=False,
    )  # fmt: skip


def _boundary(evasion, estimator, radius):
    return evasion.BoundaryAttack(
        estimator, targeted=False, max_iter=25, num_trial=5, sample_size=5, init_size=50, verbose=False
    )


ATTACKS = {
    "DeepFool": _deep_fool,
    "Carlini-Wagner": _carlini_wagner,
    "projected gradient, 0.999": _within(0.999, "ProjectedGradientDescent", {"num_random_init": 3}),
    "projected gradient, 3": _within(3.0, "ProjectedGradientDescent", {"num_random_init": 3}),
    "AutoPGD, 3": _within(3.0, "AutoProjectedGradientDescent", {"nb_random_init": 2}),
    "auto conjugate gradient, 3": _within(3.0, "AutoConjugateGradient", {"nb_random_init": 2}),
    "fast gradient": _fast_gradient,
    "HopSkipJump": _hop_skip_jump,
    "boundary": _boundary,
}


IN_A_NORM = {
    "projected gradient, 0.999": lambda norm: _within(0.999, "ProjectedGradientDescent", {"num_random_init": 3}, norm),
    "projected gradient, 1.5": lambda norm: _within(1.5, "ProjectedGradientDescent", {"num_random_init": 3}, norm),
    "projected gradient, 3": lambda norm: _within(3.0, "ProjectedGradientDescent", {"num_random_init": 3}, norm),
    "AutoPGD, 1.5": lambda norm: _within(1.5, "AutoProjectedGradientDescent", {"nb_random_init": 2}, norm),
    "AutoPGD, 3": lambda norm: _within(3.0, "AutoProjectedGradientDescent", {"nb_random_init": 2}, norm),
    "auto conjugate gradient, 3": lambda norm: _within(3.0, "AutoConjugateGradient", {"nb_random_init": 2}, norm),
}
ATTACKS_IN_A_NORM = [
    *((norm, name, attack(norm)) for norm in (1, np.inf) for name, attack in IN_A_NORM.items()),
    (np.inf, "HopSkipJump", partial(_hop_skip_jump, norm=np.inf)),
    (1, "elastic net", _elastic_net),
]


@cache
def _trained_for(norm, n_classes):
    """A classifier trained for a norm and for very unlike tolerances, 24 rows, and what attacks start from."""
    X, y = make_classification(
        200, 6, n_informative=4, n_redundant=0, n_classes=n_classes, n_clusters_per_class=1, class_sep=2.0,
        random_state=0,
    )  # fmt: skip
    tolerances = np.array([0.5, 3.0, 1.0, 0.02, 1.0, 40.0])
    classifier = HKRClassifier(
        hidden_layer_sizes=(16, 8), norm=norm, tolerances=tolerances, epochs=15, backend="numpy", random_state=0
    ).fit(X * tolerances, y)
    # Attacks know no tolerances: they get the rows in units of the tolerances, in their float32.
    scaled = X[:24].astype(np.float32)
    network = classifier.network_
    shifted = Center(network.center / tolerances), Diagonal(tolerances), *network.operations[1:]
    rows = scaled * tolerances
    return classifier, rows, scaled, ServedNetwork(shifted), [classifier.closest_adversarial(rows)[1],
        sklip.audit(classifier, rows, random_state=0, verbose=False).attack]  # fmt: skip


def _size(offsets, tolerances, norm):
    """The exact size of a displacement."""
    sizes = [abs(Fraction(a) - Fraction(b)) / Fraction(t) for (a, b), t in zip(offsets, tolerances, strict=True)]
    return sum(sizes) if norm == 1 else max(sizes)


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize(
    ("norm", "name", "attack"), ATTACKS_IN_A_NORM, ids=[f"L{norm}-{name}" for norm, name, _ in ATTACKS_IN_A_NORM]
)
def test_none_gets_inside_a_radius_in_the_norm_and_tolerances_of_the_training(evasion, norm, name, attack, n_classes):
    np.random.seed(0)  # noqa: NPY002 - the toolbox draws from it
    classifier, X, scaled, network, ours = _trained_for(norm, n_classes)
    radius, tolerances = classifier.certified_radius(X), classifier.tolerances_
    estimator = to_art(network, classifier.classes_, (scaled.min() - 3.0, scaled.max() + 3.0))
    adversarial = np.float64(attack(evasion, estimator, radius).generate(scaled)) * tolerances
    changed = np.flatnonzero(classifier.predict(adversarial) != classifier.predict(X))
    theirs = [_size(zip(adversarial[row].tolist(), X[row].tolist(), strict=True), tolerances.tolist(), norm)
              for row in changed]  # fmt: skip
    assert all(size >= Fraction(radius[row]) for size, row in zip(theirs, changed, strict=True))
    assert len(changed) > (0 if name.endswith("0.999") else 6)
    # The attacks of sklip are at least as strong.
    for distance in ours:
        assert np.isfinite(distance[changed]).all()
        assert np.mean(distance[changed] <= np.float64(theirs) * (1 + 1e-6)) >= 0.95


@pytest.mark.parametrize("name", ATTACKS)
def test_no_attack_gets_inside_a_radius_and_it_succeeds_beyond(evasion, problem, name):
    np.random.seed(0)  # noqa: NPY002 - the toolbox draws from it
    classifier, X, radius = problem
    estimator = classifier.to_art((X.min() - 3.0, X.max() + 3.0))
    adversarial = ATTACKS[name](evasion, estimator, radius).generate(X)
    changed = classifier.predict(adversarial) != classifier.predict(X)
    assert not strictly_inside(X[changed], adversarial[changed], radius[changed]).any()
    assert changed.mean() > (0.0 if name.endswith("0.999") else 0.4)


def test_deep_fool_finds_nothing_nearer_than_closest_adversarial(evasion, problem):
    classifier, X, _ = problem
    adversarial = _deep_fool(evasion, classifier.to_art(), None).generate(X)
    changed = classifier.predict(adversarial) != classifier.predict(X)
    distance = np.linalg.norm(np.float64(adversarial) - np.float64(X), axis=1)
    closest = classifier.closest_adversarial(X)[1]
    assert (closest[changed] <= distance[changed] * (1 + 1e-6)).mean() > 0.95


def test_the_estimator_is_the_served_network(evasion, problem):
    classifier, X, _ = problem
    estimator, scores = classifier.to_art(), classifier.decision_function(X)
    logits = estimator.predict(X)
    assert estimator.nb_classes == len(classifier.classes_)
    assert estimator.input_shape == X.shape[1:]
    assert logits.dtype == np.float64
    np.testing.assert_array_equal(classifier.classes_[logits.argmax(axis=1)], classifier.predict(X))
    np.testing.assert_array_equal(logits[:, 1] - logits[:, 0] if scores.ndim == 1 else logits, scores)


def test_gradients_are_those_of_the_logits_and_of_the_loss(evasion, problem):
    classifier, X, _ = problem
    estimator, step = classifier.to_art(), 1e-6
    codes = np.searchsorted(classifier.classes_, classifier.predict(X))
    gradient, slopes = estimator.class_gradient(X), estimator.loss_gradient(X, np.eye(estimator.nb_classes)[codes])
    np.testing.assert_array_equal(estimator.class_gradient(X, label=1), gradient[:, [1]])
    np.testing.assert_array_equal(estimator.class_gradient(X, label=codes)[:, 0], gradient[np.arange(len(X)), codes])
    np.testing.assert_array_equal(estimator.loss_gradient(X, codes), slopes)
    rows = np.float64(X)
    for feature in range(X.shape[1]):
        shift = step * np.eye(X.shape[1])[feature]
        difference = (estimator.predict(rows + shift) - estimator.predict(rows - shift)) / (2 * step)
        assert (np.abs(difference - gradient[..., feature]) < 1e-6).mean() > 0.95
        difference = (estimator.compute_loss(rows + shift, codes) - estimator.compute_loss(rows - shift, codes)) / (
            2 * step
        )
        assert (np.abs(difference - slopes[:, feature]) < 1e-6).mean() > 0.9
    losses = estimator.compute_loss(X, codes)
    assert (losses <= 0).all()  # of the predicted classes
    assert estimator.compute_loss(X, codes, reduction="mean") == losses.mean()


@pytest.mark.parametrize("name", image_networks())
def test_images_keep_their_shape(evasion, name, rng):
    network = image_networks()[name]
    rows = rng.standard_normal((6, network.n_features))
    images = rows.reshape(6, *network.input_shape).astype(np.float32)
    X = np.float64(images).reshape(6, -1)
    classifier = serving(amid(network, X))
    estimator, radius = classifier.to_art(), classifier.certified_radius(X)
    n_classes = len(classifier.classes_)
    codes = np.searchsorted(classifier.classes_, classifier.predict(X))
    assert estimator.input_shape == (8, 8, 2)
    np.testing.assert_array_equal(estimator.predict(images), estimator.predict(X))
    gradient, slopes = estimator.class_gradient(images), estimator.loss_gradient(images, codes)
    assert (gradient.shape, slopes.shape) == ((6, n_classes, 8, 8, 2), (6, 8, 8, 2))
    np.testing.assert_array_equal(gradient.reshape(6, n_classes, -1), estimator.class_gradient(X))
    np.testing.assert_array_equal(slopes.reshape(6, -1), estimator.loss_gradient(X, codes))
    assert estimator.class_gradient(images, label=1).shape == (6, 1, 8, 8, 2)

    adversarial = _within(30.0, "ProjectedGradientDescent", {})(evasion, estimator, radius).generate(images)
    assert adversarial.shape == images.shape
    found = np.float64(adversarial).reshape(6, -1)
    changed = classifier.predict(found) != classifier.predict(X)
    assert changed.any()
    assert not strictly_inside(X[changed], found[changed], radius[changed]).any()


def test_without_the_toolbox_the_error_names_the_extra(monkeypatch):
    from sklip.interop import _art

    classifier, _, _ = fixtures.fitted("binary")
    monkeypatch.setattr(_art, "_estimator_class", _art._estimator_class.__wrapped__)
    monkeypatch.setitem(sys.modules, "art.estimators.classification.classifier", None)
    with pytest.raises(ImportError, match=r"scikit-lipschitz\[attacks\]"):
        classifier.to_art()


def test_the_toolbox_cannot_train_it():
    pytest.importorskip("art.attacks.evasion")
    classifier, X, y = fixtures.fitted("binary")
    with pytest.raises(NotImplementedError, match="Fit the sklip classifier, then call to_art again"):
        classifier.to_art().fit(X, y)
