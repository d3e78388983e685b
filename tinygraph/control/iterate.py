"""scan and while_loop: a function is repeated, and what it passes on to itself keeps its shape."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import index
from typing import Any

import numpy as np

from tinygraph.batch.level import INSIDE
from tinygraph.control.choice import each_its_own
from tinygraph.control.loop import Loop
from tinygraph.control.recorded import run
from tinygraph.control.steps import Lists, array, records, truth, value
from tinygraph.graph import leaf
from tinygraph.op import Traced, bare, describe, whole
from tinygraph.tensor import Tensor, handle
from tinygraph.transforms.trace import check_callable
from tinygraph.tree import Rebuild, flatten, flatten_like


def scan(
    f: Callable[[Any, Any], tuple[Any, Any]],
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    checkpoint: bool = False,
) -> tuple[Any, Any]:
    """(carry, ys) of a loop: `carry, y = f(carry, x)` for each x along the first axis of xs, from carry = init.

    However many steps there are, they are one node of the graph. Its reverse pass is a loop as well, through the
    steps from the last one to the first; where f closes over Tensors, their gradients are added up on the way.
    Compiled, both are a `for` loop.

    Args:
        f: takes the carry and one x, returns the next carry, of the same structure, shapes and dtypes, and one y.
        init: the first carry; arrays, or nested dicts, lists and tuples of them.
        xs: arrays, likewise nested, of as many rows as there are steps; None if f needs none.
        length: the number of steps, where xs does not tell.
        reverse: from the last x to the first; ys stand in the order of xs all the same.
        checkpoint: remember the carries alone, and run each step again in the reverse pass: less memory, more time.
            f must then do the same again, and draw no random numbers.

    Returns:
        The last carry, and the ys, stacked along a new first axis. Tensors if Tensors went in.

    Raises:
        TypeError: f returns no pair, or a carry of another structure, shape or dtype.
        ValueError: xs of different lengths, or neither xs nor a length.
        RuntimeError: in the reverse pass with checkpoint, if a step gives other numbers than at first.

    Source:
        `jax.lax.scan`.

    Example:
        >>> import tinygraph as tg
        >>> def step(h, x):
        ...     h = 0.5 * h + x
        ...     return h, h
        >>> scan(step, 0.0, np.array([1.0, 2.0, 3.0]))
        (array(4.25), array([1.  , 2.5 , 4.25]))
        >>> tg.grad(lambda xs: scan(step, 0.0, xs)[0])(np.array([1.0, 2.0, 3.0]))
        array([0.25, 0.5 , 1.  ])
    """
    check_callable(f, "scan")
    carry, rebuild = _arrays(init)
    rows, rebuild_row = _arrays(xs)
    n = _length(rows, length)
    if n and (INSIDE.get() or any(map(_is_other, (*carry, *rows)))):
        return _one_by_one(f, init, rows, rebuild_row, range(n), reverse)
    y_tree: list[Rebuild] = []

    def body(state: list[Any], row: list[Any]) -> Lists:
        out = f(rebuild(state), rebuild_row(row))
        if not isinstance(out, tuple) or len(out) != 2:
            raise TypeError(f"scan: f returns a pair (carry, y), it returned {describe(out)}")
        ys, tree = _arrays(out[1])
        y_tree[:] = [tree]
        return [_same(out[0], init, state, "scan"), ys, []]

    loop = Loop(body, _called("scan", f), n, bool(reverse), remember=not checkpoint)
    if not n:
        ys = _shapes(body, carry, rows)
        return rebuild(carry), y_tree[0](ys)
    state, ys, _ = run(loop, carry, rows, records())
    given = (*carry, *rows)
    return rebuild(_outside(state, given)), y_tree[0](_outside(ys, given))


def while_loop(cond_fun: Callable[[Any], Any], body_fun: Callable[[Any], Any], init: Any) -> Any:
    """The last of `val = body_fun(val)`, repeated while cond_fun(val) holds, from val = init.

    How often it is repeated may depend on arrays; compiled, it is a `while` loop. Unlike JAX's it has derivatives in
    reverse mode too: the values before each step are remembered, and the steps run again.

    Args:
        cond_fun: takes the value and returns one boolean.
        body_fun: takes the value and returns the next, of the same structure, shapes and dtypes.
        init: the first value; arrays, or nested dicts, lists and tuples of them.

    Raises:
        TypeError: a value of another structure, shape or dtype; a condition that is not one boolean.

    Source:
        `jax.lax.while_loop`.

    Example:
        >>> import tinygraph as tg
        >>> def root(a):  # Newton's method
        ...     return while_loop(lambda x: abs(x * x - a) > 1e-9, lambda x: 0.5 * (x + a / x), a)
        >>> tg.value_and_grad(root)(2.0)
        (array(1.41421356), array(0.35355339))
    """
    check_callable(cond_fun, "while_loop")
    check_callable(body_fun, "while_loop")
    carry, rebuild = _arrays(init)
    if INSIDE.get():
        return _until_all_are_done(cond_fun, body_fun, init)
    if any(map(_is_other, carry)):
        while truth(cond_fun(init), "while_loop: the result of cond_fun"):
            init = body_fun(init)
        return init

    def body(state: list[Any], row: list[Any]) -> Lists:
        return [_same(body_fun(rebuild(state)), init, state, "while_loop"), [], []]

    def going(state: list[Any]) -> Any:
        return truth(cond_fun(rebuild(state)), "while_loop: the result of cond_fun")

    loop = Loop(body, _called("while_loop", body_fun), going=going, remember=True)
    return rebuild(_outside(run(loop, carry, [], records())[0], carry))


def _until_all_are_done(cond_fun: Callable[[Any], Any], body_fun: Callable[[Any], Any], val: Any) -> Any:
    """For the examples of a `vmap`: those that are done wait for the others."""
    going = cond_fun(val)
    while np.any(whole(bare(going))):
        val = each_its_own(going, body_fun(val), val, "while_loop")
        going = np.logical_and(going, cond_fun(val))
    return val


def _is_other(x: Any) -> bool:
    """Whether an array records in a way of its own."""
    return isinstance(x, Traced) and not isinstance(x, Tensor)


def _called(name: str, f: Any) -> str:
    own = getattr(f, "__name__", "")
    return f"{name}_{own}" if own.isidentifier() and not own.startswith("_") else name


def _arrays(tree: Any) -> tuple[list[Any], Rebuild]:
    """The arrays in a tree, Python's numbers made such; None has none."""
    leaves, rebuild = flatten(tree)
    there = [i for i, x in enumerate(leaves) if x is not None]

    def put(xs: Sequence[Any]) -> Any:
        filled: list[Any] = [None] * len(leaves)
        for i, x in zip(there, xs, strict=True):
            filled[i] = x
        return rebuild(filled)

    return [array(leaves[i]) for i in there], put


def _length(rows: list[Any], length: int | None) -> int:
    if any(not x.ndim for x in rows):
        raise ValueError("scan: xs needs a first axis to go along, and one array in it has shape ()")
    lengths = {len(x) for x in rows}
    if length is not None:
        lengths.add(index(length))
    if not lengths:
        raise ValueError("scan: xs=None needs length=, the number of steps")
    if len(lengths) > 1 or min(lengths) < 0:
        given = "" if length is None else f", length={length}"
        raise ValueError(f"scan: xs of the shapes {[tuple(x.shape) for x in rows]}{given} have no common length")
    return lengths.pop()


def _same(new: Any, init: Any, state: list[Any], name: str) -> list[Any]:
    """The leaves of the new carry, if they are like the old."""
    try:
        leaves = flatten_like(new, init, f"{name}: carry")
    except ValueError as error:
        raise TypeError(str(error)) from None
    found = [array(x) for x in leaves if x is not None]
    for x, old in zip(found, state, strict=True):
        if x.shape != old.shape or x.dtype != old.dtype:
            raise TypeError(
                f"{name}: the carry must stay the same, and an array of shape {tuple(old.shape)} and dtype {old.dtype} "
                f"became one of shape {tuple(x.shape)} and dtype {x.dtype}; give init that shape and dtype"
            )
    return found


def _outside(xs: list[Any], given: Sequence[Any]) -> list[Any]:
    """Results as the caller shall have them: arrays, or Tensors where Tensors went in."""
    if any(isinstance(x, Tensor) for x in given):
        return [x if isinstance(x, Tensor) else handle(leaf(x, False)) for x in xs]
    return [x[...] if isinstance(x, np.generic) else x for x in xs]  # type: ignore[index]


def _shapes(body: Any, carry: list[Any], rows: list[Any]) -> list[Any]:
    """The ys of a scan of no steps: f is asked once, on zeros, what their shapes are."""
    zeros = [np.zeros_like(value(x), shape=x.shape[1:]) for x in rows]
    _, ys, _ = body(list(map(value, carry)), zeros)
    return [np.zeros_like(value(y), shape=(0, *y.shape)) for y in ys]


def _one_by_one(f: Any, carry: Any, rows: list[Any], rebuild: Rebuild, order: range, reverse: bool) -> tuple[Any, Any]:
    """As a Python loop, for arrays of other kinds, which record in their own way, and inside `vmap`."""
    found: list[Any] = []
    tree: Rebuild = rebuild
    for t in reversed(order) if reverse else order:
        carry, y = f(carry, rebuild([x[t] for x in rows]))
        ys, tree = _arrays(y)
        found.append(ys)
    stacked = [np.stack(ys) for ys in zip(*(found[::-1] if reverse else found), strict=True)]
    return carry, tree(stacked)


__all__ = ["scan", "while_loop"]
