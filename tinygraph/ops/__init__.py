"""The table: one record for every operation. Imports NumPy and `tinygraph.op`, nothing else."""

# ruff: noqa: F403  each module lists in its own __all__ what it adds to the table
from tinygraph.ops import (
    activation,
    adaptive,
    bessel,
    chosen,
    classes,
    complexes,
    constant,
    conv,
    elementwise,
    entropy,
    exponential,
    factor,
    fourier,
    gammas,
    index,
    join,
    linalg,
    logarithms,
    loss,
    margin,
    moments,
    nan,
    nn,
    norms,
    numeric,
    order,
    padding,
    penalty,
    pick,
    polynomials,
    pool,
    products,
    recurrent,
    reduce,
    rows,
    running,
    shape,
    signal,
    special,
    spectrum,
    systems,
    ties,
    turn,
    window,
)
from tinygraph.ops.activation import *
from tinygraph.ops.adaptive import *
from tinygraph.ops.bessel import *
from tinygraph.ops.chosen import *
from tinygraph.ops.classes import *
from tinygraph.ops.complexes import *
from tinygraph.ops.conv import *
from tinygraph.ops.elementwise import *
from tinygraph.ops.entropy import *
from tinygraph.ops.exponential import *
from tinygraph.ops.factor import *
from tinygraph.ops.fourier import *
from tinygraph.ops.gammas import *
from tinygraph.ops.index import *
from tinygraph.ops.join import *
from tinygraph.ops.linalg import *
from tinygraph.ops.logarithms import *
from tinygraph.ops.loss import *
from tinygraph.ops.margin import *
from tinygraph.ops.moments import *
from tinygraph.ops.nan import *
from tinygraph.ops.nn import *
from tinygraph.ops.norms import *
from tinygraph.ops.numeric import *
from tinygraph.ops.order import *
from tinygraph.ops.padding import *
from tinygraph.ops.penalty import *
from tinygraph.ops.pick import *
from tinygraph.ops.polynomials import *
from tinygraph.ops.pool import *
from tinygraph.ops.products import *
from tinygraph.ops.recurrent import *
from tinygraph.ops.reduce import *
from tinygraph.ops.rows import *
from tinygraph.ops.running import *
from tinygraph.ops.shape import *
from tinygraph.ops.signal import *
from tinygraph.ops.special import *
from tinygraph.ops.spectrum import *
from tinygraph.ops.systems import *
from tinygraph.ops.turn import *
from tinygraph.ops.window import *

__all__: list[str] = []
for _module in (
    activation,
    adaptive,
    bessel,
    chosen,
    classes,
    complexes,
    constant,
    conv,
    elementwise,
    entropy,
    exponential,
    factor,
    fourier,
    gammas,
    index,
    join,
    linalg,
    logarithms,
    loss,
    margin,
    moments,
    nan,
    nn,
    norms,
    numeric,
    order,
    padding,
    penalty,
    pick,
    polynomials,
    pool,
    products,
    recurrent,
    reduce,
    rows,
    running,
    shape,
    signal,
    special,
    spectrum,
    systems,
    ties,
    turn,
    window,
):
    __all__ += _module.__all__
