"""Rows of files mapped into memory: the bits of the same rows in memory, without a copy of them."""

import os
import sys

import keras
import numpy as np
import pandas as pd
import pytest

from sklip import HKRClassifier, LipschitzMLP
from sklip.rows import blocks
from sklip.rows.on_disk import RowsOnDisk, is_on_disk
from tests.helpers import biases_of, kernels_of
from tests.processes import COMPILED_SOONER, ROOT, last_json, run_command, run_script

SMALL = {"hidden_layer_sizes": (8, 4), "batch_size": 32, "epochs": 2, "random_state": 0, "jit_compile": False}
N_ROWS, N_FEATURES = 700, 5


@pytest.fixture(autouse=True)
def many_chunks(monkeypatch):
    """Chunks of three batches, so that small files have many; pages are released after every few rows."""
    monkeypatch.setattr(blocks, "CHUNK_BYTES", 3 * 32 * 4 * N_FEATURES)
    monkeypatch.setattr(blocks, "SUM_BYTES", 1 << 12)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X = (rng.standard_normal((N_ROWS, N_FEATURES)) * [1, 2, 1, 3, 1] + 7).astype(np.float32)
    return X, (X[:, 0] + X[:, 1] > 14).astype(int) + (X[:, 2] > 8)


@pytest.fixture
def mapped(tmp_path):
    """A function that writes an array to a file and maps it."""

    def write(array, mode="r", **layout):
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.npy"
        np.save(path, np.asarray(array, **layout))
        return np.load(path, mmap_mode=mode)

    return write


def bits(classifier):
    arrays = (classifier.center_, *kernels_of(classifier.network_), *biases_of(classifier.network_))
    return [array.tobytes() for array in arrays], classifier.scale_, classifier.history_


@pytest.fixture
def streamed(monkeypatch):
    """Counts the rows that were read in the order of batches."""
    counted = []
    read = RowsOnDisk.__getitem__

    def counting(self, rows):
        if not isinstance(rows, slice):
            counted.append(len(rows))
        return read(self, rows)

    monkeypatch.setattr(RowsOnDisk, "__getitem__", counting)
    return counted


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        (HKRClassifier, {}),
        (HKRClassifier, {"learning_rate_schedule": "constant", "class_weight": "balanced", "batch_size": 50}),
        (LipschitzMLP, {"dropout": 0.3, "epsilon": 0.1}),
        (LipschitzMLP, {"early_stopping": True, "monitor": "accuracy", "epochs": 4, "n_iter_no_change": 1, "tol": 0.2}),
    ],
)
def test_a_file_trains_to_the_bits_of_its_rows(kind, changes, data, mapped, streamed):
    X, y = data
    here = kind(**SMALL | changes).fit(X, y)
    assert not streamed
    there = kind(**SMALL | changes).fit(mapped(X), y)
    assert bits(there) == bits(here)
    assert len(streamed) > 3 * there.n_iter_
    assert max(streamed) * 4 * N_FEATURES <= blocks.CHUNK_BYTES


def test_a_callback_sees_an_epoch_as_one_batch(data, mapped):
    X, y = data
    calls = []

    class Watch(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            calls.append(("batch", batch))

        def on_epoch_end(self, epoch, logs=None):
            calls.append(("epoch", epoch))

    HKRClassifier(**SMALL, callbacks=[Watch()]).fit(mapped(X), y)
    assert calls == [("batch", 0), ("epoch", 0), ("batch", 0), ("epoch", 1)]


@pytest.mark.slow
def test_xla_trains_alike(data, mapped, streamed):
    X, y = data
    here, there = (HKRClassifier(**SMALL | {"jit_compile": True}).fit(rows, y) for rows in (X, mapped(X)))
    assert streamed
    np.testing.assert_allclose(there.decision_function(X), here.decision_function(X), rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(there.history_["loss"], here.history_["loss"], rtol=1e-4)


@pytest.mark.parametrize("layout", [{"dtype": np.float64}, {"dtype": np.int16}, {"order": "F"}])
def test_other_numbers_and_orders(layout, data, mapped, streamed):
    X = np.round(data[0] * 100) if layout.get("dtype") == np.int16 else data[0]
    y = data[1] > 0
    here = HKRClassifier(**SMALL).fit(np.asarray(X, layout.get("dtype")), y)
    assert bits(HKRClassifier(**SMALL).fit(mapped(X, **layout), y)) == bits(here)
    assert streamed


@pytest.mark.parametrize("part", [np.s_[100:], np.s_[::-2], np.s_[50:600, 1:4]])
def test_parts_of_a_file(part, data, mapped, streamed):
    X, y = data
    whole = mapped(X)
    here, there = (HKRClassifier(**SMALL).fit(rows[part], y[part[0] if isinstance(part, tuple) else part] > 0)
                   for rows in (X, whole))  # fmt: skip
    assert is_on_disk(whole[part])
    assert streamed
    assert bits(there) == bits(here)


def test_weights_and_held_out_files(data, mapped, streamed):
    X, y = data
    weights = np.random.default_rng(1).uniform(size=N_ROWS) * (np.arange(N_ROWS) % 3 > 0)
    held_out = {"y_val": y[:200], "sample_weight_val": 1 - weights[:200]}
    settings = SMALL | {"early_stopping": True}
    here = LipschitzMLP(**settings).fit(X, y, weights, X_val=X[:200], **held_out)
    there = LipschitzMLP(**settings).fit(mapped(X), y, weights, X_val=mapped(X[:200]), **held_out)
    assert bits(there) == bits(here)
    assert streamed


def test_a_stream_of_parts(data, mapped, streamed):
    X, y = data
    here, there = LipschitzMLP(**SMALL), LipschitzMLP(**SMALL)
    whole = mapped(X)
    for start in range(0, N_ROWS, 350):
        part = slice(start, start + 350)
        here.partial_fit(X[part], y[part], classes=np.unique(y))
        there.partial_fit(whole[part], y[part], classes=np.unique(y))
    assert bits(there) == bits(here)
    assert streamed


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, -1e30])
def test_bad_entries_raise_the_same_error(bad, data, mapped):
    X, y = data
    X = X.copy()
    X[350, 2:4] = bad
    messages = []
    for rows in (X, mapped(X)):
        classifier = HKRClassifier(**SMALL)
        with pytest.raises(ValueError, match="column 2, like 1 other column, ") as caught:
            classifier.fit(rows, y > 0)
        assert not hasattr(classifier, "n_features_in_")
        messages.append(str(caught.value))
    assert messages[0] == messages[1]


def test_other_faults_raise_the_same_errors(data, mapped):
    X, y = data
    fitted = HKRClassifier(**SMALL).fit(mapped(X), y > 0)
    far = X.copy()
    far[5, 1] = 1e17

    def message(rows, labels, fit):
        with pytest.raises(ValueError) as caught:
            fit(rows, labels)
        return str(caught.value)

    for array, labels, fit in (
        (X[:, :4], y > 0, fitted.partial_fit),
        (far, y > 0, fitted.partial_fit),
        (X, y[1:], HKRClassifier(**SMALL).fit),
        (np.ones_like(X), y > 0, HKRClassifier(**SMALL).fit),
    ):
        assert message(mapped(array), labels, fit) == message(array, labels, fit)
    before = bits(fitted)
    message(mapped(far), y > 0, fitted.partial_fit)
    assert bits(fitted) == before


@pytest.mark.parametrize("mode", ["r+", "c"])
def test_what_was_changed_in_the_mapping_counts_and_stays(mode, data, mapped):
    X, y = data
    changed = mapped(X, mode)
    changed[:, 0] *= 2
    expected = np.array(changed)
    here = HKRClassifier(**SMALL).fit(expected, y > 0)
    assert bits(HKRClassifier(**SMALL).fit(changed, y > 0)) == bits(here)
    np.testing.assert_array_equal(changed, expected)
    assert is_on_disk(changed) == (mode == "r+")


def test_what_is_no_mapped_file_of_rows(data, mapped):
    X, y = data
    rows = mapped(X)
    for other in (X, rows + 1, rows[[3, 1]], rows[0], rows[:0], pd.DataFrame(rows), mapped(X.astype(complex))):
        assert not is_on_disk(other)
    frame = HKRClassifier(**SMALL).fit(pd.DataFrame(rows, columns=list("abcde")), y > 0)
    assert list(frame.feature_names_in_) == list("abcde")
    assert bits(frame) == bits(HKRClassifier(**SMALL).fit(X, y > 0))


def test_rows_are_returned_as_asked_for(data, mapped, rng):
    X = data[0]
    disk = RowsOnDisk(mapped(X))
    numbers = rng.integers(0, N_ROWS, 2000)
    np.testing.assert_array_equal(disk[numbers], X[numbers])
    np.testing.assert_array_equal(disk[10:30], X[10:30])
    twice = disk.take(np.arange(N_ROWS) % 2 == 1).take(np.array([4, 0, 7])).converted(lambda X: 2 * X, np.float32)
    np.testing.assert_array_equal(twice[np.array([2, 0])], 2 * X[[15, 9]])
    assert (twice.shape, twice[:].dtype, len(twice)) == ((3, N_FEATURES), np.float32, 3)
    np.testing.assert_array_equal(np.concatenate([disk[part] for part in blocks.sum_blocks(disk)]), X)


@pytest.mark.parametrize("steps", [1, 2, 7, 8, 100])
@pytest.mark.parametrize("batch_bytes", [1, 700, 10**6])
def test_chunks_partition_the_steps_and_keep_their_size(steps, batch_bytes):
    parts = list(blocks.chunks(steps, batch_bytes))
    assert [step for part in parts for step in range(steps)[part]] == list(range(steps))
    lengths = [part.stop - part.start for part in parts]
    assert all(length == 1 or length * batch_bytes <= blocks.CHUNK_BYTES for length in lengths)
    assert len(set(lengths[:-1])) <= 1


JAX = """
import json, sys
import numpy as np
from sklip import LipschitzMLP
from pytest import MonkeyPatch
from sklip.rows import blocks, on_disk
MonkeyPatch().setattr(blocks, "CHUNK_BYTES", 1 << 12)
X = np.load(sys.argv[1], mmap_mode="r")
y = np.arange(len(X)) % 3
settings = dict(hidden_layer_sizes=(8, 4), batch_size=32, epochs=2, random_state=0, epsilon=0.1, jit_compile=True)
read = []
gather = on_disk.RowsOnDisk.__getitem__
def counting(self, rows):
    if not isinstance(rows, slice):
        read.append(len(rows))
    return gather(self, rows)
on_disk.RowsOnDisk.__getitem__ = counting
histories = [LipschitzMLP(**settings).fit(data, y).history_ for data in (np.array(X), X)]
print(json.dumps([len(read), *histories]))
"""


@pytest.mark.slow
def test_the_jax_backend_reads_a_chunk_at_a_time(data, tmp_path):
    pytest.importorskip("jax")
    np.save(tmp_path / "rows.npy", data[0])
    command = [sys.executable, "-c", JAX, tmp_path / "rows.npy"]
    reads, here, there = last_json(run_command(command, PYTHONPATH=str(ROOT), KERAS_BACKEND="jax", **COMPILED_SOONER))
    assert reads == 2 * 4
    assert here.keys() == there.keys()
    assert all(there[name] == pytest.approx(here[name], rel=1e-6) for name in here)


MEMORY = """
import json, re, sys
from pathlib import Path
import numpy as np
from sklip import HKRClassifier

def status(name):
    return int(re.search(name + r":\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) // 1024

rng = np.random.default_rng(0)
small = HKRClassifier(hidden_layer_sizes=(4,), epochs=1, batch_size=512, jit_compile=False)
small.fit(rng.standard_normal((2000, 250)), np.arange(2000) % 2)  # whatever TensorFlow needs
from pytest import MonkeyPatch  # raises where there is no such constant
from sklip.rows import blocks
MonkeyPatch().setattr(blocks, "CHUNK_BYTES", 1 << 23)
X = np.load(sys.argv[1], mmap_mode="r")
y = np.arange(len(X)) % 2
before = status("VmRSS")
small.fit(X, y)
for start in range(0, len(X), len(X) // 4):
    part = slice(start, start + len(X) // 4)
    small.partial_fit(X[part], y[part])
print(json.dumps({"before": before, "peak": status("VmHWM"), "after": status("VmRSS"), "file": X.nbytes >> 20}))
"""


@pytest.fixture(scope="module")
def large_file(tmp_path_factory):
    """190 MB of rows."""
    path = tmp_path_factory.mktemp("large") / "rows.npy"
    file = np.lib.format.open_memmap(path, "w+", np.float32, (200_000, 250))
    some = np.random.default_rng(0).standard_normal((20_000, 250), np.float32)
    for start in range(0, len(file), len(some)):
        file[start : start + len(some)] = some
    yield path
    path.unlink()


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="reads the kernel's account of memory")
def test_memory_does_not_hold_the_file(large_file):
    """Neither in ``fit`` nor in ``partial_fit``: the peak is that of both."""
    memory = last_json(run_script(MEMORY, large_file, python=sys.executable))
    assert memory["file"] == 190
    assert memory["peak"] - memory["before"] < memory["file"] * 0.75, memory
