import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.feature_selection import VarianceThreshold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import sklip.auditing._audit as module
from sklip import AuditResult, audit
from sklip.attacks import Target, attack, network_margins
from sklip.attacks._geometry import confine, lengths, random_directions, steepest
from sklip.attacks._search import Search
from sklip.exceptions import BrokenCertificateWarning
from tests import estimator_fixtures as fixtures
from tests.helpers import network_of, serving

NORMS = pytest.mark.parametrize("norm", [1, 2, np.inf])


def _dual(norm):
    return {1: np.inf, 2: 2, np.inf: 1}[norm]


def _linear_target(rng, norm, *, n_rows=60, stretch=1.0, representable=lambda inputs: inputs):
    """A linear classifier whose distances are known: ``|w · x + b| / ‖scale ∘ w‖`` in the dual norm."""
    w, b, scale = rng.standard_normal(5), 0.3, rng.uniform(0.2, 5.0, 5)
    rows = representable(rng.standard_normal((n_rows, 5)))
    margins = rows @ w + b
    own = np.sign(margins)
    distance = np.abs(margins) / np.linalg.norm(scale * w, ord=_dual(norm))
    target = Target(
        rows=rows,
        radii=stretch * distance,
        tolerances=scale,
        norm=norm,
        predict=lambda inputs, index: inputs @ w + b > 0,
        margins_and_gradients=lambda inputs, index: (own[index] * (inputs @ w + b), own[index, None] * w),
        representable=representable,
    )
    return target, distance


# Geometry -----------------------------------------------------------------------------------


@NORMS
def test_steepest_directions_have_norm_1_and_the_dual_norm_as_slope(rng, norm):
    gradients = np.vstack([rng.standard_normal((20, 6)), 1e-200 * rng.standard_normal((5, 6)), np.zeros((1, 6))])
    directions, slopes = steepest(gradients, norm)
    sizes = np.abs(gradients[:-1]).max(axis=1)
    expected = sizes * np.linalg.norm(gradients[:-1] / sizes[:, None], ord=_dual(norm), axis=1)
    np.testing.assert_allclose(slopes[:-1], expected, rtol=1e-13)
    np.testing.assert_allclose(np.linalg.norm(directions[:-1], ord=norm, axis=1), 1.0, rtol=1e-13)
    np.testing.assert_allclose(np.sum(directions * gradients, axis=1), slopes, rtol=1e-13)
    assert not directions[-1].any()


@NORMS
def test_confined_vectors_lie_in_the_ball_and_those_inside_stay(rng, norm):
    offsets, radii = rng.standard_normal((50, 4)), rng.uniform(0, 4, 50)
    confined = confine(offsets, radii, norm)
    assert (lengths(confined, norm) <= radii * (1 + 1e-14)).all()
    inside = lengths(offsets, norm) < radii
    assert inside.any()
    np.testing.assert_array_equal(confined[inside], offsets[inside])


@NORMS
def test_no_point_of_the_ball_is_nearer_than_the_confined_vector(rng, norm):
    """A projection on a convex set: the way back to the vector is at a right or obtuse angle to the whole ball."""
    offsets, radii = 2.0 * rng.standard_normal((40, 6)), rng.uniform(0.1, 3.0, 40)
    offsets[0], radii[0] = 1.0, 2.0  # equal entries
    confined = confine(offsets, radii, norm)
    points = np.concatenate([random_directions(rng, (200, 6), norm), np.eye(6), -np.eye(6)])
    for row, point, radius in zip(offsets, confined, radii, strict=True):
        assert ((row - point) @ (radius * points - point).T <= 1e-12).all()


def test_vectors_are_confined_to_a_ball_without_a_size(rng):
    assert not confine(rng.standard_normal((3, 4)), np.zeros(3), 1).any()
    offsets = 1e100 * rng.standard_normal((3, 4))
    assert (lengths(confine(offsets, np.ones(3), 1), 1) <= 1 + 1e-12).all()
    np.testing.assert_array_equal(confine(offsets, np.full(3, np.inf), 1), offsets)


@NORMS
def test_random_directions_have_norm_1(rng, norm):
    directions = random_directions(rng, (400, 16), norm)
    np.testing.assert_allclose(lengths(directions, norm), 1.0, rtol=1e-14)
    n_moved = (directions != 0).sum(axis=1)
    if norm == 1:
        # Few columns more often than many, up to all of them.
        assert set(n_moved) == set(range(1, 17)) and 3 <= np.median(n_moved) <= 6
    else:
        assert (n_moved == 16).all()


@NORMS
@pytest.mark.parametrize("size", [1e-320, 1e-200, 1.0, 1e200, 1e305])
def test_lengths_neither_overflow_nor_vanish(norm, size):
    row = size * np.array([[3.0, -4.0, 0.0]])
    np.testing.assert_allclose(
        lengths(row, norm) / size, {1: 7, 2: 5, np.inf: 4}[norm], rtol=1e-3 if size < 1e-300 else 1e-14
    )
    assert lengths(np.zeros((1, 3)), norm) == 0


# The engine on distances that are known -----------------------------------------------------


@NORMS
@pytest.mark.parametrize("effort", [{"restarts": 1, "n_steps": 3}, {}])
def test_the_smallest_attack_on_a_linear_classifier_is_its_distance(rng, norm, effort):
    target, distance = _linear_target(rng, norm, stretch=0.9)
    found = attack(target, **effort)
    assert not found.inside.any()
    np.testing.assert_allclose(found.distance, distance, rtol=1e-9 if not effort else 1e-3)
    assert (found.distance >= distance * (1 - 1e-14)).all()
    np.testing.assert_allclose(
        lengths((found.inputs - target.rows) / target.tolerances, norm), found.distance, rtol=1e-13
    )
    assert (target.predict(found.inputs, None) != found.labels).all()


@NORMS
def test_radii_that_are_wrong_by_a_billionth_are_found_and_right_ones_are_not(rng, norm):
    target, _ = _linear_target(rng, norm, stretch=1 + 1e-9)
    assert attack(target, restarts=1, n_steps=3).inside.all()
    target, _ = _linear_target(rng, norm, stretch=1 - 1e-12)
    assert not attack(target).inside.any()


@NORMS
def test_inputs_that_rounding_moves_out_of_the_ball_do_not_count(rng, norm):
    """Float32 columns: nothing is inside that float32 cannot hold, however near the radius is to the boundary."""

    def single(inputs):
        return np.float64(np.float32(inputs))

    target, distance = _linear_target(rng, norm, stretch=1 - 1e-12, representable=single)
    found = attack(target)
    assert not found.inside.any()
    np.testing.assert_array_equal(single(found.inputs), found.inputs)
    np.testing.assert_allclose(found.distance, distance, rtol=1e-3)


def _linear_classes_target(rng, norm, n_classes):
    """A linear classifier of several classes, with the distance of each row to each class; infinite to its own."""
    W, b, scale = rng.standard_normal((5, n_classes)), rng.standard_normal(n_classes), rng.uniform(0.2, 5.0, 5)
    network = network_of(np.zeros(5), (W,), (b,), ())
    rows = 3.0 * rng.standard_normal((80, 5))
    scores, margins = rows @ W + b, network_margins(network)
    own = scores.argmax(axis=1)
    slopes = np.linalg.norm(scale[:, None, None] * (W[:, :, None] - W[:, None, :]), ord=_dual(norm), axis=0)
    distances = (scores[np.arange(80), own, None] - scores) / (slopes + np.eye(n_classes))[own]
    distances[np.arange(80), own] = np.inf
    target = Target(
        rows=rows,
        radii=0.9 * distances.min(axis=1),
        tolerances=scale,
        norm=norm,
        predict=lambda inputs, index: (inputs @ W + b).argmax(axis=1),
        margins_and_gradients=lambda inputs, index, rivals=None: margins(inputs, own[index], rivals),
        representable=lambda inputs: inputs,
        n_classes=n_classes,
    )
    return target, distances


@NORMS
@pytest.mark.parametrize("n_classes", [3, 10])
def test_the_attack_finds_the_nearest_of_several_rivals(rng, norm, n_classes):
    target, distances = _linear_classes_target(rng, norm, n_classes)
    for effort in ({"restarts": 1, "n_steps": 3}, {}):
        found = attack(target, **effort)
        assert not found.inside.any()
        np.testing.assert_allclose(found.distance, distances.min(axis=1), rtol=2e-2 if effort else 1e-9)
    # Without rivals, the one with the smallest margin decides at each point, and the nearest may be missed.
    adrift = attack(replace(target, n_classes=2), restarts=1, n_steps=3)
    assert (adrift.distance >= distances.min(axis=1) * (1 - 1e-14)).all()
    assert np.mean(adrift.distance) > np.mean(attack(target, restarts=1, n_steps=3).distance)


@NORMS
def test_rivals_come_in_the_order_of_their_boundaries(rng, norm):
    target, distances = _linear_classes_target(rng, norm, 6)
    search = Search(target, np.arange(80), differs=None)
    candidates = np.tile(np.arange(6), (80, 1))
    rivals = np.stack(search.nearest_rivals(candidates, 3), axis=1)
    np.testing.assert_array_equal(rivals, distances.argsort(axis=1)[:, :3])
    assert len(search.nearest_rivals(candidates, 9)) == 5  # the class itself is none


@NORMS
def test_rows_of_other_labels_show_the_way_to_an_island(rng, norm):
    """Of two boundaries, the gradient points to the far one; the near one is that of a small box."""
    rows = np.concatenate([rng.uniform(0.0, 0.1, (20, 4)), rng.uniform(-1.3, -1.2, (20, 4))])

    def inner(inputs):
        return 0.2 - np.abs(inputs + 1.25).max(axis=1)  # positive in the box

    def margins(inputs, index):
        sign, beyond = np.where(index < 20, 1.0, -1.0), inner(inputs) > -0.6
        nearest = np.abs(inputs + 1.25).argmax(axis=1)
        slopes = np.where(beyond[:, None], np.sign(inputs + 1.25) * np.eye(4)[nearest], -np.ones(4) / 4)
        return sign * np.where(beyond, -inner(inputs), 9.0 - inputs.mean(axis=1)), sign[:, None] * slopes

    target = Target(
        rows=rows,
        radii=np.full(40, 0.01),
        tolerances=np.ones(4),
        norm=norm,
        predict=lambda inputs, index: (inner(inputs) > 0) | (inputs.mean(axis=1) > 9.0),
        margins_and_gradients=margins,
        representable=lambda inputs: inputs,
    )
    nearest = np.linalg.norm(np.maximum(rows[:20] + 1.05, 0.0), ord=norm, axis=1)
    np.testing.assert_allclose(attack(target).distance[:20], nearest, rtol=0.05)
    alone = attack(replace(target, rows=rows[:20], radii=np.full(20, 0.01)))
    assert (alone.distance > 2 * nearest).mean() > 0.5


def test_infinite_radii_zero_radii_and_flat_classifiers(rng):
    target, distance = _linear_target(rng, 2)
    found = attack(replace(target, radii=np.full(60, np.inf)), restarts=1, n_steps=5)
    assert found.inside.all()
    found = attack(replace(target, radii=np.zeros(60)), restarts=1, n_steps=5)
    assert not found.inside.any()
    np.testing.assert_allclose(found.distance, distance, rtol=1e-3)
    flat = replace(
        target,
        predict=lambda inputs, index: np.zeros(len(inputs)),
        margins_and_gradients=lambda inputs, index: (np.ones(len(inputs)), np.zeros(inputs.shape)),
    )
    found = attack(flat, restarts=1, n_steps=5)
    assert not found.inside.any()
    assert np.isinf(found.distance).all()
    assert np.isnan(found.inputs).all()


def test_misleading_gradients_do_not_make_an_attack_succeed_where_there_is_nothing(rng):
    target, distance = _linear_target(rng, 2, stretch=1 - 1e-12)
    blind = replace(
        target,
        margins_and_gradients=lambda inputs, index: (
            rng.standard_normal(len(inputs)),
            rng.standard_normal(inputs.shape),
        ),
    )
    found = attack(blind)
    assert not found.inside.any()
    assert (found.distance >= distance * (1 - 1e-14)).all()


def test_index_says_which_row_an_input_belongs_to_over_blocks(rng):
    target, distance = _linear_target(rng, 2, n_rows=2500, stretch=0.9)

    def near(inputs, index):
        assert (lengths(inputs - target.rows[index], 2) < 100 * (1 + distance[index])).all()
        return target.predict(inputs, index)

    told = []
    found = attack(replace(target, predict=near), restarts=1, n_steps=3, progress=told.append)
    assert sum(told) == 2500
    assert len(told) > 1
    np.testing.assert_allclose(found.distance, distance, rtol=1e-3)


# The audit ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def audited():
    classifier, X, y = fixtures.fitted("binary")
    return audit(classifier, X, y, random_state=0, verbose=False), classifier, X, y


def test_the_result_describes_the_estimator(audited):
    result, classifier, X, y = audited
    assert isinstance(result, AuditResult)
    np.testing.assert_array_equal(result.predicted, classifier.predict(X))
    np.testing.assert_array_equal(result.correct, classifier.predict(X) == y)
    np.testing.assert_array_equal(result.radius, classifier.certified_radius(X))
    assert not result.broken.any()
    assert (result.attack >= result.radius).all()
    np.testing.assert_array_equal(result.bracket, np.stack([result.radius, result.attack], axis=1))
    assert (classifier.predict(result.inputs) != result.predicted).all()
    tightness = (result.radius / result.attack)[result.correct]
    np.testing.assert_array_equal(result.tightness[result.correct], tightness)
    assert result.mean_tightness == tightness.mean() and result.median_tightness == np.median(tightness)
    assert result.tightness_quantiles == {q: np.quantile(tightness, q) for q in (0.1, 0.5, 0.9)}
    worst = result.worst
    assert worst.attack / worst.radius == (result.attack / result.radius).min()
    assert (worst.radius, worst.attack) == (result.radius[worst.row], result.attack[worst.row])
    np.testing.assert_array_equal(worst.inputs, result.inputs[worst.row])
    assert result.n_points > 100 * len(X)
    assert result.seconds > 0
    assert repr(result).startswith("AuditResult: all 80 certificates held")
    assert "BROKEN" not in repr(result)


def test_the_same_random_state_gives_the_same_result(audited):
    result, classifier, X, y = audited
    again = audit(classifier, X, y, random_state=0, verbose=False)
    for name in ("radius", "attack", "inputs", "predicted"):
        np.testing.assert_array_equal(getattr(again, name), getattr(result, name))
    assert again.n_points == result.n_points
    other = audit(classifier, X, y, random_state=1, verbose=False)
    assert (other.attack != result.attack).any()


def test_closest_adversarial_and_the_audit_find_much_the_same(audited):
    result, classifier, X, _ = audited
    _, distance = classifier.closest_adversarial(X)
    assert abs(np.median(distance / result.attack) - 1) < 1e-3


@pytest.mark.parametrize("fitted", [fixtures.fitted, fixtures.fitted_mlp])
def test_more_classes_float32_and_no_labels(fitted):
    classifier, X, _ = fitted("multiclass")
    result = audit(classifier, X.astype(np.float32), restarts=1, n_steps=5, random_state=0, verbose=False)
    assert result.correct is None
    assert not result.broken.any()
    found = np.isfinite(result.attack)
    assert found.mean() > 0.9
    assert (classifier.predict(result.inputs[found]) != result.predicted[found]).all()
    assert np.isnan(result.tightness[~found]).all()
    assert result.mean_tightness == result.tightness[found].mean()


@NORMS
def test_norms_and_units(audited, norm):
    _, classifier, X, _ = audited
    scale = np.array([0.5, 3.0])
    result = audit(classifier, X, norm=norm, tolerances=scale, restarts=1, n_steps=5, random_state=0, verbose=False)
    found = np.isfinite(result.attack)
    assert found.mean() > 0.9
    np.testing.assert_allclose(lengths((result.inputs - X) / scale, norm)[found], result.attack[found], rtol=1e-13)
    assert not result.broken.any()
    # In units twice as large, everything is half as far.
    twice = audit(classifier, X, norm=norm, tolerances=2 * scale, restarts=1, n_steps=5, random_state=0, verbose=False)
    np.testing.assert_allclose(twice.radius, result.radius / 2, rtol=1e-12)


def test_a_data_frame_is_predicted_as_one():
    _, X, y = fixtures.fitted("binary")
    frame = pd.DataFrame(X, columns=["a", "b"])
    named = fixtures.classifier(epochs=1).fit(frame, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = audit(named, frame, restarts=1, n_steps=3, random_state=0, verbose=False)
    assert not result.broken.any()


@pytest.mark.parametrize(
    "form",
    [np.float32, np.float16, ">f4", "Float64", "Float32"],
    ids=["float32", "float16", "f4", "Float64", "Float32"],
)
def test_rows_of_float64_around_other_floats_are_tried(rng, monkeypatch, form):
    """A radius that is a billionth too long is broken by rows of float64 alone."""
    targets = module.estimator_targets
    monkeypatch.setattr(
        module,
        "estimator_targets",
        lambda *given, **named: [replace(one, radii=(1 + 1e-9) * one.radii) for one in targets(*given, **named)],
    )
    X = rng.standard_normal((20, 3))
    if isinstance(form, str) and form.startswith("Float"):
        rows = pd.DataFrame(X, columns=list("abc")).astype(form)
    else:
        rows = X.astype(form)
    model = make_pipeline(VarianceThreshold().fit(X), _linear_classifier())
    with pytest.warns(BrokenCertificateWarning):
        result = audit(model, rows, random_state=0, verbose=False)
    assert result.broken.mean() > 0.9


def _linear_classifier():
    kernel = np.array([[1.0], [0.5], [-1.0]])
    return serving(network_of(np.zeros(3), (kernel,), (np.array([0.1]),), ()))


@pytest.fixture
def stretched(monkeypatch):
    """Certificates of every estimator are too long by half."""
    targets = module.estimator_targets

    def wrong(*arguments, **options):
        for right in targets(*arguments, **options):
            yield replace(right, radii=1.5 * right.radii)

    monkeypatch.setattr(module, "estimator_targets", wrong)


def test_a_broken_certificate_is_loud(stretched):
    classifier, X, y = fixtures.fitted("binary")
    with pytest.warns(BrokenCertificateWarning, match="BROKEN"):
        result = audit(classifier, X, y, random_state=0, verbose=False)
    n_broken = int(result.broken.sum())
    assert n_broken > 10
    assert f"BROKEN: {n_broken} of 80" in repr(result)
    assert result.broken[result.worst.row]
    np.testing.assert_array_equal(result.broken, result.attack < result.radius)
    assert (classifier.predict(result.inputs[result.broken]) != classifier.predict(X)[result.broken]).all()


def test_the_text_has_the_median_first():
    result = AuditResult(
        radius=np.array([0.9, 0.8, 0.1]), attack=np.ones(3), predicted=np.zeros(3), correct=np.array([True] * 3),
        broken=np.zeros(3, dtype=bool), inputs=np.ones((3, 2)), norm=2, n_points=10, seconds=0.1,
    )  # fmt: skip
    assert (
        "  radius / attack of rows predicted right: median 0.8000, tenth percentile 0.2400, ninetieth 0.8800, "
        "mean 0.6000\n"
    ) in repr(result)


def test_a_result_without_attacks_says_so():
    result = AuditResult(
        radius=np.array([1.0, np.inf]), attack=np.full(2, np.inf), predicted=np.zeros(2), correct=None,
        broken=np.zeros(2, dtype=bool), inputs=np.full((2, 3), np.nan), norm=2, n_points=10, seconds=0.1,
    )  # fmt: skip
    assert result.worst is None
    assert np.isnan(result.mean_tightness) and np.isnan(result.median_tightness)
    assert np.isnan(result.tightness).all()
    assert "succeeded beyond the radius for 0 rows" in repr(result)


def test_progress_is_shown_when_it_takes_long_and_never_when_told_not_to(audited, monkeypatch):
    import tqdm.auto

    bars = []

    class _Bar(tqdm.auto.tqdm):
        def __init__(self, **options):
            bars.append((self, options))
            super().__init__(**{**options, "disable": True})
            self.updates = 0

        def update(self, n=1):
            self.updates += n

    monkeypatch.setattr(tqdm.auto, "tqdm", _Bar)
    _, classifier, X, _ = audited
    for verbose, disable in [(True, None), (False, True)]:
        audit(classifier, X, restarts=1, n_steps=1, random_state=0, verbose=verbose)
        bar, options = bars[-1]
        assert (options["total"], options["delay"], options["disable"]) == (len(X), 3, disable)
        assert bar.updates == len(X)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"norm": 3}, "norm must be 1, 2, inf"),
        ({"tolerances": [1.0, -1.0]}, "must be a finite number of 0 or more"),
        ({"tolerances": [1.0, np.nan]}, "must be a finite number of 0 or more"),
        ({"restarts": 0}, "restarts must be"),
        ({"n_steps": 1.5}, "n_steps must be"),
        ({"y": [0, 1]}, "y must hold one label for each of the 80 rows"),
    ],
)
def test_what_cannot_be_used_is_refused(audited, parameters, message):
    _, classifier, X, _ = audited
    with pytest.raises(ValueError, match=message):
        audit(classifier, X, verbose=False, **parameters)


# The text of a result -----------------------------------------------------------------------


def mixed_table(rng, n_rows=200):
    """Two columns of numbers of unlike scales and one of categories; the labels depend on all."""
    frame = pd.DataFrame({
        "age": rng.normal(45, 14, n_rows), "income": rng.lognormal(10, 0.5, n_rows),
        "plan": rng.choice(list("abc"), n_rows),
    })  # fmt: skip
    return frame, (frame["age"] / 14 + np.log(frame["income"]) + (frame["plan"] == "a") > 14).to_numpy()


@pytest.fixture(scope="module")
def mixed():
    frame, y = mixed_table(np.random.default_rng(0))
    steps = make_column_transformer(
        (StandardScaler(), ["age", "income"]), (OneHotEncoder(sparse_output=False), ["plan"])
    )
    return make_pipeline(steps, fixtures.classifier(epochs=2)).fit(frame, y), frame


FIXED = (
    "1 of 3 columns is held fixed: this restricts the attack but hardly changes the proven bound, so radius / "
    "attack is smaller"
)
RAW = (
    "radii are in raw units, and the columns have very different scales: the columns of the smallest scale determine "
    "every radius; set tolerances= to choose a unit for each column"
)


@pytest.mark.parametrize(
    ("tolerances", "notes"),
    [
        (None, (FIXED, RAW)),
        ({"age": 1.0, "income": 1000.0}, (FIXED,)),
        ({"age": 1.0}, (FIXED.replace("1 of 3 columns is", "2 of 3 columns are"),)),
    ],
)
def test_the_text_says_what_makes_a_question_loose(mixed, tolerances, notes):
    model, frame = mixed
    result = audit(model, frame[:12], tolerances=tolerances, restarts=1, n_steps=1, random_state=0, verbose=False)
    assert result.notes == notes
    assert repr(result).splitlines()[-len(notes) :] == [f"  {note}" for note in notes]


def test_the_text_is_silent_about_a_question_that_is_as_tight_as_the_training(audited):
    result, *_ = audited
    assert result.notes == () and "tolerances" not in repr(result)


def test_the_text_rounds_the_closest_row_and_writes_a_broken_one_in_full():
    parts = {
        "radius": np.array([28.698718087574843]), "attack": np.array([29.010922242624247]), "predicted": np.zeros(1),
        "correct": None, "inputs": np.ones((1, 2)), "norm": 2, "n_points": 10, "seconds": 0.1,
    }  # fmt: skip
    held = AuditResult(**parts, broken=np.array([False]))
    assert repr(held).endswith("closest: row 0, radius 28.70, attack 29.01")
    broken = AuditResult(**parts, broken=np.array([True]))
    assert repr(broken).endswith("broken: row 0, radius 28.698718087574843, attack 29.010922242624247")
