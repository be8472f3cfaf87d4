"""Kernels on their manifolds, in NumPy and float32: the formulas of :mod:`sklip.manifold`, which need Keras there."""

from math import isfinite

import numpy as np


def slope_of_kernel(
    inputs: np.ndarray,
    kernel: np.ndarray,
    outputs: np.ndarray,
    slope: np.ndarray,
    back: np.ndarray | None,
    out: np.ndarray,
) -> None:
    """Write the gradient with respect to an orthonormal kernel, projected on the tangent space of the Stiefel manifold.

    ``G − ½ W (Wᵀ G + Gᵀ W)`` for ``G = Xᵀ S``; see :func:`sklip.manifold.tangent_projection`.

    Parameters
    ----------
    inputs : ndarray of shape (m, n)
        ``X``.
    kernel : ndarray of shape (n, p)
        ``W``.
    outputs : ndarray of shape (m, p)
        ``A = X W``.
    slope : ndarray of shape (m, p)
        ``S``, the gradient with respect to the outputs.
    back : ndarray of shape (m, n) or None
        ``B = S Wᵀ``, the gradient with respect to the inputs, if it is known.
    out : ndarray of shape (n, p)
        Result. Entries that are not finite are 0.
    """
    tall = kernel.shape[0] >= kernel.shape[1]
    if len(inputs) < min(kernel.shape):
        # W sym(Wᵀ G) = ½ (W Aᵀ S + Bᵀ A): products of the batch, which is smaller than the kernel.
        back = slope @ kernel.T if back is None else back
        left = inputs - 0.5 * (outputs @ kernel.T) if tall else inputs
        right = slope if tall else slope - 0.5 * (back @ kernel)
        np.matmul(left.T, right, out=out)
        out -= (0.5 * back).T @ outputs
    else:
        np.matmul(inputs.T, slope, out=out)
        if not tall:
            inner = out @ kernel.T
        elif len(inputs) < len(kernel):
            inner = outputs.T @ slope  # Wᵀ G as a sum over the batch
        else:
            inner = kernel.T @ out
        normal = 0.5 * (inner + inner.T)
        out -= kernel @ normal if tall else normal @ kernel
    replace_not_finite(out)


def slope_of_unit_columns(inputs: np.ndarray, kernel: np.ndarray, slope: np.ndarray, out: np.ndarray) -> None:
    """Write the gradient with respect to a kernel with columns of norm 1, without its part along each column.

    Parameters
    ----------
    inputs : ndarray of shape (m, n)
    kernel : ndarray of shape (n, p)
    slope : ndarray of shape (m, p)
        Gradient with respect to the outputs.
    out : ndarray of shape (n, p)
        Result. Entries that are not finite are 0.
    """
    np.matmul(inputs.T, slope, out=out)
    out -= kernel * (kernel * out).sum(axis=0)
    replace_not_finite(out)


def without_part_along_rows(kernel: np.ndarray, slope: np.ndarray) -> None:
    """Take from the gradient with respect to a kernel with rows of norm 1 its part along each row, in place.

    Parameters
    ----------
    kernel : ndarray of shape (n, p), float32
    slope : ndarray of shape (n, p), float32
        Gradient. Entries that are not finite are 0 afterwards.
    """
    slope -= kernel * (kernel * slope).sum(axis=1, keepdims=True)
    replace_not_finite(slope)


def replace_not_finite(values):
    """Set infinities and NaN to 0."""
    if not isfinite(np.vdot(values, values)):  # cheaper than a test of all values
        values[~np.isfinite(values)] = 0.0


def retract_shortly(kernel: np.ndarray) -> None:
    """Change a kernel in place by :func:`sklip.manifold.short_retraction_step`.

    Parameters
    ----------
    kernel : ndarray of shape (n, p), float32
    """
    wide = kernel.shape[0] < kernel.shape[1]
    tall = kernel.T if wide else kernel
    error = _minus_identity(tall.T @ tall)
    if np.vdot(error, error) <= 0.25:  # a distance of ½
        error *= 0.5
        kernel -= error @ kernel if wide else kernel @ error
    else:
        retract_fully(kernel)


def retract_fully(kernel: np.ndarray) -> None:
    """Change a kernel in place by :func:`sklip.manifold.retraction_step`.

    Parameters
    ----------
    kernel : ndarray of shape (n, p), float32
    """
    wide = kernel.shape[0] < kernel.shape[1]
    tall = kernel.T if wide else kernel
    error = _minus_identity(tall.T @ tall)
    squared = error @ error
    if not np.sqrt(np.sqrt((squared * squared).sum())) <= 1.0:
        tall, error, squared = _safely_scaled(tall)
    tail = squared @ (squared * np.float32(0.0625) - error * np.float32(0.3125))
    factor = np.float32(0.375) * squared - np.float32(0.5) * error + tail
    _diagonal(factor)[...] += 1.0
    result = tall @ factor
    kernel[...] = result.T if wide else result


def _safely_scaled(tall):
    """Kernel, ``E`` and ``E²`` after a scaling that makes the iteration safe; see :mod:`sklip.manifold`."""
    tall = np.clip(tall, -1e37, 1e37)
    largest = np.abs(tall).max()
    if not 1e-6 <= largest <= 1e6:
        tall = tall / max(largest, np.float32(1e-37))
    gram = tall.T @ tall
    row_sum = max(np.abs(gram).sum(axis=1).max(), np.float32(1e-37))
    part = gram / row_sum
    squared = part @ part
    fourth = squared @ squared
    bound = row_sum * np.sqrt(np.sqrt(np.sqrt((fourth * fourth).sum())))
    bound = max(min(bound, row_sum), np.float32(1e-37))
    scale = np.float32(1.0 if 0.4 <= bound <= 2.6 else 1.0 / bound)
    error = _minus_identity(scale * gram)
    return tall * np.sqrt(scale), error, error @ error


def _minus_identity(gram):
    """A square matrix, changed in place, without the identity."""
    _diagonal(gram)[...] -= 1.0
    return gram


def _diagonal(square):
    """The diagonal of a contiguous matrix, as a view."""
    return square.reshape(-1)[:: len(square) + 1]


def normalise_columns(kernel: np.ndarray) -> None:
    """Divide each column of a kernel in place by its Euclidean norm; a column of zeros stays zero.

    Parameters
    ----------
    kernel : ndarray of shape (n, p), float32
    """
    kernel /= np.maximum(np.abs(kernel).max(axis=0), np.float32(1e-37))
    kernel /= np.maximum(np.sqrt((kernel * kernel).sum(axis=0)), np.float32(1e-37))
