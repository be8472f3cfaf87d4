import numpy as np
import pytest
from matplotlib.colors import same_color
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sklip
from sklip.metrics import certified_accuracy_score
from sklip.plotting import CertifiedAccuracyDisplay
from tests.pipeline_fixtures import Quick, raw_rows


@pytest.fixture(scope="module")
def model():
    X, y, _ = raw_rows()
    return make_pipeline(StandardScaler(), Quick(random_state=0)).fit(X, np.where(y, "yes", "no"))


@pytest.fixture(scope="module")
def rows():
    X, y, _ = raw_rows()
    return X, np.where(y, "yes", "no")


def step(line, at):
    """The value of a step curve."""
    assert line.get_drawstyle() == "steps-post"
    x, y = line.get_data()
    return y[np.searchsorted(x, at, side="right") - 1]


def test_the_line_is_the_certified_accuracy_at_every_radius(model, rows, pyplot):
    X, y = rows
    weight = np.arange(1.0, len(X) + 1)
    display = CertifiedAccuracyDisplay.from_estimator(model, X, y, sample_weight=weight)
    radius, labels = sklip.certified_radius(model, X), model.predict(X)
    assert len(display.line_.get_xdata()) > 20
    for epsilon in [0.0, *np.linspace(1e-4, radius.max() * 0.99, 17), radius[3]]:
        expected = certified_accuracy_score(y, labels, radius, epsilon, sample_weight=weight)
        assert step(display.line_, epsilon) == pytest.approx(expected, abs=1e-12)
    assert display.ax_.get_xlabel() == "radius (L2, units of X)"
    assert display.ax_.get_ylabel() == "certified accuracy"
    left, right = display.ax_.get_xlim()
    assert left == 0 and right >= display.epsilons[-1]
    assert display.ax_.get_ylim()[0] == 0 and 1 < display.ax_.get_ylim()[1] < 1.1
    assert display.attack_line_ is None and display.bracket_ is None


def test_an_audit_shades_what_lies_between_the_proof_and_the_attack(model, rows, pyplot):
    X, y = rows
    scale = X.std(axis=0)
    audit = sklip.audit(model, X, y, tolerances=scale, restarts=2, n_steps=10, random_state=0, verbose=False)
    assert np.isfinite(audit.attack).all()
    display = CertifiedAccuracyDisplay.from_estimator(model, X, y, tolerances=scale, audit=audit, name="net")
    proven, attacked = display.line_, display.attack_line_
    for epsilon in np.linspace(0, 1.2 * audit.attack.max(), 40):
        assert step(attacked, epsilon) == pytest.approx(
            np.mean(audit.correct & ((audit.attack > epsilon) | (epsilon == 0)))
        )
        assert step(attacked, epsilon) >= step(proven, epsilon)
    (path,) = display.bracket_.get_paths()
    area = path.vertices
    shoelace = 0.5 * abs(np.dot(area[:, 0], np.roll(area[:, 1], 1)) - np.dot(area[:, 1], np.roll(area[:, 0], 1)))
    right = audit.correct
    assert shoelace == pytest.approx(np.where(right, audit.attack - audit.radius, 0).mean(), rel=1e-6)
    assert same_color(display.bracket_.get_facecolor()[0][:3], proven.get_color())
    texts = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert texts == ["net: proven", "net: upper bound by attack"]
    assert display.ax_.get_xlabel() == "radius (L2, tolerances)"


def test_attacks_that_found_nothing_leave_the_upper_curve_where_it_is(pyplot):
    audit = sklip.AuditResult(
        radius=np.array([0.5, 0.25]), attack=np.array([np.inf, 0.5]), predicted=np.array([0, 1]), correct=None,
        broken=np.zeros(2, dtype=bool), inputs=np.full((2, 1), np.nan), norm=2, n_points=1, seconds=0.0,
    )  # fmt: skip
    display = CertifiedAccuracyDisplay.from_predictions([0, 1], [0, 1], [0.5, 0.25], audit=audit)
    assert display.attack_line_.get_xdata().tolist() == pytest.approx([0.0, 0.5, 0.55])
    assert display.attack_line_.get_ydata().tolist() == [1.0, 0.5, 0.5]
    assert display.line_.get_ydata().tolist() == [1.0, 0.5, 0.0]


def test_an_audit_of_something_else_is_refused(model, rows, pyplot):
    X, y = rows
    audit = sklip.audit(model, X, y, restarts=1, n_steps=1, random_state=0, verbose=False)
    with pytest.raises(ValueError, match="audit is of 100 rows, and there are 50"):
        CertifiedAccuracyDisplay.from_estimator(model, X[:50], y[:50], audit=audit)
    with pytest.raises(ValueError, match="audit has other predictions or radii"):
        CertifiedAccuracyDisplay.from_estimator(model, X, y, tolerances=X.std(axis=0), audit=audit)
    with pytest.raises(TypeError, match=r"what sklip\.audit returns; got dict"):
        CertifiedAccuracyDisplay.from_estimator(model, X, y, audit={})
    assert pyplot.get_fignums() == []


def test_models_on_the_same_axes_differ_in_colour_and_style(model, rows, pyplot):
    X, y = rows
    first = CertifiedAccuracyDisplay.from_estimator(model, X, y, name="first")
    second = CertifiedAccuracyDisplay.from_estimator(model, X, y, norm=np.inf, name="second", ax=first.ax_)
    third = CertifiedAccuracyDisplay.from_estimator(
        model, X, y, norm=1, name="third", ax=first.ax_, curve_kwargs={"c": "black", "ls": ":"}
    )
    assert first.ax_ is second.ax_ is third.ax_
    assert first.line_.get_color() != second.line_.get_color()
    assert first.line_.get_linestyle() != second.line_.get_linestyle()
    assert (third.line_.get_color(), third.line_.get_linestyle()) == ("black", ":")
    assert [text.get_text() for text in first.ax_.get_legend().get_texts()] == ["first", "second", "third"]
    assert (third.epsilons[-1] > second.epsilons[-1]) and first.ax_.get_xlim()[1] >= third.epsilons[-1]


def test_infinite_radii_keep_the_curve_up_to_its_end(pyplot):
    display = CertifiedAccuracyDisplay.from_predictions([0, 1], [0, 1], [np.inf, 0.5], name="vote")
    x, y = display.line_.get_data()
    assert x.tolist() == pytest.approx([0.0, 0.5, 0.55]) and y.tolist() == [1.0, 0.5, 0.5]
    assert display.epsilons.tolist() == [0.0, 0.5]  # what is stored stays as it was computed


def test_predictions_know_their_norm_and_no_name(pyplot):
    radii = sklip.CertifiedRadii([0.5, 0.25], norm=np.inf)
    display = CertifiedAccuracyDisplay.from_predictions(["a", "b"], ["a", "a"], radii, unit="mm")
    assert display.ax_.get_xlabel() == "radius (L∞, mm)"
    assert display.ax_.get_legend() is None
    with pytest.raises(ValueError, match="inconsistent numbers"):
        CertifiedAccuracyDisplay.from_predictions([0, 1], [0], [0.5])


def test_labels_that_the_estimator_does_not_know_are_refused(model, rows, pyplot):
    X, y = rows
    with pytest.raises(
        ValueError, match=r"labels that the estimator does not know: \['maybe'\]; it knows \['no', 'yes'\]"
    ):
        CertifiedAccuracyDisplay.from_estimator(model, X[:2], ["maybe", "no"])
    with pytest.raises(ValueError, match="one label for each of the 100 rows"):
        CertifiedAccuracyDisplay.from_estimator(model, X, y[:5])
