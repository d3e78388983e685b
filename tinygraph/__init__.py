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

from importlib import import_module
from typing import TYPE_CHECKING, Any

from tinygraph import ops
from tinygraph.mode import debug, no_grad, scope
from tinygraph.op import OPS, Kink, Op, op
from tinygraph.ops import *  # noqa: F403  the functions of the table, listed in its modules
from tinygraph.tensor import Tensor
from tinygraph.transforms import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp

if TYPE_CHECKING:
    from tinygraph import check, data, nn, optim, train
    from tinygraph.nn.saving import load, save
    from tinygraph.render import plots, render

__version__ = "0.1.0"
__all__ = [
    "OPS",
    "Kink",
    "Op",
    "Tensor",
    "check",
    "data",
    "debug",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "load",
    "nn",
    "no_grad",
    "op",
    "optim",
    "plots",
    "render",
    "save",
    "scope",
    "train",
    "value_and_grad",
    "vjp",
]
__all__ += ops.__all__


def __getattr__(name: str) -> Any:
    """Load the packages built on the engine when they are first used, so that importing stays cheap."""
    if name in ("check", "data", "nn", "optim", "render", "train"):
        return import_module(f"tinygraph.{name}")
    if name == "plots":
        return import_module("tinygraph.render.plots")
    if name in ("load", "save"):
        return getattr(import_module("tinygraph.nn.saving"), name)
    raise AttributeError(f"module 'tinygraph' has no attribute {name!r}")
