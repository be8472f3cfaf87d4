"""An oracle of radii: the exact distance from a row to the decision boundary of a tiny network.

A network of dense layers and piecewise linear activations is one affine function per region. Branch and bound visits
the regions in the order of their distance from the row, in rational arithmetic: nothing is rounded.
"""
