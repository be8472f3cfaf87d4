"""Errors of losses, the same with Keras and with NumPy."""

from collections.abc import Iterable


def refuse_columns(loss: str, heads: str | None, found: int) -> None:
    """Raise a ValueError if a loss is not for this number of columns of scores.

    Parameters
    ----------
    loss : str
        Name of the class of the loss.
    heads : "one", "several" or None
        For how many columns it is; None for any number.
    found : int
    """
    if heads is not None and (found == 1) != (heads == "one"):
        wanted = "one column of scores" if heads == "one" else "one column of scores per class, two or more"
        raise ValueError(f"{loss} needs {wanted}; got {found}.")


def refuse_class_weight(loss: str, class_weight: Iterable[float]) -> None:
    """Raise a ValueError if the estimator has factors of classes for a loss of sklip, which has its own."""
    if any(factor != 1.0 for factor in class_weight):
        raise ValueError(
            f"{loss} takes class weights itself: construct the 'loss' with class_weight, and leave the parameter "
            "'class_weight' at None."
        )
