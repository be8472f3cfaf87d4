"""One protocol of rows: whatever follows it is read, selected, measured, trained on and served to the same bits."""

import numpy as np
import pytest

from sklip import LipschitzMLP
from sklip.estimators._units import center_and_scale, farthest, to_training_units
from sklip.rows import blocks, sources
from sklip.rows.entries import bad_columns, largest_entry
from sklip.rows.on_disk import RowsOnDisk
from sklip.rows.protocol import selected_rows
from sklip.rows.served import ServedRows
from tests.estimator_fixtures import bits
from tests.helpers import random_network

X = np.random.default_rng(0).standard_normal((300, 4)).astype(np.float32) * [1, 2, 3, 4] + 7


class RowsInParts:
    """Rows in several arrays, as a new source would bring them."""

    def __init__(self, parts, numbers=None, convert=None, dtype=np.float64):
        self._parts, self._convert, self.dtype = parts, convert, np.dtype(dtype)
        self._numbers = np.arange(sum(map(len, parts))) if numbers is None else numbers
        self.shape = (len(self._numbers), parts[0].shape[1])

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, rows):
        starts = np.cumsum([0, *map(len, self._parts)])
        places = self._numbers[rows]
        parts = np.searchsorted(starts, places, side="right") - 1
        block = [self._parts[part][place - starts[part]] for part, place in zip(parts, places, strict=True)]
        block = np.array(block, np.float64).reshape(-1, self.shape[1])
        return block if self._convert is None else self._convert(block)

    def take(self, selected):
        return RowsInParts(self._parts, self._numbers[selected], self._convert, self.dtype)

    def converted(self, convert, dtype):
        return RowsInParts(self._parts, self._numbers, convert, dtype)


def in_parts():
    return RowsInParts([X[:90], X[90:91], X[91:]])


SOURCES = {
    "array": lambda file: X,
    "in parts": lambda file: in_parts(),
    "on disk": RowsOnDisk,
    "served": lambda file: ServedRows(X, X, pytest.fail),
    "served from disk": lambda file: ServedRows(np.asarray(file), file, pytest.fail),
}
UNREAD = ["in parts", "on disk"]


@pytest.fixture
def rows(request, tmp_path, monkeypatch):
    """The same rows from a source, in small blocks."""
    monkeypatch.setattr(blocks, "SUM_BYTES", 1000)
    monkeypatch.setattr(blocks, "CHUNK_BYTES", 2000)
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 50)
    np.save(tmp_path / "rows.npy", X)
    return SOURCES[request.param](np.load(tmp_path / "rows.npy", mmap_mode="r"))


@pytest.mark.parametrize("rows", SOURCES, indirect=True)
def test_a_block_is_what_an_array_gives(rows):
    assert (rows.shape, len(rows)) == (X.shape, len(X))
    for part in (np.s_[:], np.s_[10:30], np.s_[299:], np.s_[5:5], np.s_[::-7], np.array([7, 0, 7, 299])):
        block = rows[part]
        assert block.dtype == rows.dtype
        np.testing.assert_array_equal(block, X[part])


@pytest.mark.parametrize("rows", SOURCES, indirect=True)
def test_measures_and_scores_are_those_of_an_array(rows):
    assert largest_entry(rows) == np.abs(X).max()
    np.testing.assert_array_equal(bad_columns(rows, lambda block: block > 20), (X > 20).any(axis=0))
    weights = np.random.default_rng(1).uniform(size=len(X))
    center, scale = center_and_scale(rows, weights)
    expected = center_and_scale(X, weights)
    assert (bits(center), scale) == (bits(expected[0]), expected[1])
    units = to_training_units(rows, center, scale)
    assert bits(units) == bits(to_training_units(X, center, scale))
    assert farthest(units, scale) == farthest(to_training_units(X, center, scale), scale)
    network = random_network(np.random.default_rng(0), (4, 6, 3))
    assert bits(network.scores(rows)) == bits(network.scores(X))


@pytest.mark.parametrize("rows", UNREAD, indirect=True)
def test_unread_rows_are_selected_and_converted(rows):
    odd = selected_rows(rows, np.arange(len(X)) % 2 == 1)
    twice = selected_rows(odd, np.array([4, 0, 7])).converted(lambda block: np.float32(2 * block), np.float32)
    assert not isinstance(twice, np.ndarray)
    assert (twice.shape, twice.dtype, len(twice), twice[:].dtype) == ((3, 4), np.float32, 3, np.float32)
    np.testing.assert_array_equal(twice[np.array([2, 0])], np.float32(2 * X[[15, 9]]))
    assert odd.take(np.zeros(len(odd), dtype=bool))[:].shape == (0, 4)


def test_rows_of_an_array_are_selected():
    np.testing.assert_array_equal(selected_rows(X, X[:, 0] > 7), X[X[:, 0] > 7])


def test_a_new_source_trains_to_the_bits_of_an_array(monkeypatch):
    """What follows the protocol needs no more than a place among the sources."""
    monkeypatch.setattr(blocks, "CHUNK_BYTES", 1000)
    monkeypatch.setattr(sources, "unread_rows", lambda rows: None if isinstance(rows, np.ndarray) else rows)
    y = np.digitize(X[:, 0], [6.5, 7.5])
    settings = {"hidden_layer_sizes": (8,), "batch_size": 32, "epochs": 2, "random_state": 0, "jit_compile": False}
    here, there = (
        LipschitzMLP(**settings, early_stopping=True).fit(rows, y, sample_weight=np.arange(len(X)) % 5)
        for rows in (X, in_parts())
    )
    assert here.history_ == there.history_
    assert bits(here.decision_function(X)) == bits(there.decision_function(X))
    bad = X.copy()
    bad[200, 2] = np.nan
    with pytest.raises(ValueError, match="column 2 contains NaN"):
        LipschitzMLP(**settings).fit(RowsInParts([bad[:150], bad[150:]]), y)
