"""Accuracy of scores, as Keras sees them."""

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
