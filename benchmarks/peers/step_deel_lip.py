"""A training step of a convolutional network of deel-lip 1.5; prints its seconds as JSON.

    python step_deel_lip.py ROWS BATCH SHORT LONG

The difference of two warm fits of ``LONG`` and ``SHORT`` epochs, over the steps that one has more.
"""

import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import json
import sys
import time

import numpy as np
import tensorflow as tf
from deel.lip.activations import GroupSort2
from deel.lip.layers import FrobeniusDense, ScaledL2NormPooling2D, SpectralConv2D, SpectralDense

n_rows, batch, short, long = map(int, sys.argv[1:])
rng = np.random.default_rng(0)
y = np.arange(n_rows) % 10
X = (0.5 * rng.random((n_rows, 28, 28, 1)) + 0.5 * rng.random((10, 28, 28, 1))[y]).astype(np.float32)

model = tf.keras.Sequential(
    [
        tf.keras.layers.Input((28, 28, 1)),
        SpectralConv2D(32, (3, 3), activation=GroupSort2()),
        ScaledL2NormPooling2D((2, 2), data_format="channels_last"),
        SpectralConv2D(64, (3, 3), activation=GroupSort2()),
        ScaledL2NormPooling2D((2, 2), data_format="channels_last"),
        tf.keras.layers.Flatten(),
        SpectralDense(128, activation=GroupSort2()),
        FrobeniusDense(10),
    ]
)
loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile(loss=loss, optimizer=tf.keras.optimizers.Adam(0.004))


def seconds(epochs):
    """Wall time of a fit."""
    start = time.perf_counter()
    model.fit(X, y, batch_size=batch, epochs=epochs, verbose=0)
    return time.perf_counter() - start


seconds(short)  # traces
shorter = seconds(short)
print(json.dumps({"seconds": (seconds(long) - shorter) / (-(-n_rows // batch) * (long - short))}))
