"""Check that a network fits the classes of a classifier, whether they come from a fit, a file or an assignment."""

import numpy as np

from sklip._heads import Heads
from sklip.served import ServedNetwork


def misfit(network: object, classes: object) -> str | None:
    """Say why a network cannot serve these classes; None if it can.

    Two classes have one score, whose sign is predicted and certified; three or more have one score per class.
    """
    if type(network) is not ServedNetwork:  # a subclass may compute something else
        return f"it has a {type(network).__name__} where its network should be"
    n_scores = network.n_scores
    n_classes = len(classes) if isinstance(classes, np.ndarray) and classes.ndim == 1 else 0
    if n_scores == 2 or n_classes != Heads.of_scores(n_scores).n_classes:
        has = "1 score" if n_scores == 1 else f"{n_scores} scores"
        reason = f"its classes_, {classes!r}, do not fit its network, which has {has}"
        return f"{reason} (2 classes need 1, others one per class)"
    return None


def misfit_of_targets(network: object, n_outputs: object) -> str | None:
    """Say why a network cannot predict so many targets; None if it can."""
    if type(network) is not ServedNetwork:
        return f"it has a {type(network).__name__} where its network should be"
    if network.n_scores != n_outputs:
        return f"its network has {network.n_scores} scores, but there are n_outputs_ = {n_outputs!r} targets"
    return None


def check_network(estimator) -> None:
    """Raise a ValueError if the network of an estimator cannot serve its classes or targets."""
    reason = estimator._misfit(lambda name: getattr(estimator, name, None))
    if reason:
        raise ValueError(f"{type(estimator).__name__} was changed after fit: {reason}. Fit it again.")
