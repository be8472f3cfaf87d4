"""The benchmark for GPUs, in miniature on the CPU, as it runs on a machine with JAX alone."""

import json
import sys

import numpy as np
import pytest

from tests.helpers import REPOSITORY
from tests.processes import WITHOUT, run_command


@pytest.fixture
def images(tmp_path):
    """A file of random images, as Keras stores MNIST."""
    rng = np.random.default_rng(0)
    parts = {}
    for part in ("train", "test"):
        parts[f"y_{part}"] = np.arange(64) % 10
        parts[f"x_{part}"] = rng.integers(0, 256, (64, 28, 28)).astype(np.uint8)
    np.savez(tmp_path / "images.npz", **parts)
    return tmp_path / "images.npz"


SCRIPT = """
import bench_gpu
for name, (data, layers, *others) in bench_gpu.RECORDS.items():
    bench_gpu.RECORDS[name] = data, 1, *others  # XLA takes seconds for each layer
bench_gpu.main(sys.argv[2:])
"""


@pytest.mark.slow
def test_it_runs_unattended_and_needs_no_tensorflow(images, tmp_path):
    pytest.importorskip("jax")
    small = ["--cpu", "--quick", "--epochs", "1", "--width", "8", "--turns", "1", "--folder", tmp_path]
    path = f"{REPOSITORY}:{REPOSITORY / 'benchmarks'}"
    files = {"SKLIP_MNIST": str(images), "SKLIP_FASHION_MNIST": str(images)}
    run_command(
        [sys.executable, "-c", WITHOUT + SCRIPT, "tensorflow", *small], KERAS_BACKEND="jax", PYTHONPATH=path, **files
    )
    found = json.loads((tmp_path / "gpu_jax.json").read_text())["figures"]
    assert set(found["epoch seconds"]) == {"256", "1024"}
    assert set(found["records"]) == {"MNIST at 1.58", "MNIST at 0.3", "Fashion-MNIST at 0.3"}
    assert set(found["orthonormality"]) == {"on", "off"}
    # A CPU multiplies in float32 in any case.
    on, off = found["orthonormality"].values()
    assert on["accuracy"] == off["accuracy"] and on["greatest"] == off["greatest"] and on["epoch seconds"] > 0
