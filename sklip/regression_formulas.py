"""The formulas of the costs of regression, on NumPy arrays and Keras tensors alike.

``xp`` is ``numpy`` or ``keras.ops``. Errors are targets minus scores, of shape (n, k) for k targets; costs have the
same shape. The slope of a cost is its derivative with respect to the score; at a kink, one of both.
"""

from types import ModuleType

from sklip._tensors import Tensor

__all__ = ["absolute_error", "huber", "pinball", "squared_error"]


def squared_error(xp: ModuleType, errors: Tensor) -> Tensor:
    """Half the square of the error, so that its slope is the error.

    Parameters
    ----------
    xp : numpy or keras.ops
    errors : array of shape (n, k)

    Returns
    -------
    array of shape (n, k)

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.regression_formulas import squared_error
    >>> squared_error(np, np.array([[2.0]])).tolist()
    [[2.0]]
    """
    return 0.5 * xp.square(errors)


def absolute_error(xp: ModuleType, errors: Tensor) -> Tensor:
    """Size of the error.

    Parameters
    ----------
    xp : numpy or keras.ops
    errors : array of shape (n, k)

    Returns
    -------
    array of shape (n, k)

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.regression_formulas import absolute_error
    >>> absolute_error(np, np.array([[-2.0]])).tolist()
    [[2.0]]
    """
    return xp.abs(errors)


def huber(xp: ModuleType, errors: Tensor, delta: float | Tensor) -> Tensor:
    """Half the square of errors up to ``delta``, and a line beyond (Huber 1964).

    Parameters
    ----------
    xp : numpy or keras.ops
    errors : array of shape (n, k)
    delta : float
        Positive.

    Returns
    -------
    array of shape (n, k)

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.regression_formulas import huber
    >>> huber(np, np.array([[0.5, 3.0]]), 1.0).tolist()
    [[0.125, 2.5]]
    """
    sizes = xp.abs(errors)
    inner = xp.minimum(sizes, delta)
    return inner * (sizes - 0.5 * inner)


def pinball(xp: ModuleType, errors: Tensor, quantile: float | Tensor) -> Tensor:
    """Cost whose expectation is least at a quantile (Koenker and Bassett 1978).

    Parameters
    ----------
    xp : numpy or keras.ops
    errors : array of shape (n, k)
    quantile : float
        Between 0 and 1.

    Returns
    -------
    array of shape (n, k)

    Examples
    --------
    >>> import numpy as np
    >>> from sklip.regression_formulas import pinball
    >>> pinball(np, np.array([[1.0, -1.0]]), 0.75).tolist()
    [[0.75, 0.25]]
    """
    return xp.maximum(quantile * errors, (quantile - 1.0) * errors)
