"""Convolutions by two orthonormal matrices with a shift of channel groups between them.

``y = Qᵀ shift(Rᵀ x + p) + b``: the shift moves group ``g`` of the channels so that output position ``o`` gets the
value at ``o + offset_g``. There is one group for each position of the window. In total this is an ordinary
convolution with the taps ``R[:, g] Q[g, :]``. Of the two forms, a layer uses the faster one.
"""

from keras import ops

from sklip._tensors import Tensor
from sklip.served import Shift
from sklip.served._shift_windows import shift_windows


def composed_taps(expansion: Tensor, kernel: Tensor, window: tuple[int, int]) -> Tensor:
    """Return the taps ``R[:, g] Q[g, :]`` of all groups, of shape (height, width, inputs, outputs) of the window.

    Groups are contiguous and as equal as possible (``numpy.array_split``): some have one more channel than the others.
    So two products of stacked matrices are enough.
    """
    count, (inputs, middle), outputs = window[0] * window[1], expansion.shape, kernel.shape[1]
    size, larger = divmod(middle, count)
    parts, start = [], 0
    for groups, width in ((larger, size + 1), (count - larger, size)):
        if groups:
            end = start + groups * width
            left = ops.reshape(expansion[:, start:end], (inputs, groups, width))
            right = ops.reshape(kernel[start:end], (groups, width, outputs))
            parts.append(ops.matmul(ops.transpose(left, (1, 0, 2)), right))
            start = end
    taps = parts[0] if len(parts) == 1 else ops.concatenate(parts)
    return ops.reshape(taps, (*window, inputs, outputs))


def shifted(operation: Shift, images: Tensor) -> Tensor:
    """Return images (n, height, width, channels) whose groups of channels are moved: :class:`sklip.served.Shift`.

    Its gradient is the shift back. That of slices would be a sum of as many images as there are groups.
    """
    if operation.padding == "valid":
        return _moved(operation, images)
    back = operation.transposed()

    @ops.custom_gradient
    def shift(images):
        def gradient(*arguments, upstream=None):
            (slope,) = arguments if upstream is None else (upstream,)
            return _moved(back, slope)

        return _moved(operation, images), gradient

    return shift(images)


def _moved(operation, images):
    shape = tuple(images.shape[1:])
    height, width, _ = operation.output_shape(shape)
    (rows, columns), places = shift_windows(operation, shape)
    if operation.padding == "circular":
        images = wrapped(images, rows, columns)
    elif any((*rows, *columns)):
        images = ops.pad(images, ((0, 0), rows, columns, (0, 0)))
    groups = [images[:, row : row + height, column : column + width, start:stop] for row, column, start, stop in places]
    return ops.concatenate(groups, axis=-1)


def dense(images: Tensor, kernel: Tensor) -> Tensor:
    """Return the product of the channels of images with a matrix, in the dtype of the images."""
    rows = ops.matmul(ops.reshape(images, (-1, images.shape[-1])), ops.cast(kernel, images.dtype))
    return ops.reshape(rows, (-1, *images.shape[1:-1], kernel.shape[1]))


def margins(window: tuple[int, int], block: tuple[int, int] = (1, 1)) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the rows above and below, and the columns left and right, with which outputs are as many as blocks."""
    (rows, columns), (height, width) = window, block
    return (
        ((rows - 1) // 2 * height, rows // 2 * height),
        ((columns - 1) // 2 * width, columns // 2 * width),
    )


def wrapped(images: Tensor, rows: tuple[int, int], columns: tuple[int, int]) -> Tensor:
    """Return images (n, height, width, channels) with rows and columns of the opposite side around them."""
    height, width = images.shape[1:3]
    if any(rows):
        images = ops.concatenate([images[:, height - rows[0] :], images, images[:, : rows[1]]], axis=1)
    if any(columns):
        images = ops.concatenate([images[:, :, width - columns[0] :], images, images[:, :, : columns[1]]], axis=2)
    return images
