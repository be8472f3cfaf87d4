"""The benchmark for GPUs, in miniature on the CPU, as it runs on a machine with JAX alone."""

import json
import sys

import numpy as np
import pytest

from tests.helpers import REPOSITORY
from tests.processes import COMPILED_SOONER, WITHOUT, run_command


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
import bench_gpu, gpu_networks
gpu_networks.CONVOLUTIONS = 1
for name, (data, layers, *others) in bench_gpu.RECORDS.items():
    bench_gpu.RECORDS[name] = data, 1, *others  # XLA takes seconds for each layer
bench_gpu.main(sys.argv[2:])
"""


@pytest.mark.slow
def test_it_runs_unattended_and_needs_no_tensorflow(images, tmp_path):
    pytest.importorskip("jax")
    sizes = ["--epochs", "1", "--width", "8", "--channels", "4", "--turns", "1"]
    path = f"{REPOSITORY}:{REPOSITORY / 'benchmarks'}"
    files = {"SKLIP_MNIST": str(images), "SKLIP_FASHION_MNIST": str(images)}
    run_command(
        [sys.executable, "-c", WITHOUT + SCRIPT, "tensorflow", "--cpu", "--quick", *sizes, "--folder", tmp_path],
        KERAS_BACKEND="jax",
        PYTHONPATH=path,
        **files,
        **COMPILED_SOONER,
    )
    found = json.loads((tmp_path / "gpu_jax.json").read_text())["figures"]
    assert set(found["epoch seconds"]) == {"dense, batch 256", "dense, batch 1024", "ConvNet, batch 256"}
    assert set(found["records"]) == {"MNIST at 1.58", "MNIST at 0.3", "Fashion-MNIST at 0.3"}
    for part, goals in found["goals"].items():
        assert set(found[part]) == set(goals)
    assert set(found["orthonormality"]) == {"on", "off"}
    # The short steps leave some 2e-4 here, and the retraction that ends an ordinary epoch would leave 1e-7.
    assert all(1 - kernels["least"] > 1e-5 for kernels in found["orthonormality"].values())
    # A CPU multiplies in float32 in any case.
    on, off = found["orthonormality"].values()
    assert on["accuracy"] == off["accuracy"] and on["greatest"] == off["greatest"] and on["epoch seconds"] > 0
