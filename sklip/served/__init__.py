"""The served network: a tuple of operations on float64 arrays, evaluated by NumPy alone.

After ``fit``, predictions, certificates, pickles and exports all read this one object.
"""

from sklip.served._abs import Abs
from sklip.served._activation import Activation
from sklip.served._add import Add
from sklip.served._average_pool import AveragePool
from sklip.served._bounds import Bounds
from sklip.served._center import Center
from sklip.served._concatenate import Concatenate
from sklip.served._convolution import Convolution
from sklip.served._crop import Crop
from sklip.served._dense import Dense
from sklip.served._depth_to_space import DepthToSpace
from sklip.served._diagonal import Diagonal
from sklip.served._full_sort import FullSort
from sklip.served._gradients import input_gradients, scores_and_gradients, scores_and_jacobian
from sklip.served._graph import JOINS, Graph
from sklip.served._group_sort import GroupSort
from sklip.served._join import Join
from sklip.served._l2_norm_pool import L2NormPool
from sklip.served._max_min import MaxMin
from sklip.served._max_pool import MaxPool
from sklip.served._names import activation
from sklip.served._network import OPERATIONS, ServedNetwork
from sklip.served._operation import Operation
from sklip.served._pad import Pad
from sklip.served._parallel import Parallel
from sklip.served._pool import Pool
from sklip.served._relu import Relu
from sklip.served._reshape import Reshape
from sklip.served._residual import Residual
from sklip.served._scale import Scale
from sklip.served._selection import Selection
from sklip.served._shift import Shift, window_offsets
from sklip.served._space_to_depth import SpaceToDepth
from sklip.served._tilted import Tilted

__all__ = [
    "JOINS",
    "OPERATIONS",
    "Abs",
    "Activation",
    "Add",
    "AveragePool",
    "Bounds",
    "Center",
    "Concatenate",
    "Convolution",
    "Crop",
    "Dense",
    "DepthToSpace",
    "Diagonal",
    "FullSort",
    "Graph",
    "GroupSort",
    "Join",
    "L2NormPool",
    "MaxMin",
    "MaxPool",
    "Operation",
    "Pad",
    "Parallel",
    "Pool",
    "Relu",
    "Reshape",
    "Residual",
    "Scale",
    "Selection",
    "ServedNetwork",
    "Shift",
    "SpaceToDepth",
    "Tilted",
    "activation",
    "input_gradients",
    "scores_and_gradients",
    "scores_and_jacobian",
    "window_offsets",
]
