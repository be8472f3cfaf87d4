import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import sklip
from sklip.plotting import AdversarialDisplay
from tests.pipeline_fixtures import Quick, QuickMLP, raw_rows


@pytest.fixture(scope="module")
def pictures():
    """A classifier of 3 × 4 pictures of three classes."""
    rng = np.random.default_rng(0)
    X, y = rng.random((60, 12)), np.array(["cat", "dog", "owl"])[np.arange(60) % 3]
    return QuickMLP(random_state=1).fit(X, y), X


@pytest.fixture(scope="module")
def table():
    """A pipeline over a frame with a text column, and the frame."""
    X, y, _ = raw_rows()
    frame = pd.DataFrame(X, columns=["age", "dose", "ratio", "height", "depth"])
    frame.insert(1, "sex", np.where(np.arange(len(frame)) % 2, "f", "m"))
    encode = make_column_transformer((OneHotEncoder(), ["sex"]), remainder=StandardScaler())
    return make_pipeline(encode, Quick(random_state=0)).fit(frame, np.where(y, "ill", "well")), frame


def test_images_are_the_row_the_input_and_the_difference(pictures, pyplot):
    model, X = pictures
    display = AdversarialDisplay.from_estimator(model, X, rows=[7, 0], image_shape=(3, 4))
    adversarial, distance = model.closest_adversarial(X[[7, 0]])
    assert display.images_.shape == (2, 3)
    for place, row in enumerate((7, 0)):
        shown = [image.get_array() for image in display.images_[place]]
        np.testing.assert_array_equal(shown[0], X[row].reshape(3, 4))
        np.testing.assert_array_equal(shown[1], adversarial[place].reshape(3, 4))
        np.testing.assert_allclose(shown[2], shown[1] - shown[0])
    np.testing.assert_array_equal(display.distance, distance)
    np.testing.assert_allclose(display.radius, model.certified_radius(X[[7, 0]]))
    top = np.abs(adversarial - X[[7, 0]]).max()
    assert {image.get_clim() for image in display.images_[:, 2]} == {(-top, top)}
    assert {image.get_clim() for image in display.images_[:, :2].ravel()} == {(X[[7, 0]].min(), X[[7, 0]].max())}
    assert display.colorbar_.mappable is display.images_[0, 2]
    assert display.ax_.get_aspect() == 1.0
    assert [label.get_text() for label in display.ax_.get_yticklabels()][::2] == ["row", "difference"]


@pytest.mark.parametrize("in_a_pipeline", [False, True])
def test_inputs_next_to_float32_rows_have_another_class(pictures, in_a_pipeline, pyplot):
    """The search is in float64, and float32 rows may be too coarse for what it finds."""
    model, X = pictures
    model = make_pipeline(StandardScaler(), model).fit(X, model.predict(X)) if in_a_pipeline else model
    display = AdversarialDisplay.from_estimator(model, X.astype(np.float32), rows=range(60), image_shape=(3, 4))
    assert np.isfinite(display.distance).all()
    assert (display.y_adversarial != display.y_pred).all()


def test_images_lie_side_by_side_within_the_axes(pictures, pyplot):
    model, X = pictures
    display = AdversarialDisplay.from_estimator(model, X, image_shape=(3, 4))
    boxes = np.array([image.get_extent() for image in display.images_.ravel()]).reshape(4, 3, 4)
    assert (boxes[1:, 0, 0] > boxes[:-1, 0, 1]).all()  # rows from left to right
    assert (boxes[:, 1:, 3] < boxes[:, :-1, 2]).all()  # row, input, difference downwards
    width, height = boxes[0, 0, 1] - boxes[0, 0, 0], boxes[0, 0, 3] - boxes[0, 0, 2]
    assert height / width == pytest.approx(3 / 4)
    (left, right), (bottom, top) = display.ax_.get_xlim(), display.ax_.get_ylim()
    assert boxes[..., 0].min() >= left and boxes[..., 1].max() <= right
    assert boxes[..., 2].min() >= bottom and boxes[..., 3].max() <= top


def test_headings_never_claim_more_than_is_known(pyplot):
    display = AdversarialDisplay(
        rows=np.zeros((1, 1)), adversarial=np.ones((1, 1)), radius=np.array([0.99999]), distance=np.array([1.00001]),
        y_pred=np.array(["a"]), y_adversarial=np.array(["b"]),
    ).plot()  # fmt: skip
    assert display.ax_.texts[-1].get_text() == "row 0  ·  a → b  ·  certified 0.999  ·  found at 1.01"


def test_bars_are_the_largest_changes_in_raw_units(table, pyplot):
    model, frame = table
    scale = {"age": 1.0, "dose": 100.0, "ratio": 0.01, "height": 5.0}
    display = AdversarialDisplay.from_estimator(model, frame, rows=[3], tolerances=scale, n_features=3)
    (bars,), raw = display.bars_, frame.loc[[3], ["age", "dose", "ratio", "height"]].to_numpy()
    np.testing.assert_array_equal(display.rows, raw)
    units = np.array([1.0, 100.0, 0.01, 5.0])
    changes = ((display.adversarial - raw) / units)[0]
    order = np.argsort(-np.abs(changes))[:3]
    np.testing.assert_allclose([bar.get_width() for bar in bars], changes[order])
    names = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert names == [["age", "dose", "ratio", "height"][column] for column in order]
    texts = [text.get_text() for text in display.ax_.texts]
    assert texts[0] == f"{raw[0, order[0]]:.4g} → {display.adversarial[0, order[0]]:.4g}".replace("-", "−")
    assert np.linalg.norm(changes) == pytest.approx(display.distance[0])
    assert display.ax_.get_xlabel() == "change (tolerances)"
    before, after = model.predict(frame.iloc[[3]])[0], display.y_adversarial[0]
    assert before != after and f"row 3  ·  {before} → {after}" in texts[-1]
    moved = frame.iloc[[3]].assign(**dict(zip(scale, display.adversarial[0], strict=True)))
    assert model.predict(moved)[0] == after
    assert (
        display.radius[0] == sklip.certified_radius(model, frame.iloc[[3]], tolerances=scale)[0] <= display.distance[0]
    )


def test_a_row_without_an_input_says_so(pyplot):
    nothing = np.full((1, 4), np.nan)
    options = {"rows": np.ones((1, 4)), "adversarial": nothing, "distance": np.array([np.inf])}
    bars = AdversarialDisplay(**options).plot()
    assert len(bars.bars_[0]) == 0 and bars.ax_.texts[-1].get_text() == "row 0  ·  none found"
    images = AdversarialDisplay(**options, image_shape=(2, 2)).plot()
    assert [text.get_text() for text in images.ax_.texts].count("none found") == 2
    assert images.images_[0, 2].get_array().mask.all()


def test_arrays_of_any_attack_can_be_drawn(pyplot):
    frame = pd.DataFrame({"length": [1.0, 2.0], "width": [3.0, 4.0]})
    display = AdversarialDisplay.from_predictions(frame, frame + np.array([[0.1, -0.5], [0.0, 0.2]]), unit="cm")
    assert [bar.get_width() for bar in display.bars_[0]] == pytest.approx([-0.5, 0.1])
    assert [label.get_text() for label in display.ax_.get_yticklabels()] == ["width", "length", "width", "length"]
    assert display.ax_.get_xlabel() == "change (cm)"
    low, high = display.ax_.get_xlim()
    assert -low == high >= 0.5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rows": [100]}, "rows must hold positions of the 60 rows"),
        ({"rows": [0.5]}, "rows must hold positions"),
        ({"rows": []}, "rows must hold positions"),
        ({"image_shape": (3, 3)}, r"with a product of 12, the number of columns; got \(3, 3\)"),
        ({"image_shape": (12,)}, "image_shape must be"),
        ({"n_features": 0}, "n_features must be an integer, 1 or more"),
        ({"norm": 3}, "norm must be 1, 2, inf"),
    ],
)
def test_requests_that_make_no_sense_are_refused(pictures, options, message, pyplot):
    model, X = pictures
    with pytest.raises(ValueError, match=message):
        AdversarialDisplay.from_estimator(model, X, **options)
    assert pyplot.get_fignums() == []


def test_arrays_that_do_not_fit_are_refused(pyplot):
    with pytest.raises(ValueError, match=r"same shape .*\(1, 2\) and \(1, 3\)"):
        AdversarialDisplay.from_predictions([[1.0, 2.0]], [[1.0, 2.0, 3.0]])
    with pytest.raises(ValueError, match="radius must hold one entry for each of the 1 rows; got 2"):
        AdversarialDisplay.from_predictions([[1.0]], [[2.0]], radius=[1.0, 2.0])
    with pytest.raises(ValueError, match="tolerances must hold one entry for each of the 2 columns; got 1"):
        AdversarialDisplay.from_predictions([[1.0, 1.0]], [[2.0, 2.0]], tolerances=[1.0])
    with pytest.raises(ValueError, match="tolerances must hold finite tolerances above 0"):
        AdversarialDisplay.from_predictions([[1.0, 1.0]], [[2.0, 2.0]], tolerances=[1.0, 0.0])
    with pytest.raises(ValueError, match="There are no rows to draw"):
        AdversarialDisplay.from_predictions(np.zeros((0, 2)), np.zeros((0, 2)))
