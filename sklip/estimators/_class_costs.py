"""Cost factors of the classes: ``class_weight`` in numbers."""

import numpy as np


def class_costs(class_weight, classes, shares):
    """Return factors for the loss of the rows of each class, of shape (n_classes,).

    Parameters
    ----------
    class_weight : None, "balanced" or dict
    classes : ndarray of shape (n_classes,)
    shares : ndarray of shape (n_classes,)
        Shares of the classes in the weight of all rows.
    """
    if class_weight == "balanced":
        return balanced_costs(shares)
    costs = class_weight or {}
    return np.array([float(costs.get(label, 1.0)) for label in classes])


def balanced_costs(shares):
    """Return factors, of shape (n_classes,), that give every class the same mass."""
    return 1.0 / (len(shares) * np.where(shares > 0, shares, 1.0))
