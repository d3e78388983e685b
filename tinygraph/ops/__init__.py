"""The table: one record for every operation. Imports NumPy and `tinygraph.op`, nothing else."""

# ruff: noqa: F403  each module lists in its own __all__ what it adds to the table
from tinygraph.ops import (
    activation,
    constant,
    elementwise,
    exponential,
    index,
    linalg,
    loss,
    nn,
    reduce,
    shape,
    special,
)
from tinygraph.ops.activation import *
from tinygraph.ops.elementwise import *
from tinygraph.ops.exponential import *
from tinygraph.ops.index import *
from tinygraph.ops.linalg import *
from tinygraph.ops.loss import *
from tinygraph.ops.nn import *
from tinygraph.ops.reduce import *
from tinygraph.ops.shape import *
from tinygraph.ops.special import *

__all__: list[str] = []
for _module in (
    activation,
    constant,
    elementwise,
    exponential,
    index,
    linalg,
    loss,
    nn,
    reduce,
    shape,
    special,
):
    __all__ += _module.__all__
