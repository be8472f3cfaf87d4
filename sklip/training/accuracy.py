"""Accuracy of scores, plain and certified, as Keras sees them while it trains."""

from keras import ops


def accuracy(targets, scores, weights):
    """Weighted share of the rows whose class has the best score (the sign, for one score).

    Parameters
    ----------
    targets, scores : tensors of shape (n, n_scores)
    weights : tensor of shape (n,)

    Returns
    -------
    scalar tensor
    """
    if scores.shape[-1] == 1:
        right = ops.equal(targets[:, 0] > 0, scores[:, 0] > 0)
    else:
        right = ops.equal(ops.argmax(targets, axis=-1), ops.argmax(scores, axis=-1))
    return ops.sum(weights * ops.cast(right, weights.dtype)) / ops.sum(weights)


def certified_accuracy(targets, scores, weights, heads, epsilon):
    """Weighted share of the rows that are right at every point within ``epsilon``.

    Of a network whose layers before the heads are 1-Lipschitz, up to float32 rounding: what
    early stopping may watch. The proven figure is that of ``certified_radius``.

    Parameters
    ----------
    targets, scores : tensors of shape (n, n_scores)
    weights : tensor of shape (n,)
    heads : tensor of shape (n_inputs, n_scores)
        Kernel of the last layer.
    epsilon : float
        In the units of the scores.

    Returns
    -------
    scalar tensor
    """
    positive = ops.cast(targets > 0, scores.dtype)
    if scores.shape[-1] == 1:
        certified = ((2.0 * positive - 1.0) * scores)[:, 0] > epsilon
    else:
        squares = ops.sum(ops.square(heads), axis=0)
        products = ops.matmul(ops.transpose(heads), heads)
        distances = ops.sqrt(ops.relu(squares[:, None] + squares[None, :] - 2.0 * products))
        gaps = ops.sum(positive * scores, axis=-1, keepdims=True) - scores
        certified = ops.all(ops.logical_or(positive > 0, gaps > epsilon * ops.matmul(positive, distances)), axis=-1)
    return ops.sum(weights * ops.cast(certified, weights.dtype)) / ops.sum(weights)


def accuracies(model, epsilon, targets, scores, weights):
    """``accuracy``, and ``certified_accuracy`` where there is an ``epsilon``, by name."""
    found = {"accuracy": accuracy(targets, scores, weights)}
    if epsilon is not None:
        heads = ops.convert_to_tensor(model.layers[-1].kernel)
        found["certified_accuracy"] = certified_accuracy(targets, scores, weights, heads, epsilon)
    return found
