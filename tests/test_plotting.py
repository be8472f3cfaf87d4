"""What all displays promise: scikit-learn's contract, no matplotlib before it is needed, no figure too many."""

import inspect
import sys
from functools import cache

import numpy as np
import pytest
from numpydoc.validate import validate

import sklip.plotting
from sklip.plotting import (
    AdversarialDisplay,
    CertifiedAccuracyDisplay,
    CertifiedRadiusDisplay,
    DecisionFunctionDisplay,
    FeatureWeightsDisplay,
    TrainingHistoryDisplay,
)
from tests.estimator_fixtures import classifier as small_classifier
from tests.estimator_fixtures import fitted, moons
from tests.processes import run_script

WITHOUT_ROWS = (FeatureWeightsDisplay, TrainingHistoryDisplay)
DISPLAYS = [getattr(sklip.plotting, name) for name in sklip.plotting.__all__]


@cache
def with_weights():
    """A fitted classifier with weights of its columns."""
    return small_classifier(norm="inf", backend="numpy").fit(*moons())


def drawn(display, **options):
    """A display of a fitted classifier."""
    classifier, X, y = fitted()
    arguments = {
        FeatureWeightsDisplay: (with_weights(),),
        CertifiedAccuracyDisplay: (classifier, X, y),
        CertifiedRadiusDisplay: (classifier, X, y),
        DecisionFunctionDisplay: (classifier, X, y),
        TrainingHistoryDisplay: (classifier,),
        AdversarialDisplay: (classifier, X),
    }[display]
    return display.from_estimator(*arguments, **options)


@pytest.mark.parametrize("display", DISPLAYS)
def test_a_display_stores_its_parameters_and_draws_itself_again_elsewhere(display, pyplot):
    first = drawn(display)
    names = list(inspect.signature(display).parameters)
    assert all(p.kind is p.KEYWORD_ONLY for p in inspect.signature(display).parameters.values())
    again = display(**{name: getattr(first, name) for name in names})
    assert not hasattr(again, "ax_") and not hasattr(again, "figure_")
    figure, ax = pyplot.subplots()
    assert again.plot(ax=ax) is again
    assert again.figure_ is figure
    assert len(figure.axes[0].texts) == len(first.figure_.axes[0].texts)
    figure.canvas.draw()


@pytest.mark.parametrize("display", DISPLAYS)
def test_from_estimator_and_plot_take_options_by_keyword_only(display):
    for method in ("plot", "from_estimator", "from_predictions"):
        if hasattr(display, method):
            parameters = list(inspect.signature(getattr(display, method)).parameters.values())
            free = {"self", "ax", "estimator", "X", "y", "y_true", "y_pred", "radius", "adversarial"}
            positional = {p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD}
            assert positional <= free, (method, positional)
            assert "ax" in {p.name for p in parameters}


@pytest.mark.parametrize("display", DISPLAYS)
def test_a_new_figure_is_made_once_and_only_where_no_axes_are_given(display, pyplot):
    first = drawn(display)
    assert len(pyplot.get_fignums()) == 1
    figure, ax = pyplot.subplots()
    assert drawn(display, ax=ax).figure_ is figure
    assert len(pyplot.get_fignums()) == 2
    if display is not AdversarialDisplay:
        second = drawn(display, ax=first.ax_)
        assert second.figure_ is first.figure_
        assert np.all(second.ax_ == first.ax_)
    assert len(pyplot.get_fignums()) == 2


@pytest.mark.parametrize("display", DISPLAYS)
def test_a_refused_call_leaves_no_figure_behind(display, pyplot):
    with pytest.raises((TypeError, ValueError)):
        drawn(display, ax="not axes")
    with pytest.raises((TypeError, ValueError)):
        display.from_estimator(fitted()[0], *([] if display in WITHOUT_ROWS else [[[1.0]], [0]]), terms=["no"])
    assert pyplot.get_fignums() == []


@pytest.mark.parametrize("display", DISPLAYS)
def test_without_matplotlib_the_error_says_what_to_install(display, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    classifier, X, y = fitted()
    arguments = dict.fromkeys(WITHOUT_ROWS, (classifier,)) | {AdversarialDisplay: (classifier, X)}
    with pytest.raises(ImportError, match=r"from_estimator needs matplotlib.*pip install 'scikit-lipschitz\[plot\]'"):
        display.from_estimator(*arguments.get(display, (classifier, X, y)))


def test_importing_the_displays_imports_neither_matplotlib_nor_keras():
    script = "import sys, sklip.plotting; print([m for m in ('matplotlib', 'keras', 'tensorflow') if m in sys.modules])"
    assert run_script(script).strip() == "[]"


@pytest.mark.parametrize("display", DISPLAYS)
def test_a_display_is_documented(display):
    codes = {"GL08", "SS01", "PR01", "PR02", "PR04", "PR06", "EX01"}
    name = f"sklip.plotting.{display.__name__}"
    for part in ("", ".plot", ".from_estimator", *([".from_predictions"] * hasattr(display, "from_predictions"))):
        wanted = codes - ({"EX01"} if part == ".plot" else set())
        assert [fault for fault in validate(name + part)["errors"] if fault[0] in wanted] == [], part
