"""The served network: a tuple of operations on float64 arrays, evaluated by NumPy alone.

After ``fit``, predictions, certificates, pickles and exports all read this one object.
"""

from sklip.served._abs import Abs
from sklip.served._activation import Activation
from sklip.served._bounds import Bounds
from sklip.served._center import Center
from sklip.served._dense import Dense
from sklip.served._full_sort import FullSort
from sklip.served._gradients import input_gradients, scores_and_gradients, scores_and_jacobian
from sklip.served._group_sort import GroupSort
from sklip.served._max_min import MaxMin
from sklip.served._names import activation
from sklip.served._network import OPERATIONS, ServedNetwork
from sklip.served._operation import Operation
from sklip.served._relu import Relu
from sklip.served._scale import Scale

__all__ = [
    "OPERATIONS",
    "Abs",
    "Activation",
    "Bounds",
    "Center",
    "Dense",
    "FullSort",
    "GroupSort",
    "MaxMin",
    "Operation",
    "Relu",
    "Scale",
    "ServedNetwork",
    "activation",
    "input_gradients",
    "scores_and_gradients",
    "scores_and_jacobian",
]
