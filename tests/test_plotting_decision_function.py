import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.compose import make_column_transformer
from sklearn.ensemble import VotingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import sklip
from sklip.plotting import DecisionFunctionDisplay
from sklip.plotting._discs import choose_discs
from sklip.plotting._plane import Plane
from tests.estimator_fixtures import fitted
from tests.pipeline_fixtures import Quick, QuickMLP, raw_rows

NAMES = ["age", "dose", "ratio", "height", "depth"]


@pytest.fixture(scope="module")
def pipeline():
    """A pipeline over five columns of unlike units, labels of text."""
    X, y, _ = raw_rows()
    frame = pd.DataFrame(X, columns=NAMES)
    return make_pipeline(StandardScaler(), Quick(random_state=0)).fit(frame, np.where(y, "ill", "well")), frame


def vertices(contours):
    """Points of level lines, of shape (n, 2)."""
    return np.concatenate([path.vertices for lines in contours for path in lines.get_paths()])


def inside(display, n_points=200):
    """Points in the drawn discs, of shape (n_discs, n_points, 2)."""
    rng = np.random.default_rng(0)
    angle, length = rng.uniform(0, 2 * np.pi, n_points), np.sqrt(rng.uniform(0, 1, n_points))
    length[: n_points // 2] = 0.999999
    unit = np.stack([np.cos(angle), np.sin(angle)], axis=-1) * length[:, None]
    centers = np.array([disc.center for disc in display.discs_])
    sizes = np.array([[disc.width, disc.height] for disc in display.discs_]) / 2
    return centers[:, None] + sizes[:, None] * unit


def test_in_the_plane_a_disc_is_the_certified_ball(pyplot):
    classifier, X, y = fitted()
    display = DecisionFunctionDisplay.from_estimator(classifier, X, y, discs=[0, 5, 9])
    radius = classifier.certified_radius(X[[0, 5, 9]])
    assert (radius > 0).all() and (display.disc_radii <= radius).all()
    np.testing.assert_allclose(display.disc_radii, radius, rtol=1e-9)
    for disc, row, size in zip(display.discs_, (0, 5, 9), radius, strict=True):
        np.testing.assert_allclose(disc.center, X[row], rtol=1e-12)
        assert disc.width == disc.height == pytest.approx(2 * size)
    assert display.ax_.get_aspect() == 1.0
    predicted = classifier.predict(inside(display).reshape(-1, 2)).reshape(3, -1)
    assert (predicted == classifier.predict(X[[0, 5, 9]])[:, None]).all()
    (left, right), (bottom, top) = display.ax_.get_xlim(), display.ax_.get_ylim()
    assert all(
        left < disc.center[0] - disc.width / 2 and disc.center[0] + disc.width / 2 < right for disc in display.discs_
    )
    assert all(
        bottom < disc.center[1] - disc.height / 2 and disc.center[1] + disc.height / 2 < top for disc in display.discs_
    )
    assert display.note is None and display.whole


def test_contours_are_those_of_the_score(pyplot):
    classifier, X, y = fitted()
    display = DecisionFunctionDisplay.from_estimator(classifier, X, y)
    grid = np.stack([display.xx0, display.xx1], axis=-1).reshape(-1, 2)
    np.testing.assert_allclose(display.response.ravel(), classifier.decision_function(grid))
    assert [lines.levels.tolist() for lines in display.boundary_] == [[0.0]]
    assert np.abs(classifier.decision_function(vertices(display.boundary_))).max() < 0.01
    margin = classifier.min_margin_
    assert display.margin_.levels.tolist() == [-margin, margin]
    np.testing.assert_allclose(np.abs(classifier.decision_function(vertices([display.margin_]))), margin, atol=0.01)
    assert 0.0 not in display.levels_.levels
    texts = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert texts[:3] == ["0", "1", "boundary, f = 0"] and texts[3].startswith("margin, f = ±")
    for points, label in zip(display.points_, (0, 1), strict=True):
        np.testing.assert_allclose(points.get_offsets(), X[y == label], rtol=1e-12)
    assert not display.ax_.get_legend().get_window_extent().overlaps(display.ax_.get_window_extent())


@pytest.mark.parametrize("options", [{"features": ("dose", "ratio")}, {"features": "pca"}, {"features": ["age", 4]}])
@pytest.mark.parametrize("scaled", [False, True])
def test_through_more_columns_a_disc_is_the_cut_of_the_ball(pipeline, options, scaled, pyplot):
    model, frame = pipeline
    scale = frame.std() if scaled else None
    display = DecisionFunctionDisplay.from_estimator(
        model, frame, row=8, discs=[8, 3, 60, 7], tolerances=scale, **options
    )
    assert display.disc_rows[0] == 8  # its own ball, whole
    radii = np.asarray(sklip.certified_radius(model, frame, tolerances=scale))
    assert display.disc_radii[0] == pytest.approx(radii[8]) and display.disc_radii[0] <= radii[8]
    units = np.ones(5) if scale is None else scale.to_numpy()
    row = frame.to_numpy()[8]
    if options["features"] == "pca":
        Z = frame.to_numpy() / units
        axes = np.linalg.svd(Z - Z.mean(axis=0), full_matrices=False)[2][:2]
        axes *= np.sign(
            (
                display.points[:, 0] @ ((Z - Z.mean(axis=0)) @ axes[0]),
                display.points[:, 1] @ ((Z - Z.mean(axis=0)) @ axes[1]),
            )
        )[:, None]
        offset = axes @ (row / units - Z.mean(axis=0))
        coordinates = inside(display)
        points = row + ((coordinates - offset) @ axes) * units
        assert display.ax_.get_xlabel().startswith("component 1 (")
    else:
        pair = [NAMES.index(name) if isinstance(name, str) else name for name in options["features"]]
        coordinates = inside(display)
        points = np.tile(row, (*coordinates.shape[:2], 1))
        points[..., pair] = coordinates
        assert display.ax_.get_xlabel() == NAMES[pair[0]] and display.ax_.get_ylabel() == NAMES[pair[1]]
        assert display.ax_.get_aspect() == pytest.approx(units[pair[0]] / units[pair[1]])
    for at, member, cut in zip(points, display.disc_rows, display.disc_radii, strict=True):
        away = np.linalg.norm((at - frame.to_numpy()[member]) / units, axis=1)
        assert (away < radii[member] * (1 + 1e-9)).all()
        assert 0 < cut <= radii[member]
        predicted = model.predict(pd.DataFrame(at, columns=NAMES))
        assert (predicted == model.predict(frame.iloc[[member]])[0]).all()
    assert not display.whole and "row 8" in display.note
    assert display.ax_.get_legend().get_title().get_text() == display.note


def test_a_ball_that_does_not_come_to_the_plane_has_no_disc(pipeline, pyplot):
    model, frame = pipeline
    scale = frame.std()
    display = DecisionFunctionDisplay.from_estimator(
        model, frame, features=("age", "dose"), tolerances=scale, discs=np.arange(len(frame))
    )
    radii = np.asarray(sklip.certified_radius(model, frame, tolerances=scale))
    off = np.linalg.norm(((frame - frame.median()) / scale).to_numpy()[:, 2:], axis=1)
    meets = np.flatnonzero(radii > off)
    assert 0 < len(meets) < len(frame)
    np.testing.assert_array_equal(display.disc_rows, meets)
    np.testing.assert_allclose(display.disc_radii, np.sqrt((radii**2 - off**2)[meets]), rtol=1e-9)
    assert "median" in display.note


@given(st.integers(0, 10**6), st.integers(2, 6), st.booleans())
def test_discs_of_a_plane_lie_in_their_balls(seed, n_columns, components):
    rng = np.random.default_rng(seed)
    scale = 10.0 ** rng.integers(-3, 4, n_columns)
    rows = (rng.standard_normal((6, n_columns)) + 100 * rng.standard_normal(n_columns)) * scale
    origin = rows[0] if seed % 2 else rows.mean(axis=0)
    if components:
        plane = Plane.of_components(rows, scale, origin)
    else:
        plane = Plane.of_columns(rng.permutation(n_columns)[:2], origin, scale, [str(c) for c in range(n_columns)])
    radii = rng.uniform(0, 4, 6)
    centers, discs = plane.cut(rows, radii)
    assert (discs <= radii).all()
    distance = plane.project(rows)[1]
    np.testing.assert_array_equal(discs > 0, radii > distance)
    np.testing.assert_allclose(discs**2 + np.minimum(distance, radii) ** 2, radii**2, rtol=1e-6, atol=1e-6)
    angle = rng.uniform(0, 2 * np.pi, 6)
    rim = centers + plane.units * discs[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    away = np.linalg.norm((plane.points(rim) - rows) / scale, axis=1)
    assert (away <= radii * (1 + 1e-12) + 1e-9)[discs > 0].all()


def test_several_classes_are_regions_with_the_gap_of_the_best_two(pyplot):
    classifier, X, y = fitted("multiclass")
    display = DecisionFunctionDisplay.from_estimator(classifier, X, y, features=(0, 1), row=0, discs=[0])
    assert display.response.shape == (150, 150, 3)
    rows = np.tile(X[0], (len(vertices(display.boundary_)), 1))
    rows[:, :2] = vertices(display.boundary_)
    best = np.sort(classifier.decision_function(rows))
    assert np.median(best[:, -1] - best[:, -2]) < 0.01
    assert display.margin_ is None
    if display.levels_ is not None:
        assert (np.asarray(display.levels_.levels) > 0).all()
    rows = np.tile(X[0], (200, 1))
    rows[:, :2] = inside(display)[0]
    assert (classifier.predict(rows) == classifier.predict(X[:1])).all()
    assert display.disc_radii[0] == pytest.approx(classifier.certified_radius(X[:1])[0])
    assert display.ax_.get_xlabel() == "column 0"


def test_a_vote_is_drawn_by_its_predictions(pyplot):
    X, _, y = raw_rows()
    members = [(str(seed), QuickMLP(random_state=seed)) for seed in range(3)]
    vote = VotingClassifier(members, voting="hard").fit(X, y)
    display = DecisionFunctionDisplay.from_estimator(vote, X, y, features=(0, 2), row=3, grid_resolution=30)
    assert np.issubdtype(display.response.dtype, np.integer)
    grid = np.tile(X[3], (900, 1))
    grid[:, 0], grid[:, 2] = display.xx0.ravel(), display.xx1.ravel()
    np.testing.assert_array_equal(display.classes[display.response.ravel()], vote.predict(grid))


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_columns_that_an_encoder_takes_are_held_fixed(library, pyplot):
    X, y, _ = raw_rows()
    data = {"sex": np.where(np.arange(len(X)) % 2, "f", "m"), "age": X[:, 0], "height": X[:, 3]}
    frame = pd.DataFrame(data) if library == "pandas" else pl.DataFrame(data)
    encode = make_column_transformer((OneHotEncoder(), ["sex"]), remainder=StandardScaler())
    model = make_pipeline(encode, Quick(random_state=0)).fit(frame, y)
    display = DecisionFunctionDisplay.from_estimator(model, frame, y, row=4, discs=np.arange(len(X)))
    assert display.ax_.get_xlabel() == "age" and display.ax_.get_ylabel() == "height"
    assert len(display.disc_rows) > 5 and (display.disc_rows % 2 == 0).all()  # the row is a man
    np.testing.assert_allclose(display.disc_radii, sklip.certified_radius(model, frame)[display.disc_rows], rtol=1e-9)
    assert not display.whole
    with pytest.raises(ValueError, match="'sex', which is held fixed or holds no numbers"):
        DecisionFunctionDisplay.from_estimator(model, frame, y, features=("sex", "age"))


def test_discs_are_chosen_to_be_seen_apart():
    rng = np.random.default_rng(0)
    centers, radii, codes = rng.uniform(0, 10, (300, 2)), rng.uniform(0, 1.5, 300), rng.integers(3, size=300)
    chosen = choose_discs(centers, radii, codes, np.zeros(2), np.full(2, 10.0), 9)
    assert 6 <= len(chosen) <= 9 and np.bincount(codes[chosen]).max() <= 3
    for place, row in enumerate(chosen):
        others = chosen[place + 1 :]
        assert (np.linalg.norm(centers[row] - centers[others], axis=1) > radii[row] + radii[others]).all()
    assert ((centers[chosen] - radii[chosen, None] > 0) & (centers[chosen] + radii[chosen, None] < 10)).all()
    assert (radii[chosen] > 0.2).all()
    assert len(choose_discs(centers, radii, codes, np.zeros(2), np.full(2, 10.0), 0)) == 0
    assert len(choose_discs(centers, np.zeros(300), codes, np.zeros(2), np.full(2, 10.0), 5)) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"features": ("age", "weight")}, "features names 'weight', and X has the columns"),
        ({"features": "age"}, "or 'pca'; got 'age'"),
        ({"features": ("age", 0)}, "two different columns"),
        ({"features": (0, 1, 2)}, "features must be two columns"),
        ({"row": 100}, "row must be the position of one of the 100 rows"),
        ({"discs": [200]}, "discs must hold positions of the 100 rows"),
        ({"discs": -1}, "discs must be a number of rows"),
        ({"discs": 1.5}, "discs must be a number of rows"),
        ({"grid_resolution": 1}, "grid_resolution must be an integer, 2 or more"),
        ({"tolerances": {"age": 1.0}}, "two columns that may move, and there is 1"),
    ],
)
def test_requests_that_make_no_sense_are_refused(pipeline, options, message, pyplot):
    model, frame = pipeline
    with pytest.raises(ValueError, match=message):
        DecisionFunctionDisplay.from_estimator(model, frame, **options)
    assert pyplot.get_fignums() == []


def test_styles_of_rows_and_discs_are_the_users(pyplot):
    classifier, X, y = fitted()
    options = {"scatter_kwargs": {"s": 3, "color": "black"}, "disc_kwargs": {"fc": "none", "lw": 4}}
    display = DecisionFunctionDisplay.from_estimator(classifier, X, y, discs=[0], legend=False, **options)
    assert all(points.get_sizes().tolist() == [3] for points in display.points_)
    assert all(points.get_facecolor()[0][:3].tolist() == [0, 0, 0] for points in display.points_)
    assert display.discs_[0].get_linewidth() == 4 and display.discs_[0].get_facecolor()[3] == 0
    assert display.ax_.get_legend() is None
    assert [handle.get_label() for handle in display.handles_][-1] == "certified disc: the class holds inside"


def test_a_plane_without_a_boundary_is_drawn_without_a_line(pyplot, recwarn):
    xx0, xx1 = np.meshgrid(np.linspace(0, 1, 5), np.linspace(0, 1, 5))
    for response in (
        xx0 + 1.0,
        np.ones((5, 5)),
        np.stack([xx0, xx0 - 1, xx0 - 2], axis=-1),
        np.zeros((5, 5), dtype=int),
    ):
        display = DecisionFunctionDisplay(
            xx0=xx0, xx1=xx1, response=response, classes=np.arange(3 if response.ndim == 3 else 2), min_margin=0.1
        ).plot()
        display.figure_.canvas.draw()
        assert display.boundary_ == [] and display.margin_ is None
    assert [str(warning.message) for warning in recwarn] == []
