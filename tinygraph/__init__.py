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
from tinygraph.transforms import grad, jvp, linearize, stop_gradient, value_and_grad, vjp

if TYPE_CHECKING:
    from tinygraph import check, data, nn, optim, train
    from tinygraph.control import cond, scan, while_loop
    from tinygraph.nn.saving import load, save
    from tinygraph.program import compile, source  # noqa: A004  the field's word
    from tinygraph.render import derivation, plots, render
    from tinygraph.transforms.custom import custom_jvp, custom_vjp
    from tinygraph.transforms.implicit import custom_root
    from tinygraph.transforms.jacobians import hessian, hvp, jacfwd, jacobian, jacrev
    from tinygraph.transforms.recompute import checkpoint
    from tinygraph.transforms.vmap import vmap

__version__ = "0.1.0"
__all__ = [
    "OPS",
    "Kink",
    "Op",
    "Tensor",
    "check",
    "checkpoint",
    "compile",
    "cond",
    "custom_jvp",
    "custom_root",
    "custom_vjp",
    "data",
    "debug",
    "derivation",
    "grad",
    "hessian",
    "hvp",
    "jacfwd",
    "jacobian",
    "jacrev",
    "jvp",
    "linearize",
    "load",
    "nn",
    "no_grad",
    "op",
    "optim",
    "plots",
    "render",
    "save",
    "scan",
    "scope",
    "source",
    "stop_gradient",
    "train",
    "value_and_grad",
    "vjp",
    "vmap",
    "while_loop",
]
__all__ += ops.__all__


# What is built on the engine is loaded when it is first used, so that importing stays cheap.
_MODULES = {name: name for name in ("check", "data", "nn", "optim", "render", "train")} | {"plots": "render.plots"}
_FUNCTIONS = {"derivation": "render", "load": "nn.saving", "save": "nn.saving"}
_FUNCTIONS |= {"compile": "program", "source": "program", "vmap": "transforms.vmap"}
_FUNCTIONS |= {"checkpoint": "transforms.recompute", "custom_root": "transforms.implicit"}
_FUNCTIONS |= dict.fromkeys(("custom_jvp", "custom_vjp"), "transforms.custom")
_FUNCTIONS |= dict.fromkeys(("hessian", "hvp", "jacfwd", "jacobian", "jacrev"), "transforms.jacobians")
_FUNCTIONS |= dict.fromkeys(("cond", "scan", "while_loop"), "control")


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"tinygraph.{_MODULES[name]}")
    if name in _FUNCTIONS:
        return getattr(import_module(f"tinygraph.{_FUNCTIONS[name]}"), name)
    raise AttributeError(f"module 'tinygraph' has no attribute {name!r}")
