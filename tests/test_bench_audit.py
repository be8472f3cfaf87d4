"""A hundredth of the benchmark that attacks a million rows."""

import importlib
import sys

import pytest

from sklip.training import engines
from tests.helpers import REPOSITORY
from tests.test_examples import mnist_or_skip

ROWS = 10_000


@pytest.fixture(scope="module")
def benchmark():
    sys.path.insert(0, str(REPOSITORY / "benchmarks"))
    yield importlib.import_module("bench_audit")
    sys.path.remove(str(REPOSITORY / "benchmarks"))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    "data", ["two moons", "circles", "iris", "wine", "breast cancer", "digits", "unlike scales", "MNIST 0-8"]
)
def test_no_attacked_row_is_inside_its_radius(benchmark, data, monkeypatch):
    monkeypatch.setattr(engines, "keras_can_train", lambda: False)  # so that NumPy trains, which compiles nothing
    if data == "MNIST 0-8":
        monkeypatch.setenv("SKLIP_MNIST", str(mnist_or_skip()))
    assert len(benchmark.CASES) == 8
    runs = list(benchmark.attacked(data, ROWS // 8, epochs=3, restarts=1, n_steps=3))
    assert [run["broken"] for run in runs] == [0] * 8
    assert sum(run["rows"] for run in runs) >= ROWS // 8 - 8
    assert {(run["estimator"], run["pipeline"], run["dtype"]) for run in runs} == {
        (estimator, pipeline, dtype)
        for estimator in ("HKRClassifier", "LipschitzMLP")
        for pipeline in (False, True)
        for dtype in ("float32", "float64")
    }
    # The certificates are worth attacking, and the attack reaches beyond them.
    assert min(run["certified"] for run in runs) > (0.85 if data == "unlike scales" else 0.95)
    assert min(run["attacked beyond"] for run in runs) > 0.5
