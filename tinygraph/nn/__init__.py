"""Networks: modules, layers and how their parameters begin."""

from tinygraph.nn import init
from tinygraph.nn.activations import ReLU
from tinygraph.nn.containers import Sequential
from tinygraph.nn.init import manual_seed
from tinygraph.nn.linear import Linear
from tinygraph.nn.module import Module

__all__ = ["Linear", "Module", "ReLU", "Sequential", "init", "manual_seed"]
