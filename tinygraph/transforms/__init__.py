"""Functions of functions: derivatives of every order, all read off the one graph.

Each transform calls the function on fresh Tensors, so that levels of nesting never mix. Arrays in, arrays out; where an
argument, or something the function closes over, is a Tensor that requires a gradient, so is the result. What needs
more than the walks over the graph is loaded when it is first used.
"""

from tinygraph.transforms.forward import jvp, linearize
from tinygraph.transforms.reverse import grad, stop_gradient, value_and_grad, vjp

__all__ = ["grad", "jvp", "linearize", "stop_gradient", "value_and_grad", "vjp"]
