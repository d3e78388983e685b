"""`vmap`: a function of one example, run once for a whole batch of them."""

from __future__ import annotations

from functools import wraps
from operator import index
from typing import Any

import numpy as np

from tinygraph.batch import INSIDE, Batched, Level, enter, leave, levels_of
from tinygraph.graph import leaf
from tinygraph.operand import number_array
from tinygraph.tensor import Tensor
from tinygraph.transforms.trace import Function, check_callable
from tinygraph.tree import flatten

RANDOMNESS = ("error", "different", "same")


def vmap(f: Function, in_axes: Any = 0, out_axes: Any = 0, *, randomness: str = "error") -> Function:
    """A function that does what f does to one example, to a batch of them at once: no Python loop over the examples.

    Inside f, arrays have the shape of one example. NumPy's functions, operations, layers and the other transforms take
    them as they are: `vmap(grad(f))` gives the gradient of every example. What f closes over is the same for all of
    them; so is what it draws from a generator of NumPy's itself: give such numbers as an argument. An operation whose
    code depends on values runs example by example, and a warning says so once.

    Args:
        f: a function of one example; its arguments and results may be nested dicts, lists and tuples of arrays.
        in_axes: the axis of the examples in every argument, or a sequence with one entry for each: an axis, None for
            what is the same for all examples, or a tree of those that begins as the argument does. Arguments given by
            name have their examples along axis 0.
        out_axes: the axis of the examples in the result, or a tree of axes; None for what is the same for all.
        randomness: what layers draw, dropout say: "different" for each example, the "same" for all, or, as in PyTorch
            by default, an "error".

    Raises:
        ValueError: no argument has examples, they differ in number, an axis is out of range, or a result with
            out_axes=None differs between the examples.
        RuntimeError: a layer draws random numbers, and `randomness` does not say which.
        TypeError: f turns an array into one Python number, or decides by it: `if x > 0`, `float(x)`.

    The names and the meaning are those of JAX (https://docs.jax.dev/en/latest/_autosummary/jax.vmap.html), `randomness`
    is that of torch.func.vmap.

    Example:
        >>> import tinygraph as tg
        >>> w = np.array([1.0, 2.0])
        >>> loss = lambda w, x, y: (w @ x - y) ** 2
        >>> x, y = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]), np.array([0.0, 1.0, 1.0])
        >>> tg.vmap(tg.grad(loss), in_axes=(None, 0, 0))(w, x, y)  # the gradient of each of three examples
        array([[2., 0.],
               [0., 2.],
               [4., 4.]])
    """
    check_callable(f, "vmap")
    if randomness not in RANDOMNESS:
        raise ValueError(f"vmap: randomness={randomness!r} is not 'error', 'different' or 'same'")

    @wraps(f)
    def batched(*args: Any, **kwargs: Any) -> Any:
        leaves, rebuild = flatten((args, kwargs))
        axes = [*_in_axes(args, in_axes), *(0 for _ in flatten(kwargs)[0])]
        names = [*_names(args), *(f"keyword argument {name!r}" for name in kwargs for _ in flatten(kwargs[name])[0])]
        axes = [_checked(x, axis, name) for x, axis, name in zip(leaves, axes, names, strict=True)]
        size, begun = _size(leaves, axes, names), leaf(np.float64(0.0), False).serial
        level = Level(size, begun, Batched, randomness=randomness)
        fresh = [
            x if axis is None else enter(_array(x), level=level, axis=axis)
            for x, axis in zip(leaves, axes, strict=True)
        ]
        given, named = rebuild(fresh)
        token = INSIDE.set((*INSIDE.get(), level))
        try:
            result = f(*given, **named)
        finally:
            level.open = False
            INSIDE.reset(token)
        outputs, rebuild_result = flatten(result)
        places = _spread(out_axes, result, "out_axes")
        return rebuild_result([_outside(y, level, a, leaves) for y, a in zip(outputs, places, strict=True)])

    return batched


def _array(x: Any) -> Any:
    return x if isinstance(x, Tensor) else number_array(x if hasattr(x, "dtype") else np.asarray(x))


def _in_axes(args: tuple[Any, ...], in_axes: Any) -> list[Any]:
    if isinstance(in_axes, list):
        in_axes = tuple(in_axes)
    if isinstance(in_axes, tuple) and len(in_axes) != len(args):
        raise ValueError(f"vmap: in_axes has {len(in_axes)} entries for {len(args)} arguments given by position")
    return _spread(in_axes, args, "in_axes")


def _spread(axes: Any, tree: Any, what: str) -> list[Any]:
    """An axis for each leaf of a tree, from one for all, or from a tree that begins alike."""
    if isinstance(axes, dict | list | tuple):
        if isinstance(axes, dict):
            fits = isinstance(tree, dict) and axes.keys() == tree.keys()
        else:
            fits = isinstance(tree, list | tuple) and len(axes) == len(tree)
        if not fits:
            raise ValueError(f"vmap: {what} {axes!r} does not begin as what it is for does, {_outline(tree)}")
        branches = [(axes[k], tree[k]) for k in tree] if isinstance(tree, dict) else zip(axes, tree, strict=True)
        return [axis for branch, part in branches for axis in _spread(branch, part, what)]
    return [axes] * len(flatten(tree)[0])


def _outline(tree: Any) -> str:
    if isinstance(tree, dict):
        return f"a dict with the keys {list(tree)}"
    return f"a {type(tree).__name__} of {len(tree)}" if isinstance(tree, list | tuple) else f"a {type(tree).__name__}"


def _names(args: tuple[Any, ...]) -> list[str]:
    """What an error calls each leaf of the arguments."""
    return [f"argument {i}" for i, arg in enumerate(args) for _ in flatten(arg)[0]]


def _checked(x: Any, axis: Any, name: str) -> int | None:
    """An axis that the array has, not negative."""
    if axis is None:
        return None
    if isinstance(axis, bool) or not hasattr(axis, "__index__"):
        raise TypeError(f"vmap: an axis is an int or None, got {axis!r} for {name}")
    if not hasattr(x, "shape"):
        raise ValueError(
            f"vmap: {name}, {repr(x)[:40]}, is no array and has no axis {axis}; give None for it in in_axes"
        )
    ndim = len(x.shape)
    if not -ndim <= index(axis) < ndim:
        raise ValueError(
            f"vmap: {name} has shape {tuple(x.shape)} and no axis {axis}; give another, or None, in in_axes"
        )
    return index(axis) % ndim


def _size(leaves: list[Any], axes: list[Any], names: list[str]) -> int:
    """How many examples there are."""
    sizes = [(x.shape[a], n, x.shape, a) for x, a, n in zip(leaves, axes, names, strict=True) if a is not None]
    if not sizes:
        raise ValueError("vmap: no argument has examples along an axis: every entry of in_axes is None")
    if len({size for size, *_ in sizes}) > 1:
        listed = "; ".join(f"{name} of shape {tuple(shape)} has {n} along axis {a}" for n, name, shape, a in sizes)
        raise ValueError(f"vmap: the arguments differ in the number of their examples: {listed}")
    return int(sizes[0][0])


def _outside(y: Any, level: Level, axis: Any, given: list[Any]) -> Any:
    """A result of all examples, as the caller shall have it: an array of its own, or a Tensor if it is recorded."""
    if y is None:
        return None
    if axis is None:
        if level in levels_of(y):
            raise ValueError("vmap: a result with out_axes=None differs between the examples; give it an axis")
        return y
    y = _array(y)
    ndim = len(y.shape) + 1
    if isinstance(axis, bool) or not hasattr(axis, "__index__") or not -ndim <= index(axis) < ndim:
        raise ValueError(
            f"vmap: a result of {ndim} dimensions, the examples included, has no axis {axis!r} for out_axes"
        )
    out = leave(y, level=level, axis=index(axis) % ndim)
    if isinstance(out, Tensor):
        return out
    return out.copy() if out.base is not None or any(out is x for x in given) else out


__all__: list[str] = ["vmap"]
