"""Functions of functions: derivatives of every order, all read off the one graph.

Each transform calls the function on fresh Tensors, so that levels of nesting never mix. Arrays in, arrays out; where an
argument, or something the function closes over, is a Tensor that requires a gradient, so is the result.
"""

from tinygraph.transforms.forward import jvp, linearize
from tinygraph.transforms.jacobians import hessian, hvp, jacfwd, jacobian, jacrev
from tinygraph.transforms.reverse import grad, stop_gradient, value_and_grad, vjp

__all__ = [
    "grad",
    "hessian",
    "hvp",
    "jacfwd",
    "jacobian",
    "jacrev",
    "jvp",
    "linearize",
    "stop_gradient",
    "value_and_grad",
    "vjp",
]
