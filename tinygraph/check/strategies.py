"""Hypothesis strategies: arrays, arguments of operations, indices, contractions, layers, and whole programs.

Everything comes from the choices of `tinygraph.check.choose`, so what fails shrinks to small arrays and short programs.
Arrays are read-only, so that a function which writes to its arguments raises. Needs Hypothesis: the extra `check`.

Example:
    >>> from hypothesis import given
    >>> from tinygraph.check import check_grads
    >>> from tinygraph.check import strategies as tgst
    >>> @given(x=tgst.arrays((2, 3), low=-1.0, high=1.0))
    ... def test_my_loss(x):
    ...     check_grads(lambda x: np.tanh(x).sum(), x)
    >>> test_my_loss()
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from tinygraph.check import choose as chosen
from tinygraph.check import operands
from tinygraph.check.choose import Array, Choose, Shape
from tinygraph.check.indexing import index
from tinygraph.check.layer_strategies import layer
from tinygraph.check.programs import Program, build
from tinygraph.op import Op

__all__ = [
    "array_shapes",
    "arrays",
    "at_kinks",
    "broadcastable_shapes",
    "einsum_operands",
    "indices",
    "layers",
    "matmul_operands",
    "op_arguments",
    "programs",
]


@lru_cache(maxsize=1024)
def _below(n: int) -> st.SearchStrategy[int]:
    return st.integers(0, n - 1)


def _choices(draw: Any) -> Choose:
    """Choices that Hypothesis makes, remembers and simplifies."""
    return lambda n: draw(_below(n)) if n > 1 else 0


@st.composite
def _part(draw: Any, part: Callable[[Choose], Any]) -> Any:
    return part(_choices(draw))


@st.composite
def array_shapes(draw: Any, *, min_dims: int = 0, max_dims: int = 2, max_side: int = 3) -> Shape:
    """Shapes of `min_dims` to `max_dims` axes of 1 to `max_side` elements.

    Example:
        >>> from hypothesis import find
        >>> find(array_shapes(min_dims=2), lambda shape: True)
        (1, 1)
    """
    return chosen.shape(_choices(draw), min_dims, max_dims, max_side)


@st.composite
def broadcastable_shapes(draw: Any, count: int = 2, *, max_dims: int = 2, max_side: int = 3) -> tuple[Shape, ...]:
    """Tuples of `count` shapes that broadcast together.

    Example:
        >>> from hypothesis import find
        >>> find(broadcastable_shapes(2), lambda shapes: shapes[0] != shapes[1])
        ((1,), ())
    """
    return tuple(chosen.shapes(_choices(draw), count, max_dims, max_side))


@st.composite
def arrays(
    draw: Any,
    shape: int | Shape | st.SearchStrategy[Shape] | None = None,
    *,
    low: float = -float("inf"),
    high: float = float("inf"),
    away_from: Sequence[float] = (),
    margin: float = operands.MARGIN,
    unique: bool = True,
    dtype: Any = np.float64,
) -> Array:
    """Read-only arrays of numbers strictly between `low` and `high`, at least `margin` from each of `away_from`.

    Numbers have few binary digits, so that steps of differences are exact; no two are alike unless `unique` is False,
    so that elements taken for each other are noticed. Where the interval has no end, numbers reach 3 from 0 or from its
    other end.

    Args:
        shape: a shape, or a strategy of shapes; up to two axes of up to three elements if left out.
        dtype: of floating point.

    Raises:
        ValueError: an empty interval.

    Example:
        >>> from hypothesis import find
        >>> find(arrays((3,), low=0.0), lambda x: True)
        array([0.125  , 0.15625, 0.1875 ])
    """
    choose = _choices(draw)
    of = draw(shape) if isinstance(shape, st.SearchStrategy) else chosen.shape(choose) if shape is None else shape
    of = (of,) if isinstance(of, int) else of
    x = chosen.array(choose, of, (low, high), unique)
    for place in away_from:
        assume(np.all(np.abs(x - place) >= margin))
    return chosen.frozen(x.astype(dtype))


@st.composite
def op_arguments(
    draw: Any, /, op: Op | Callable[..., Any], *, margin: float = operands.MARGIN, **params: Any
) -> tuple[Array, ...]:
    """Tuples of read-only arrays for an `Op`, inside its domain and at least `margin` from its kinks.

    The arrays of an elementwise op broadcast; `matmul` gets stacks; the others get two axes. A condition (an argument
    of an elementwise op that has no derivative) is boolean.

    Args:
        op: of the table, as tg.log or np.log, or one of your own, with `domain` and `kinks` as it declares them.
        params: its metadata, such as axis=0, on which kinks may depend.

    Raises:
        ValueError: an op on any number of arrays, or one not elementwise that has an argument without derivative.
        TypeError: a function that no single op stands for.

    Example:
        >>> import tinygraph as tg
        >>> from hypothesis import find
        >>> find(op_arguments(tg.log), lambda args: args[0].size == 2)
        (array([0.125  , 0.15625]),)
    """
    found = operands.arguments(_choices(draw), operands.known(op), params, margin)
    assume(found is not None)
    return found  # type: ignore[return-value]


@st.composite
def at_kinks(draw: Any, /, op: Op | Callable[..., Any], **params: Any) -> tuple[Array, ...]:
    """Tuples of read-only arrays of one shape for an `Op`, at least one element of which is exactly at a kink.

    The places are found from the margins that the op declares. For max, min and std all elements are alike.

    Raises:
        ValueError: the op declares no kinks, or none inside its domain was found.

    Example:
        >>> import tinygraph as tg
        >>> from hypothesis import find
        >>> find(at_kinks(tg.maximum), lambda args: True)
        (array(0.), array(0.))
    """
    return operands.at_kinks(_choices(draw), operands.known(op), params)


@st.composite
def indices(draw: Any, shape: Shape, *, advanced: bool = True) -> Any:
    """What NumPy takes between the brackets of `x[...]`, for an x of this shape.

    Integers, slices (also backwards and past the ends), an ellipsis, new axes; with `advanced` also integer arrays and
    lists with repeated elements, and boolean masks over one axis or several, all mixed.

    Example:
        >>> from hypothesis import find
        >>> find(indices((3, 2)), lambda i: True)
        ()
    """
    return index(_choices(draw), shape, advanced)


@st.composite
def matmul_operands(draw: Any, *, batch: int = 2) -> tuple[Array, Array]:
    """Pairs of read-only arrays for `@`: vectors, matrices, and stacks of up to `batch` axes that broadcast.

    Example:
        >>> from hypothesis import find
        >>> [x.shape for x in find(matmul_operands(), lambda xy: xy[0].ndim == 3)]
        [(1, 1, 1), (1,)]
    """
    return operands.matmul(_choices(draw), batch)


@st.composite
def einsum_operands(draw: Any, *, max_operands: int = 3) -> tuple[str, tuple[Array, ...]]:
    """Pairs of a specification for `np.einsum` and its operands.

    Labels repeated within an operand (a diagonal), labels summed away, an ellipsis that broadcasts, an output that is
    implied, spaces.

    Example:
        >>> from hypothesis import find
        >>> find(einsum_operands(), lambda pair: "ii" in pair[0])
        ('ii', (array([[0.]]),))
    """
    return operands.einsum(_choices(draw), max_operands)


@st.composite
def layers(draw: Any) -> tuple[Any, Array]:
    """Pairs of a layer of `tinygraph.nn` in a random configuration and an input that it takes.

    Inputs are read-only, no two numbers in them are alike, and none is at a kink. Dropout is in evaluation mode, batch
    normalisation in either. The input of an embedding is of whole numbers.

    Example:
        >>> import tinygraph as tg
        >>> from hypothesis import find
        >>> layer, x = find(layers(), lambda drawn: isinstance(drawn[0], tg.nn.Conv2d))
        >>> layer, x.shape
        (Conv2d(1 → 1, kernel_size=(1, 1)), (1, 1, 3, 3))
    """
    return layer(_choices(draw))


@st.composite
def programs(draw: Any, *, steps: int = 8, kinks: bool = False, ops: Sequence[Op] = ()) -> Program:
    """Random programs: functions composed of operations, with reuse, branches, loops, indexing and assignment.

    A `Program` is called on arrays or Tensors; its `args` are arrays to call it on, at which values are of moderate
    size, and `str(program)` is its definition in Python. What fails shrinks to the fewest steps.

    Args:
        steps: the largest number of steps.
        kinks: whether there may be kinks (abs, maximum, a condition on values, ...), also exactly at `args`.
        ops: operations of your own, on one or two arrays of any size, that are called beside NumPy's.

    Example:
        >>> from hypothesis import find
        >>> print(find(programs(), lambda program: "np.sin(" in str(program)))
        def program(x0):
            a = np.sin(x0)
            return a
    """

    def within(part: Callable[[Choose], Any]) -> Any:
        return draw(_part(part))

    return build(_choices(draw), steps=steps, kinks=kinks, ops=ops, within=within)
