"""What one score and several scores say about classes."""

import numpy as np
import pytest

from sklip._heads import Heads


@pytest.mark.parametrize(("n_classes", "n_scores"), [(2, 1), (3, 3), (10, 10)])
def test_two_classes_have_one_score_and_others_one_each(n_classes, n_scores):
    heads = Heads(n_classes)
    assert heads.n_scores == n_scores and Heads.of_scores(n_scores) == heads
    assert heads.classes.tolist() == ([1] if n_classes == 2 else list(range(n_classes)))


def test_one_score_decides_by_its_sign():
    heads, scores = Heads(2), np.array([[-3.0], [0.0], [2.0]])
    assert heads.class_indices(scores).tolist() == [0, 0, 1]
    assert heads.gaps(scores).tolist() == [3.0, 0.0, 2.0]
    assert scores[:, heads.index].tolist() == [-3.0, 0.0, 2.0]
    assert heads.columns(scores).tolist() == [[3.0, -3.0], [0.0, 0.0], [-2.0, 2.0]]
    assert heads.own(np.array([0, 1])).tolist() == [[False], [True]]


def test_the_largest_of_several_scores_decides_and_the_first_of_equal_ones():
    heads, scores = Heads(3), np.array([[1.0, 4.0, 2.0], [5.0, 5.0, 0.0]])
    assert heads.class_indices(scores).tolist() == [1, 0]
    assert heads.gaps(scores).tolist() == [2.0, 0.0]
    assert scores[:, heads.index].shape == heads.columns(scores).shape == (2, 3)
    assert heads.own(np.array([2, 0])).tolist() == [[False, False, True], [True, False, False]]


@pytest.mark.parametrize("n_classes", [2, 3, 7])
def test_columns_decide_as_the_scores_do(n_classes, rng):
    heads = Heads(n_classes)
    scores = rng.standard_normal((50, heads.n_scores))
    columns = heads.columns(scores)
    assert columns.shape == (50, n_classes)
    np.testing.assert_array_equal(columns.argmax(axis=1), heads.class_indices(scores))
