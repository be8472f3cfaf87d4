import numpy as np
import pytest

import sklip
from sklip.plotting import CertifiedRadiusDisplay
from tests.pipeline_fixtures import QuickMLP, raw_rows

NAMES = np.array(["ash", "beech", "cherry", "date"])


@pytest.fixture(scope="module")
def model():
    X, _, y = raw_rows()
    return QuickMLP(random_state=0).fit(X, NAMES[y])


def heights(patch):
    """Heights of the bins of a histogram, from its line on."""
    values, _, baseline = patch.get_data()
    return values - baseline


def test_each_class_has_its_histograms(model, pyplot):
    X, _, y = raw_rows()
    y = NAMES[y]
    display = CertifiedRadiusDisplay.from_estimator(model, X, y, bins=9)
    radius, right = np.asarray(sklip.certified_radius(model, X)), model.predict(X) == y
    wrong_classes = [name for name in NAMES if (~right & (y == name)).any()]
    assert len(display.right_) == 4 and len(display.wrong_) == len(wrong_classes) > 0
    edges = np.linspace(0, radius.max(), 10)
    scales = set()
    for patch, name in zip(display.right_, NAMES, strict=True):
        np.testing.assert_allclose(patch.get_data().edges, edges)
        share = np.histogram(radius[right & (y == name)], edges)[0] / (y == name).sum()
        found = heights(patch)
        assert (found >= 0).all() and ((found > 0) == (share > 0)).all()
        scales |= set(np.round(found[share > 0] / share[share > 0], 9))
    assert len(scales) == 1  # all classes alike
    for patch, name in zip(display.wrong_, wrong_classes, strict=True):
        share = np.histogram(radius[~right & (y == name)], edges)[0] / (y == name).sum()
        np.testing.assert_allclose(heights(patch), -share * scales.copy().pop() * display.magnification_, atol=1e-12)
    ticks = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert ticks[0] == f"ash\n{(y == 'ash').sum()} rows, {(~right & (y == 'ash')).sum()} wrong"
    assert list(display.ax_.get_yticks()) == [3, 2, 1, 0]
    assert display.ax_.get_xlabel() == "certified radius (L2, units of X)"
    assert display.ax_.get_xlim() == (0, pytest.approx(radius.max()))


def test_medians_are_those_of_the_rows_predicted_right(pyplot):
    display = CertifiedRadiusDisplay.from_predictions(
        ["a"] * 4 + ["b"], ["a", "a", "a", "b", "a"], [1.0, 2.0, 9.0, 5.0, 0.5], sample_weight=[1, 1, 5, 9, 1]
    )
    assert [line.get_xdata().tolist() for line in display.medians_] == [[9.0, 9.0]]
    unweighted = CertifiedRadiusDisplay.from_predictions([0, 0, 0], [0, 0, 0], [1.0, 2.0, 9.0])
    assert unweighted.medians_[0].get_xdata()[0] == 2.0


def test_lanes_do_not_overlap_and_the_legend_tells_the_magnification(pyplot):
    rng = np.random.default_rng(0)
    y = rng.integers(3, size=3000)
    predicted = np.where(rng.random(3000) < 0.01, (y + 1) % 3, y)
    display = CertifiedRadiusDisplay.from_predictions(y, predicted, rng.gamma(3.0, size=3000))
    assert max(heights(patch).max() for patch in display.right_) <= 0.62 + 1e-9
    assert 0.1 < -min(heights(patch).min() for patch in display.wrong_) <= 0.28 + 1e-9
    assert display.magnification_ in (2, 5, 10, 20, 50, 100)
    texts = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert texts == ["predicted right", "median of those", f"predicted wrong, {display.magnification_:g} × higher"]


def test_infinite_radii_are_counted_beside_the_class(pyplot):
    display = CertifiedRadiusDisplay.from_predictions([0, 0, 1], [0, 0, 1], [np.inf, 1.0, np.inf])
    ticks = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert ticks == ["0\n2 rows, 0 wrong,\n1 without limit", "1\n1 row, 0 wrong,\n1 without limit"]
    assert display.wrong_ == [] and len(display.ax_.get_legend().get_texts()) == 2


def test_lanes_without_any_finite_radius_are_flat(pyplot, recwarn):
    display = CertifiedRadiusDisplay.from_predictions([0, 1], [0, 0], [np.inf, np.inf])
    assert all((heights(patch) == 0).all() for patch in (*display.right_, *display.wrong_))
    assert not recwarn.list


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0, 1], [0], [0.5, 1.0]), "inconsistent numbers"),
        (([0, 1], [0, 1], [0.5, -1.0]), "negative values or NaN"),
        (([0, 1], [0, 1], [0.5, np.nan]), "negative values or NaN"),
        (([], [], []), "no rows"),
        (([0, "a"], [0, 1], [0.5, 1.0]), "Mix of label"),
    ],
)
def test_radii_that_make_no_sense_are_refused(arguments, message, pyplot):
    with pytest.raises(ValueError, match=message):
        CertifiedRadiusDisplay.from_predictions(*arguments)
    assert pyplot.get_fignums() == []


def test_weights_that_make_no_sense_are_refused(pyplot):
    with pytest.raises(ValueError, match="sample_weight must hold finite weights"):
        CertifiedRadiusDisplay.from_predictions([0, 1], [0, 1], [0.5, 1.0], sample_weight=[0, 0])
