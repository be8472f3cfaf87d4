"""What the epochs of JAX do as they run on a GPU, emulated on the CPU; for a process in which Keras runs on JAX."""

from dataclasses import replace
from tempfile import TemporaryDirectory
from unittest.mock import patch

import numpy as np

from sklip import manifold
from sklip.architectures import MLP
from sklip.layers.constrained import ConstrainedLayer, StiefelLayer
from sklip.rows import blocks
from sklip.rows.on_disk import RowsOnDisk
from sklip.training.epochs.jax import JaxEpochs
from sklip.training.loop import train
from tests.epoch_contracts import Weights, task


class KnownLength(JaxEpochs):
    """Epochs whose loops have a known length, as on a GPU; notes how many kernels a step retracts together."""

    def __init__(self, *arguments, **keywords):
        super().__init__(*arguments, **keywords)
        self._known_length = True
        KnownLength.together = len(self._together)


def bits(training):
    """The history and the weights of a training, as text."""
    return str(([weight.tobytes() for weight in training.state.weights], training.history))


def rows_on_disk():
    """Bits of trainings of padded and of known length: in memory, then with rows on disk, half an epoch a chunk."""
    here, found = task(batch_size=23), {}
    with TemporaryDirectory() as folder:
        np.save(f"{folder}/rows.npy", here.rows[0])
        mapped = RowsOnDisk(np.load(f"{folder}/rows.npy", mmap_mode="r")).converted(np.float32, np.float32)
        there = replace(here, rows=(mapped, *here.rows[1:]))
        two_batches = 2 * 4 * here.order(0).shape[1] * here.rows[0].shape[1]
        for name, epochs in (("padded", JaxEpochs), ("known", KnownLength)):
            found[name] = [bits(train(here, epochs))]
            with patch.object(blocks, "CHUNK_BYTES", two_batches):
                found[name].append(bits(train(there, epochs)))
    return found


def accelerated():
    """Histories of ten steps as where a GPU is present, and as on a CPU; and the kernels that the former leave.

    The retraction that ends an epoch is left out of the former, so the kernels are as the steps leave them. There are
    a wide kernel and two that are stacked. Those steps run first: JAX keeps what they compile.
    """
    weights = Weights()
    small = task(4, epochs=10, batch_size=90, learning_rate=0.003, callbacks=[weights])
    small = replace(small, architecture=replace(small.architecture, model=MLP(hidden_layer_sizes=(6, 6, 6))))
    with (
        patch.object(manifold, "accelerated", lambda: True),
        patch.object(StiefelLayer, "end_epoch", ConstrainedLayer.end_epoch),
    ):
        steady = train(small, KnownLength)
    kernels = [kernel.astype(np.float64) for kernel in weights.after[-1][:-2:2]]
    values = np.concatenate([np.linalg.svd(kernel, compute_uv=False) for kernel in kernels])
    moved = float(np.abs(weights.after[-1][0] - weights.before[0][0]).max())
    return {
        "histories": [steady.history, train(small).history],
        "together": KnownLength.together,
        "deviation": float(np.abs(values - 1.0).max()),
        "moved": moved,
    }
