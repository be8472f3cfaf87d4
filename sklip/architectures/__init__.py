"""Recipes of networks, for the parameter ``model`` of the classifiers. This package imports Keras only in ``build``."""

from sklip.architectures._conv_net import ConvNet
from sklip.architectures._mlp import MLP
from sklip.architectures._residual_conv_net import ResidualConvNet

__all__ = ["MLP", "ConvNet", "ResidualConvNet"]
