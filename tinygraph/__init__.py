"""tinygraph: write NumPy, the graph writes itself.

A `Tensor` records what NumPy does to it into a graph; one reverse pass over the graph gives every derivative.

Example:
    >>> import tinygraph as tg
    >>> a, b, c = tg.Tensor(5.0), tg.Tensor(3.0), tg.Tensor(2.0)
    >>> J = 3 * (a + b * c)
    >>> J.backward()
    >>> a.grad, b.grad, c.grad
    (array(3.), array(6.), array(9.))
"""

from typing import Any

from tinygraph import ops
from tinygraph.mode import debug, no_grad
from tinygraph.op import OPS, Kink, Op, op
from tinygraph.ops import *  # noqa: F403  the functions of the table, listed in its modules
from tinygraph.tensor import Tensor
from tinygraph.transforms import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp

__version__ = "0.1.0"
__all__ = [
    "OPS",
    "Kink",
    "Op",
    "Tensor",
    "debug",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "no_grad",
    "op",
    "render",
    "value_and_grad",
    "vjp",
]
__all__ += ops.__all__


def render(*args: Any, **kwargs: Any) -> Any:
    """Draw the graph behind a Tensor: see `tinygraph.render.render`, which this loads when it is first called."""
    from tinygraph.render import render as draw

    return draw(*args, **kwargs)
