"""Sorting by a network of minima and maxima; TensorFlow's own sort is slower, as it branches at each comparison.

Every stage of a bitonic network (Batcher 1968) compares slices of arrays, at the speed of memory. A value and its
position are packed into one number, so that the gradient needs no second sort.
"""

import numpy as np
import tensorflow as tf

_SIGN_FLIP = 0x7FFFFFFF
_BEYOND = 2.0**52  # above all keys; tf.debugging would raise for an infinity


def _exchange(keys, block, mirrored):
    """Compare the first half of each block of rows with the second, mirrored if two sorted halves are merged."""
    halves = tf.reshape(keys, (keys.shape[0] // block, 2, block // 2, -1))
    first, second = halves[:, 0], halves[:, 1]
    if mirrored:
        second = tf.reverse(second, [1])
    low, high = tf.minimum(first, second), tf.maximum(first, second)
    if mirrored:
        high = tf.reverse(high, [1])
    return tf.reshape(tf.stack([low, high], axis=1), (keys.shape[0], -1))


def _network(keys):
    """Sort along the first axis, whose length is a power of two."""
    merged = 2
    while merged <= keys.shape[0]:
        keys = _exchange(keys, merged, mirrored=True)
        block = merged // 2
        while block > 1:
            keys = _exchange(keys, block, mirrored=False)
            block //= 2
        merged *= 2
    return keys


def _ordered(bits):
    """Map the bits of floats to integers of the same order, and back."""
    return tf.where(bits < 0, tf.bitwise.bitwise_xor(bits, _SIGN_FLIP), bits)


@tf.custom_gradient
def sort_columns(values):
    """Sort each column in ascending order; the gradient of equal values follows their original order.

    Parameters
    ----------
    values : float32 tensor of shape (n, m), n at most 2²⁰

    Returns
    -------
    float32 tensor of shape (n, m)
    """
    size, columns = values.shape[0], tf.shape(values)[1]
    length = 1 << (size - 1).bit_length()
    # 32 bits of the value and at most 20 of its position: float64 holds them all.
    integers = tf.cast(_ordered(tf.bitcast(values, tf.int32)), tf.float64)
    keys = integers * length + np.arange(size, dtype=np.float64)[:, None]
    keys = tf.pad(keys, [(0, length - size), (0, 0)], constant_values=_BEYOND)
    keys = _network(keys)[:size]
    integers = tf.floor(keys / length)
    places = tf.cast(keys - integers * length, tf.int32)

    def gradient(upstream):
        origins = places * columns + tf.range(columns)
        flat = tf.math.unsorted_segment_sum(tf.reshape(upstream, [-1]), tf.reshape(origins, [-1]), size * columns)
        return tf.reshape(flat, (size, columns))

    return tf.bitcast(_ordered(tf.cast(integers, tf.int32)), tf.float32), gradient
