"""The Stiefel manifold: kernels with orthonormal columns (or rows, if they are wider than tall); and unit spheres.

Pure functions of tensors, written with ``keras.ops``; no state. A kernel ``W`` of shape
``(n, p)`` is orthonormal when ``Wᵀ W = I`` (``n ≥ p``) or ``W Wᵀ = I`` (``n < p``): all its
``min(n, p)`` singular values are 1, hence its spectral norm is 1.
"""

import functools

import numpy as np

from sklip._requirements import training_packages
from sklip._tensors import Tensor

with training_packages():
    import keras
    from keras import ops

# A Gram matrix within this distance of I (in spectral norm) has singular values within 1e-5
# of 1; float32 products of width 4096 still resolve it.
ORTHONORMAL_TOLERANCE = 1e-5

# Sides of a kernel up to this size are hardly larger than a batch.
_USUAL_BATCH = 128

_LARGEST = 3.4028234e38  # of float32

# Two cubic steps multiply a small singular value by 2.25: 40 calls bring 1e-14 to 1.
_MAXIMUM_RETRACTIONS = 40


def _compiled(function):
    """The function of a kernel, compiled if JAX runs: otherwise JAX would compile each condition at every call."""
    if keras.backend.backend() != "jax":
        return function
    import jax

    compiled = jax.jit(function)
    return functools.wraps(function)(lambda kernel: compiled(ops.convert_to_tensor(kernel)))


@functools.cache
def accelerated() -> bool:
    """Whether a GPU is present: float32 products may run in TF32 (10-bit mantissas) without notice."""
    try:
        return bool(keras.distribution.list_devices("gpu"))
    except RuntimeError:  # from JAX, if there is none
        return False


def _split(x):
    """``x`` as ``high + low`` where ``high`` has at most 11 significant bits (Veltkamp)."""
    shifted = x * 8193.0  # 2¹³ + 1
    high = shifted - (shifted - x)
    return high, x - high


def precise_matmul(a: Tensor, b: Tensor) -> Tensor:
    """Return ``a @ b`` to float32 accuracy, also on hardware that rounds float32 factors.

    Where a GPU is present, TF32 units may round the factors of a product to 11 significant
    bits, an error of 1e-3 that would show as singular values above 1. Each factor is then
    split in two parts of which the first is exact in 11 bits; the product of the two low
    parts, below 2⁻²² of the result, is dropped.
    """
    if not accelerated():
        return ops.matmul(a, b)
    a_high, a_low = _split(a)
    b_high, b_low = _split(b)
    small = ops.matmul(a_high, b_low) + ops.matmul(a_low, b_high)
    return ops.matmul(a_high, b_high) + small


def _tall(kernel):
    """The kernel with at least as many rows as columns, and whether it was transposed."""
    wide = kernel.shape[0] < kernel.shape[1]
    return (ops.transpose(kernel) if wide else kernel), wide


def _transposed(kernels):
    """The transpose of each kernel."""
    return ops.swapaxes(kernels, -1, -2)


def _within_range(kernel):
    """The kernel, divided by its largest entry if its Gram matrix might overflow or underflow."""
    kernel = ops.clip(kernel, -1e37, 1e37)
    largest = ops.max(ops.abs(kernel))
    extreme = ops.logical_or(largest > 1e6, largest < 1e-6)
    return kernel / ops.where(extreme, ops.maximum(largest, 1e-37), 1.0)


def tangent_projection(kernel: Tensor, gradient: Tensor) -> Tensor:
    """Project a Euclidean gradient on the tangent space of the manifold at ``kernel``.

    ``G − ½ W (Wᵀ G + Gᵀ W)``: the exact gradient through the polar factor at an orthonormal
    ``W`` (Edelman, Arias and Smith 1998, equation 2.3, without its scaling).

    Parameters
    ----------
    kernel, gradient : tensors of shape (n, p)

    Returns
    -------
    tensor of shape (n, p)

    Examples
    --------
    >>> import numpy as np
    >>> from sklip import manifold
    >>> kernel, gradient = np.eye(3, 2, dtype="float32"), np.arange(6, dtype="float32").reshape(3, 2)
    >>> tangent = np.asarray(manifold.tangent_projection(kernel, gradient))
    >>> np.abs(kernel.T @ tangent + tangent.T @ kernel).max()
    np.float32(0.0)
    """
    if kernel.shape[0] < kernel.shape[1]:
        return _without_normal(kernel, gradient, ops.matmul(gradient, ops.transpose(kernel)))
    return _without_normal(kernel, gradient, ops.matmul(ops.transpose(kernel), gradient))


def _without_normal(kernel, gradient, inner):
    """:func:`tangent_projection`, given ``Wᵀ G``, or ``G Wᵀ`` if the kernel is wider than tall."""
    normal = 0.5 * (inner + ops.transpose(inner))
    wide = kernel.shape[0] < kernel.shape[1]
    return gradient - (ops.matmul(normal, kernel) if wide else ops.matmul(kernel, normal))


def _finite(values):
    """The values, with 0 for infinities and NaN."""
    return ops.where(ops.isfinite(values), values, ops.zeros_like(values))


def _tangent_of_products(inputs, kernel, outputs, slope, back):
    """:func:`tangent_projection` of ``G = Xᵀ S`` from its factors, for a batch smaller than the kernel.

    With ``A = X W`` and ``B = S Wᵀ``, ``W sym(Wᵀ G) = ½ W (Aᵀ S + Sᵀ A) = ½ (W Aᵀ S + Bᵀ A)``: products of the
    batch in place of products of the kernel with itself. Shapes: inputs (m, n), kernel (n, p), outputs = A
    and slope (m, p), back = B (m, n).
    """
    if kernel.shape[0] < kernel.shape[1]:
        # G − ½ (G Wᵀ + W Gᵀ) W, with G Wᵀ = Xᵀ B.
        left, right = inputs, slope - 0.5 * ops.matmul(back, kernel)
    else:
        left, right = inputs - 0.5 * ops.matmul(outputs, ops.transpose(kernel)), slope
    return ops.matmul(ops.transpose(left), right) - ops.matmul(ops.transpose(0.5 * back), outputs)


@ops.custom_gradient
def stiefel_product(inputs: Tensor, kernel: Tensor) -> Tensor:
    """Return ``inputs @ kernel``, whose gradient with respect to the kernel is projected on the tangent space.

    Entries of that gradient that overflow become 0, so that they do not change the kernel.

    Parameters
    ----------
    inputs : tensor of shape (m, n)
    kernel : tensor of shape (n, p)

    Returns
    -------
    tensor of shape (m, p)

    Examples
    --------
    >>> import numpy as np
    >>> from sklip import manifold
    >>> rows, kernel = np.ones((1, 3), dtype="float32"), np.eye(3, 2, dtype="float32")
    >>> np.asarray(manifold.stiefel_product(rows, kernel)).tolist()
    [[1.0, 1.0]]
    """

    def gradient(*arguments, upstream=None):
        (slope,) = arguments if upstream is None else (upstream,)
        back = ops.matmul(slope, ops.transpose(kernel))
        short_side, long_side = sorted(kernel.shape)

        def of_the_batch():
            return _tangent_of_products(inputs, kernel, outputs, slope, back)

        def of_the_kernel():
            full = ops.matmul(ops.transpose(inputs), slope)
            if long_side <= 2 * _USUAL_BATCH:
                return tangent_projection(kernel, full)
            # Wᵀ G = (X W)ᵀ S and G Wᵀ = Xᵀ (S Wᵀ): sums over the batch, not over the longer side.
            left, right = (inputs, back) if kernel.shape[0] < kernel.shape[1] else (outputs, slope)
            return _without_normal(kernel, full, ops.matmul(ops.transpose(left), right))

        if short_side <= _USUAL_BATCH:  # a condition would cost more than it saves
            return back, _finite(of_the_kernel())
        return back, _finite(ops.cond(ops.shape(inputs)[0] < short_side, of_the_batch, of_the_kernel))

    outputs = ops.matmul(inputs, kernel)
    return outputs, gradient


@ops.custom_gradient
def on_stiefel(kernel: Tensor) -> Tensor:
    """Return the kernel, whose gradient is projected on the tangent space of the manifold.

    :func:`stiefel_product` is cheaper where one product follows and the batch may be smaller than the kernel. This
    function is for kernels that are used otherwise, such as the factors of a convolution.

    Parameters
    ----------
    kernel : tensor of shape (n, p)

    Returns
    -------
    tensor of shape (n, p)

    Examples
    --------
    >>> import numpy as np
    >>> from sklip import manifold
    >>> np.asarray(manifold.on_stiefel(np.eye(2, dtype="float32"))).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """

    def gradient(*arguments, upstream=None):
        (slope,) = arguments if upstream is None else (upstream,)
        return _finite(tangent_projection(kernel, slope))

    return kernel, gradient


@ops.custom_gradient
def on_unit_columns(kernel: Tensor) -> Tensor:
    """Return the kernel; of the gradient of each column, the part along the (unit) column is removed."""

    def gradient(*arguments, upstream=None):
        (slope,) = arguments if upstream is None else (upstream,)
        return _finite(slope - kernel * ops.sum(kernel * slope, axis=0, keepdims=True))

    return kernel, gradient


@ops.custom_gradient
def on_unit_rows(kernel: Tensor) -> Tensor:
    """Return the kernel; of the gradient of each row, the part along the (unit) row is removed."""

    def gradient(*arguments, upstream=None):
        (slope,) = arguments if upstream is None else (upstream,)
        return _finite(slope - kernel * ops.sum(kernel * slope, axis=-1, keepdims=True))

    return kernel, gradient


def _safely_scaled(tall):
    """Kernel, ``E`` and ``E²`` after a scaling that makes the iteration safe.

    ``‖S‖₂ ≤ r := maxᵢ Σⱼ |S|ᵢⱼ``, and for ``T = S / r``, ``‖S‖₂ ≤ r ‖T⁴‖_F^¼ =: b``, which is at
    most ``p^⅛`` times too large. A kernel whose ``b`` is safe is not changed, even if some
    singular values are small. Every other is divided by ``√b``, so that its norm is at most 1.
    """
    tall = _within_range(tall)
    gram = precise_matmul(ops.transpose(tall), tall)
    row_sum = ops.maximum(ops.max(ops.sum(ops.abs(gram), axis=1)), 1e-37)
    squared = precise_matmul(gram / row_sum, gram / row_sum)
    fourth = precise_matmul(squared, squared)
    bound = row_sum * ops.sqrt(ops.sqrt(ops.sqrt(ops.sum(ops.square(fourth)))))
    bound = ops.maximum(ops.minimum(bound, row_sum), 1e-37)
    safe = ops.logical_and(bound <= 2.6, bound >= 0.4)
    scale = ops.where(safe, 1.0, 1.0 / bound)
    error = scale * gram - ops.eye(gram.shape[0], dtype=gram.dtype)
    return tall * ops.sqrt(scale), error, precise_matmul(error, error)


@_compiled
def retraction_step(kernel: Tensor) -> tuple[Tensor, Tensor]:
    """Two cubic Newton–Schulz steps towards the polar factor, after a provably safe scaling.

    ``W ← W (1.5 I − 0.5 Wᵀ W)`` maps singular values in (0, √3) into (0, 1], monotonically
    on (0, 1], and diverges beyond √3. With ``E = Wᵀ W − I``,

    * ``‖E‖₂ ≤ ‖E²‖_F^½``: if that is at most 1, the norm of ``W`` is at most √2 and the
      iteration is safe; otherwise a sharper bound of the norm decides by how much ``W`` is
      scaled first;
    * the two steps together are ``W (I − ½ E + ⅜ E² + E² (E²/16 − 5 E/16))``: with the Gram
      matrix and the last product, two products of the large side and two of the small one.

    The formulas in ``E`` keep small numbers accurate: in float32, singular values are within
    1e-6 of the exact result.

    Parameters
    ----------
    kernel : tensor of shape (n, p)

    Returns
    -------
    kernel : tensor of shape (n, p)
        Largest singular value at most 1, up to float32 rounding.
    distance : scalar tensor
        Bound of ``‖Wᵀ W − I‖₂`` of the given kernel; the largest float32 if it overflows.
        If it is at most ½, that of the result is at most its fourth power.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip import manifold
    >>> kernel = np.array([[1.1, 0.0], [0.0, 0.9]], dtype="float32")
    >>> closer, distance = manifold.retraction_step(kernel)
    >>> np.abs(np.asarray(closer) - np.eye(2)).max() < 1e-3, 0.21 <= float(distance) < 0.3
    (np.True_, True)
    """
    tall, wide = _tall(kernel)
    gram = precise_matmul(ops.transpose(tall), tall)
    identity = ops.eye(gram.shape[0], dtype=gram.dtype)
    error = gram - identity
    error_squared = precise_matmul(error, error)
    distance = ops.sqrt(ops.sqrt(ops.sum(ops.square(error_squared))))
    distance = ops.where(distance <= _LARGEST, distance, _LARGEST)  # tf.debugging would raise for an infinity
    tall, error, error_squared = ops.cond(
        distance <= 1.0, lambda: (tall, error, error_squared), lambda: _safely_scaled(tall)
    )
    tail = precise_matmul(error_squared, error_squared * 0.0625 - error * 0.3125)
    result = precise_matmul(tall, identity - 0.5 * error + 0.375 * error_squared + tail)
    return (ops.transpose(result) if wide else result), distance


@_compiled
def short_retraction_step(kernel: Tensor) -> Tensor:
    """One cubic Newton–Schulz step if the kernel is near the manifold, :func:`retraction_step` otherwise.

    Where a GPU is present, it is :func:`steady_retraction_step`, as a condition would make the device wait.

    Near means ``‖E‖_F ≤ ½`` for ``E = Wᵀ W − I``. There the step is ``W (I − ½ E)``, which needs only the Gram
    matrix and one product. The error becomes ``−¾ E² + ¼ E³``, and no singular value is above 1.

    Parameters
    ----------
    kernel : tensor of shape (n, p)

    Returns
    -------
    tensor of shape (n, p)
        Largest singular value at most 1, up to float32 rounding.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip import manifold
    >>> kernel = np.array([[1.1, 0.0], [0.0, 0.9]], dtype="float32")
    >>> np.asarray(manifold.short_retraction_step(kernel)).diagonal().astype(float).round(4).tolist()
    [0.9845, 0.9855]
    """
    if accelerated():
        return steady_retraction_step(kernel)
    tall, wide = _tall(kernel)
    gram = precise_matmul(ops.transpose(tall), tall)
    error = gram - ops.eye(gram.shape[0], dtype=gram.dtype)

    def near():
        result = tall - precise_matmul(tall, 0.5 * error)
        return ops.transpose(result) if wide else result

    distance = ops.sqrt(ops.sum(ops.square(error)))
    return ops.cond(distance <= 0.5, near, lambda: retraction_step(kernel)[0])


def steady_retraction_step(kernels: Tensor, order: int = 3) -> Tensor:
    """A step of ``order`` 1 or 3 towards the polar factor, with no condition that a device would have to wait for.

    With ``E = Wᵀ W − I``, the polar factor is ``W (I + E)^−½ = W (I − ½ E + ⅜ E² − 5/16 E³ + …)``, the binomial series.
    Up to an odd power its sum never passes ``(I + E)^−½``, so no singular value of the result is above 1 if
    ``‖E‖_F ≤ 1``. Otherwise each column of ``W`` is first divided by the root of its ``Σⱼ |Wᵀ W|ᵢⱼ``, after which the
    norm of ``W`` is at most 1 (Prach and Lampert 2022, theorem 1).

    Only ``E`` needs the precision of float32. GPUs may round the factors of the products with it to 11 bits: that
    changes singular values by less than ``2⁻¹¹ ‖E‖``, and the next step corrects it.

    Parameters
    ----------
    kernels : tensor of shape (..., n, p)
        One kernel, or several of one shape.
    order : 1 or 3, default=3
        Highest power of ``E``.

    Returns
    -------
    tensor of shape (..., n, p)
        Largest singular value of each kernel at most 1, up to rounding.

    Examples
    --------
    >>> import numpy as np
    >>> from sklip import manifold
    >>> kernel = np.array([[1.1, 0.0], [0.0, 0.9]], dtype="float32")
    >>> np.asarray(manifold.steady_retraction_step(kernel)).diagonal().astype(float).round(4).tolist()
    [0.9995, 0.9996]
    """
    wide = kernels.shape[-2] < kernels.shape[-1]
    tall = ops.clip(_transposed(kernels) if wide else kernels, -1e37, 1e37)
    largest = ops.max(ops.abs(tall), axis=(-2, -1), keepdims=True)
    extreme = ops.logical_or(largest > 1e6, largest < 1e-6)
    tall = tall / ops.where(extreme, ops.maximum(largest, 1e-37), 1.0)
    gram = precise_matmul(_transposed(tall), tall)
    identity = ops.eye(gram.shape[-1], dtype=gram.dtype)
    error = gram - identity
    near = ops.sum(ops.square(error), axis=(-2, -1), keepdims=True) <= 1.0
    sums = ops.maximum(ops.sum(ops.abs(gram), axis=-1, keepdims=True), 1e-30)  # their roots are no denormal numbers
    scale = ops.where(near, 1.0, 1.0 / ops.sqrt(sums))
    error = ops.where(near, error, scale * gram * _transposed(scale) - identity)
    change = -0.5 * error
    if order == 3:
        change = change + ops.matmul(ops.matmul(error, error), 0.375 * identity - 0.3125 * error)
    tall = tall * _transposed(scale)
    result = tall + ops.matmul(tall, change)
    return _transposed(result) if wide else result


def steady_steps(kernels: list[Tensor]) -> list[Tensor]:
    """:func:`steady_retraction_step` of each kernel; those of one shape are stacked, for one batched product."""
    places: dict[tuple[int, ...], list[int]] = {}
    for place, kernel in enumerate(kernels):
        places.setdefault(tuple(kernel.shape), []).append(place)
    retracted = list(kernels)
    for same in places.values():
        stacked = steady_retraction_step(ops.stack([kernels[place] for place in same]))
        for number, place in enumerate(same):
            retracted[place] = stacked[number]
    return retracted


@_compiled
def retract(kernel: Tensor) -> Tensor:
    """Bring a kernel of full rank to the manifold: all singular values within 1e-5 of 1.

    It repeats :func:`retraction_step` until the proven distance is below the tolerance.
    After an ordinary optimizer step, one pass is enough. The limit is the polar factor, the
    nearest orthonormal kernel.

    Parameters
    ----------
    kernel : tensor of shape (n, p)

    Returns
    -------
    tensor of shape (n, p)

    Examples
    --------
    >>> import numpy as np
    >>> from sklip import manifold
    >>> kernel = np.array([[2.0, 0.0], [0.0, 0.5]], dtype="float32")
    >>> np.abs(np.asarray(manifold.retract(kernel)) - np.eye(2)).max() < 1e-5
    np.True_
    """
    kernel, distance = retraction_step(kernel)

    def proceed(step, _, distance):
        remaining = ops.where(distance <= 0.5, distance**4, 1.0)
        return ops.logical_and(step < _MAXIMUM_RETRACTIONS, remaining > 0.5 * ORTHONORMAL_TOLERANCE)

    def advance(step, kernel, _):
        kernel, distance = retraction_step(kernel)
        return step + 1, kernel, distance

    return ops.while_loop(proceed, advance, (0, kernel, distance))[1]


def unit_columns(kernel: Tensor) -> Tensor:
    """Divide each column by its Euclidean norm; a column of zeros stays zero.

    Parameters
    ----------
    kernel : tensor of shape (n, p)

    Returns
    -------
    tensor of shape (n, p)

    Examples
    --------
    >>> import numpy as np
    >>> from sklip import manifold
    >>> np.asarray(manifold.unit_columns(np.array([[3.0], [4.0]], dtype="float32"))).round(4).tolist()
    [[0.6000000238418579], [0.800000011920929]]
    """
    largest = ops.maximum(ops.max(ops.abs(kernel), axis=0, keepdims=True), 1e-37)
    scaled = kernel / largest
    norm = ops.sqrt(ops.sum(ops.square(scaled), axis=0, keepdims=True))
    return scaled / ops.maximum(norm, 1e-37)


def unit_rows(kernel: Tensor) -> Tensor:
    """Divide each row by its Euclidean norm; a row of zeros stays zero. A vector is one row.

    Parameters
    ----------
    kernel : tensor of shape (n, p) or (p,)

    Returns
    -------
    tensor of the same shape

    Examples
    --------
    >>> import numpy as np
    >>> from sklip import manifold
    >>> np.asarray(manifold.unit_rows(np.array([3.0, 4.0], dtype="float32"))).round(4).tolist()
    [0.6000000238418579, 0.800000011920929]
    """
    scaled = kernel / ops.maximum(ops.max(ops.abs(kernel), axis=-1, keepdims=True), 1e-37)
    return scaled / ops.maximum(ops.sqrt(ops.sum(ops.square(scaled), axis=-1, keepdims=True)), 1e-37)


def shared_budget(factors: Tensor, directed: np.ndarray) -> Tensor:
    """Divide factors by ``‖w‖₂ + Σ |wᵢ|``, where the sum is over the directed ones; zeros stay zeros.

    Parameters
    ----------
    factors : tensor of shape (n,)
    directed : ndarray of shape (n,), float32
        1 for the directed factors, 0 for the others.

    Returns
    -------
    tensor of shape (n,)

    Examples
    --------
    >>> import numpy as np
    >>> from sklip import manifold
    >>> factors, directed = np.array([3.0, 4.0], dtype="float32"), np.array([1.0, 0.0], dtype="float32")
    >>> np.asarray(manifold.shared_budget(factors, directed)).round(4).tolist()
    [0.375, 0.5]
    """
    largest = ops.maximum(ops.max(ops.abs(factors)), 1e-37)
    scaled = factors / ops.stop_gradient(largest)
    total = ops.sqrt(ops.maximum(ops.sum(ops.square(scaled)), 1e-37)) + ops.sum(ops.abs(scaled) * directed)
    return scaled / total


def within_ball(kernel: Tensor, radius: float) -> Tensor:
    """Shorten a kernel whose Frobenius norm is above a radius to that norm.

    Parameters
    ----------
    kernel : tensor of any shape
    radius : float

    Returns
    -------
    tensor of the same shape

    Examples
    --------
    >>> import numpy as np
    >>> from sklip import manifold
    >>> np.asarray(manifold.within_ball(np.array([3.0, 4.0], dtype="float32"), 1.0)).round(4).tolist()
    [0.6000000238418579, 0.800000011920929]
    """
    largest = ops.maximum(ops.max(ops.abs(kernel)), 1e-37)
    norm = largest * ops.sqrt(ops.sum(ops.square(kernel / largest)))
    return kernel * ops.minimum(1.0, radius / ops.maximum(norm, 1e-37))
