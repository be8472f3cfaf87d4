import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sklip.plotting import TrainingHistoryDisplay
from tests.estimator_fixtures import fitted, mlp, moons

HISTORY = {
    "loss": [3.0, 2.0, 1.0],
    "kr": [0.1, 0.5, 0.9],
    "accuracy": [0.5, 0.7, 0.9],
    "val_loss": [np.nan, 2.5, 1.5],
    "val_kr": [0.2, 0.4, 0.6],
    "val_accuracy": [np.nan] * 3,
}


def test_every_term_has_a_panel_with_training_solid_and_validation_dashed(pyplot):
    display = TrainingHistoryDisplay(history=HISTORY).plot()
    assert [panel.get_title() for panel in display.ax_] == ["loss", "KR (units of the data)", "accuracy"]
    assert all(panel.get_xlabel() == "epoch" for panel in display.ax_)
    assert set(display.lines_) == set(HISTORY) - {"val_accuracy"}  # which holds no number
    for name, line in display.lines_.items():
        x, y = line.get_data()
        np.testing.assert_array_equal(x, [1, 2, 3])
        np.testing.assert_array_equal(y, HISTORY[name])
        assert line.get_linestyle() == ("--" if name.startswith("val_") else "-")
        assert line.axes is display.ax_[["loss", "kr", "accuracy"].index(name.removeprefix("val_"))]
    assert [text.get_text() for text in display.ax_[0].get_legend().get_texts()] == ["training", "validation"]


def test_the_history_of_a_pipeline_is_that_of_its_classifier(pyplot):
    X, y = moons()
    model = make_pipeline(StandardScaler(), mlp()).fit(X, y)
    display = TrainingHistoryDisplay.from_estimator(model)
    assert [panel.get_title() for panel in display.ax_] == ["loss", "cross-entropy (nats)", "accuracy"]
    np.testing.assert_array_equal(display.lines_["cross_entropy"].get_ydata(), model[-1].history_["cross_entropy"])


def test_two_trainings_share_panels(pyplot):
    first = TrainingHistoryDisplay(history=HISTORY, name="a").plot(terms=["kr", "accuracy"])
    second = TrainingHistoryDisplay(history=HISTORY, name="b").plot(terms=["kr", "accuracy"], ax=first.ax_)
    assert len(first.ax_) == 2 and all(first.ax_ == second.ax_)
    assert first.lines_["kr"].get_color() == first.lines_["val_kr"].get_color() != second.lines_["kr"].get_color()
    texts = [text.get_text() for text in first.ax_[0].get_legend().get_texts()]
    assert texts == ["a, training", "a, validation", "b, training", "b, validation"]
    assert len(pyplot.get_fignums()) == 1


def test_panels_take_the_place_of_the_axes_given(pyplot):
    figure, (left, right) = pyplot.subplots(1, 2)
    display = TrainingHistoryDisplay(history=HISTORY).plot(ax=right)
    figure.canvas.draw()
    assert not right.axison and left.axison
    assert all(panel.get_position().x0 > left.get_position().x1 for panel in display.ax_)
    with pytest.raises(ValueError, match="not yet drawn on"):
        TrainingHistoryDisplay(history=HISTORY).plot(ax=right)


def test_a_single_epoch_can_be_seen(pyplot):
    display = TrainingHistoryDisplay(history={"loss": [1.0]}).plot()
    assert display.lines_["loss"].get_marker() == "o"


def test_epochs_without_any_number_have_an_empty_panel(pyplot, recwarn):
    display = TrainingHistoryDisplay(history={"loss": [np.nan]}).plot()
    assert display.lines_ == {} and display.ax_[0].get_legend() is None
    assert not recwarn.list


def test_what_was_not_recorded_is_refused(pyplot):
    with pytest.raises(
        ValueError, match=r"terms must be a list of some of \['loss', 'kr', 'accuracy'\].*got \['lost'\]"
    ):
        TrainingHistoryDisplay(history=HISTORY).plot(terms=["lost"])
    with pytest.raises(ValueError, match="ax holds 3 Axes, and there are 1 terms"):
        TrainingHistoryDisplay(history=HISTORY).plot(
            ax=TrainingHistoryDisplay(history=HISTORY).plot().ax_, terms=["kr"]
        )
    with pytest.raises(TypeError, match="SVC has no history_"):
        TrainingHistoryDisplay.from_estimator(SVC())
    assert len(pyplot.get_fignums()) == 1


def test_styles_are_the_users(pyplot):
    display = TrainingHistoryDisplay.from_estimator(fitted()[0], terms=["loss"], line_kwargs={"lw": 5, "c": "k"})
    assert display.lines_["loss"].get_linewidth() == 5 and display.lines_["loss"].get_color() == "k"
