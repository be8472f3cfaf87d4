import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sklip.training.batches import plan_batches

BALANCED = pytest.mark.parametrize("balanced", [False, True], ids=["natural", "balanced"])


@st.composite
def problems(draw, max_classes=6):
    """Labels in random order with every class present, rare ones included; weights; a batch size; a seed."""
    counts = draw(st.lists(st.sampled_from([1, 2, 3, 7, 20, 61]), min_size=1, max_size=max_classes))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    labels = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    return labels, rng.uniform(0.1, 1.0, len(labels)), draw(st.integers(1, 80)), rng


def _plan(problem, balanced=False):
    labels, weights, batch_size, _ = problem
    return plan_batches(labels, weights, labels.max() + 1, batch_size, balanced)


def _counts(labels, epoch):
    """Rows of each class in each batch."""
    return np.array([np.bincount(labels[batch], minlength=labels.max() + 1) for batch in epoch])


@BALANCED
@given(problem=problems())
def test_an_epoch_has_the_steps_that_the_batch_size_says(problem, balanced):
    labels, _, batch_size, rng = problem
    plan = _plan(problem, balanced)
    assert plan.steps == -(-len(labels) // batch_size)
    assert plan.epoch(rng).shape == (plan.steps, -(-sum(plan.slots) // plan.steps))
    assert plan.epoch(rng).dtype == np.int32


@BALANCED
@given(problem=problems())
def test_every_batch_holds_every_class_where_that_can_be(problem, balanced):
    labels, _, batch_size, rng = problem
    assume(labels.max() + 1 <= batch_size)
    plan = _plan(problem, balanced)
    assert plan.holds_every_class
    assert (_counts(labels, plan.epoch(rng)) > 0).all()


@BALANCED
@given(problem=problems())
def test_holds_every_class_promises_no_more_than_is_so(problem, balanced):
    labels, _, _, rng = problem
    plan = _plan(problem, balanced)
    if plan.holds_every_class:
        assert (_counts(labels, plan.epoch(rng)) > 0).all()


@given(problem=problems())
def test_an_epoch_of_natural_shares_draws_every_row(problem):
    labels, _, _, rng = problem
    assert np.isin(np.arange(len(labels)), _plan(problem).epoch(rng)).all()


@given(problem=problems())
def test_natural_batches_repeat_no_row_of_a_frequent_class(problem):
    """A class with a row for every batch is drawn once a row, the filled-up places apart."""
    labels, _, _, rng = problem
    plan = _plan(problem)
    times = np.bincount(plan.epoch(rng).ravel(), minlength=len(labels))
    frequent = np.bincount(labels)[labels] >= plan.steps
    assert times[frequent].sum() - frequent.sum() <= plan.steps - 1


@given(problem=problems())
def test_natural_batches_are_stratified_to_the_row(problem):
    labels, _, _, rng = problem
    plan = _plan(problem)
    counts = _counts(labels, plan.epoch(rng))
    filled = -sum(plan.slots) % plan.steps > 0
    assert (np.ptp(counts, axis=0) <= 1 + filled).all()


@given(problem=problems())
def test_balanced_batches_are_balanced_to_the_row(problem):
    """Within one row as dealt; a place that is filled up at random may add one."""
    labels, _, _, rng = problem
    plan = _plan(problem, balanced=True)
    counts = _counts(labels, plan.epoch(rng))
    filled = -sum(plan.slots) % plan.steps > 0
    assert (np.ptp(counts, axis=1) <= 1 + filled).all()


@BALANCED
@given(problem=problems())
def test_class_factor_restores_the_shares_of_weight(problem, balanced):
    labels, weights, _, _ = problem
    plan = _plan(problem, balanced)
    mass = np.bincount(labels, weights)
    drawn = np.array(plan.slots) * mass / np.bincount(labels)
    np.testing.assert_allclose(plan.class_factor * drawn / drawn.sum(), mass / mass.sum(), rtol=1e-12)


@BALANCED
def test_class_factor_makes_expectations_over_batches_those_of_the_data(balanced):
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], [60, 3, 17])
    weights, values = rng.uniform(0.5, 1.0, 80), rng.standard_normal(80) + 5.0 * labels
    plan = plan_batches(labels, weights, 3, 8, balanced)
    factors = weights * plan.class_factor[labels]
    epochs = np.array([plan.epoch(rng) for _ in range(500)])
    estimate = (factors * values)[epochs].sum() / weights[epochs].sum()
    assert estimate == pytest.approx(np.average(values, weights=weights), abs=0.03)
    assert abs(values[epochs].mean() - values.mean()) > 0.1  # without the factor, another number


@BALANCED
def test_the_generator_alone_decides_the_order(balanced):
    labels = np.repeat([0, 1, 2], [30, 5, 11])
    plan = plan_batches(labels, np.ones(46), 3, 7, balanced)
    first, again, other = (plan.epoch(np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@BALANCED
def test_epochs_put_other_rows_together(balanced):
    plan = plan_batches(np.repeat([0, 1], [30, 30]), np.ones(60), 2, 10, balanced)
    rng = np.random.default_rng(0)
    first, second = ({frozenset(batch) for batch in plan.epoch(rng).tolist()} for _ in range(2))
    assert not first & second


@BALANCED
def test_a_class_of_one_row_is_in_every_batch(balanced):
    labels = np.array([0] * 99 + [1])
    plan = plan_batches(labels, np.ones(100), 2, 10, balanced)
    epoch = plan.epoch(np.random.default_rng(0))
    assert ((epoch == 99).sum(axis=1) >= 1).all()


@BALANCED
def test_an_absent_class_is_left_out(balanced):
    labels = np.array([0] * 20 + [2] * 10)
    plan = plan_batches(labels, np.ones(30), 4, 8, balanced)
    assert np.isfinite(plan.class_factor).all() and plan.class_factor.shape == (4,)
    assert set(labels[plan.epoch(np.random.default_rng(0))].ravel()) == {0, 2}


@BALANCED
def test_more_classes_than_rows_in_a_batch(balanced):
    labels = np.repeat(np.arange(12), 5)
    plan = plan_batches(labels, np.ones(60), 12, 4, balanced)
    epoch = plan.epoch(np.random.default_rng(0))
    assert epoch.shape == (15, 4)
    assert not plan.holds_every_class
    assert set(epoch.ravel()) == set(range(60))
    np.testing.assert_allclose(plan.class_factor, 1.0)


def test_batches_of_one_row():
    plan = plan_batches(np.array([0, 1, 1]), np.ones(3), 2, 1, False)
    assert sorted(plan.epoch(np.random.default_rng(0)).ravel()) == [0, 1, 2]


def test_one_batch_of_everything():
    plan = plan_batches(np.array([0, 1, 1]), np.ones(3), 2, 100, False)
    assert sorted(plan.epoch(np.random.default_rng(0)).ravel()) == [0, 1, 2]
