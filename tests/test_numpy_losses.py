"""Gradients of the losses in NumPy, against differences; their terms, against the losses of Keras."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklip import losses as keras_losses
from sklip.training.in_numpy import losses

ONE_COLUMN = {
    "KR": [{}, {"class_proportions": (0.3,)}],
    "HKR": [{}, {"alpha": 3.0, "min_margin": 0.5, "class_weight": (1.0, 4.0)}],
    "HingeMargin": [{}, {"min_margin": 2.0, "class_weight": (0.5, 2.0)}],
    "TauBinaryCrossentropy": [{}, {"tau": 5.0, "margin_offset": 0.3, "class_weight": (0.5, 2.0)}],
}
FOUR_COLUMNS = {
    "KR": [{}, {"class_proportions": (0.1, 0.2, 0.3, 0.4)}],
    "HKR": [{}, {"class_weight": (1.0, 2.0, 3.0, 4.0)}],
    "HingeMargin": [{}],
    "MultiMargin": [{}, {"min_margin": 2.0, "class_weight": (1.0, 2.0, 3.0, 4.0)}],
    "CategoricalHinge": [{}, {"min_margin": 2.0}],
    "SoftHKR": [{}, {"temperature": 3.0, "class_weight": (1.0, 2.0, 3.0, 4.0)}],
    "LseHKR": [{}, {"penalty": 0.5, "class_weight": (1.0, 2.0, 3.0, 4.0)}],
    "TauCategoricalCrossentropy": [{}, {"tau": 5.0, "margin_offset": 0.3}],
}
CASES = [
    (name, parameters, n_columns)
    for n_columns, kinds in ((1, ONE_COLUMN), (4, FOUR_COLUMNS))
    for name, settings_of_kind in kinds.items()
    for parameters in settings_of_kind
]
each_case = pytest.mark.parametrize(("name", "parameters", "n_columns"), CASES)


def rows(seed, n_columns, dtype=np.float64, n_rows=7):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, max(n_columns, 2), n_rows)
    own = labels[:, None] == (np.array([1]) if n_columns == 1 else np.arange(n_columns))
    scores = rng.standard_normal((n_rows, n_columns)) * 10.0 ** rng.uniform(-1, 1)
    return np.where(own, 1.0, -1.0).astype(dtype), scores.astype(dtype), rng.uniform(0.5, 2.0, n_rows).astype(dtype)


@each_case
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_gradients_are_those_of_differences(name, parameters, n_columns, seed):
    loss, (targets, scores, weights) = getattr(losses, name)(**parameters), rows(seed, n_columns)
    direction = np.random.default_rng(seed + 1).standard_normal(scores.shape)
    step = 1e-6
    ahead, behind = (
        constant_parts(loss, targets, scores, scores + sign * step * direction, weights) for sign in (1, -1)
    )
    expected = (ahead - behind) / (2 * step)
    kinks = kinks_between(loss, targets, scores - step * direction, scores + step * direction)
    _, slopes = loss.terms_and_slopes(targets, scores, weights)
    if not kinks:
        assert (slopes * direction).sum() == pytest.approx(expected, rel=1e-4, abs=1e-6)


def constant_parts(loss, targets, held, scores, weights):
    """The loss; of SoftHKR with the weights of the other scores, which are constants for the gradient."""
    if type(loss) is not losses.SoftHKR:
        return float(loss(targets, scores, weights))
    from sklip.loss_formulas import class_factor, soft_weights

    positive = (targets > 0).astype(float)
    shares, signed = soft_weights(np, positive, held, loss.temperature), targets * scores
    factor = 1.0 if loss.class_weight is None else class_factor(np, positive, np.array(loss.class_weight))
    cost = (shares * (loss.alpha * factor * np.maximum(loss.min_margin - signed, 0) - signed)).sum(axis=1)
    return np.average(cost, weights=weights)


def kinks_between(loss, targets, before, after):
    """Whether the gradient jumps between the scores."""
    weights = np.ones(len(targets))
    slopes = [loss.terms_and_slopes(targets, scores, weights)[1] for scores in (before, after)]
    return np.abs(slopes[0] - slopes[1]).max() > 1e-3


@each_case
def test_terms_and_names_are_those_of_keras(name, parameters, n_columns):
    ours, theirs = (getattr(module, name)(**parameters) for module in (losses, keras_losses))
    assert (ours.term_names, ours.unitless_terms) == (theirs.term_names, theirs.unitless_terms)
    assert ours.parameter_names == theirs.parameter_names and ours.numbers() == theirs.numbers()
    for seed in range(5):
        batch = rows(seed, n_columns, np.float32)
        expected = {term: float(value) for term, value in theirs.terms(*batch).items()}
        terms, slopes = ours.terms_and_slopes(*batch)
        assert slopes.dtype == np.float32
        assert terms == pytest.approx(expected, rel=1e-5, abs=1e-6)
        logits = losses.LossOfLogits(theirs, 3.0, (1.0, 1.0))
        value = float(theirs(batch[0], 3.0 * batch[1], batch[2]))
        of_logits, slopes = logits.terms_and_slopes(*batch)
        assert of_logits["loss"] == pytest.approx(value, rel=1e-5, abs=1e-6)
        direct = ours.terms_and_slopes(batch[0], np.float32(3.0) * batch[1], batch[2])[1]
        np.testing.assert_allclose(slopes, 3.0 * direct, rtol=1e-5, atol=1e-6)


def test_every_loss_of_sklip_has_an_equivalent():
    names = {name for name in keras_losses.__all__ if isinstance(getattr(keras_losses, name), type)}
    known = {name for name in names if losses.is_known(getattr(keras_losses, name)())}
    of_numbers = {"AbsoluteError", "Huber", "Pinball", "SquaredError"}  # which only the regressor has, by their names
    assert names - known == {"TauSparseCategoricalCrossentropy", *of_numbers}  # the first is refused by estimators


def test_batches_without_a_class_have_no_distance():
    targets, scores, weights = np.ones((3, 1)), np.ones((3, 1)), np.ones(3)
    terms, slopes = losses.KR().terms_and_slopes(targets, scores, weights)
    assert terms["kr"] == 0 and not slopes.any()


def test_ties_of_the_best_class_share_the_gradient():
    targets, scores = np.array([[1.0, -1.0, -1.0]]), np.zeros((1, 3))
    _, slopes = losses.CategoricalHinge().terms_and_slopes(targets, scores, np.ones(1))
    assert slopes.tolist() == [[-1.0, 0.5, 0.5]]


def test_class_weights_and_columns_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="HKR takes class weights itself"):
        losses.LossOfLogits(keras_losses.HKR(), 1.0, (1.0, 2.0))
    with pytest.raises(ValueError, match="MultiMargin needs one column of scores per class"):
        losses.MultiMargin()(np.ones((2, 1)), np.ones((2, 1)))
