"""The two workloads as a user of deel-lip 1.5 runs them; prints the times of ``fit``, loss and accuracy as JSON.

    python fit_deel_lip.py --epochs 10 10                     # two moons, a first call and a later one
    python fit_deel_lip.py --epochs 10 10 --mnist mnist.npz   # MNIST 0-8

Loss and accuracy are those of the last fit, of the exported network.
"""

import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import tensorflow as tf
import workloads
from deel.lip.activations import FullSort, GroupSort2
from deel.lip.layers import FrobeniusDense, SpectralDense
from deel.lip.losses import HKR
from deel.lip.model import vanillaModel


def fit(workload, activation, epochs, seed):
    """Build, compile and fit a network."""
    tf.random.set_seed(seed)
    rng = np.random.default_rng(seed)
    sort = {"groupsort2": GroupSort2, "fullsort": FullSort}[activation]
    inputs = units = tf.keras.layers.Input((workload.X.shape[1],))
    for width in workload.widths:
        units = SpectralDense(width, activation=sort())(units)
    model = tf.keras.Model(inputs, FrobeniusDense(1)(units))
    # Its hinge uses half of its min_margin.
    loss = HKR(alpha=workloads.ALPHA, min_margin=2 * workload.margin)
    model.compile(loss=loss, optimizer=tf.keras.optimizers.Adam(workload.rate))
    if workload.balanced:

        def batches():
            while True:
                for rows in workload.batches(rng):
                    yield workload.X[rows], workload.y[rows, None]

        model.fit(batches(), steps_per_epoch=workload.steps, epochs=epochs, verbose=0)
    else:
        model.fit(workload.X, workload.y[:, None], batch_size=workload.batch, epochs=epochs, verbose=0)
    return lambda X: vanillaModel(model).predict(X, verbose=0, batch_size=4096)[:, 0]


if __name__ == "__main__":
    workloads.run(__doc__, "deel-lip", fit)
