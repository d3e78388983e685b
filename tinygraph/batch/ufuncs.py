"""Universal functions on batches: the axes of one example are aligned as NumPy does it, the batch stays in front."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tinygraph.batch.indexing import added_at
from tinygraph.batch.level import Held, Level
from tinygraph.batch.loop import by_meaning, each
from tinygraph.op import Array
from tinygraph.ops.shape import axis_in

# NumPy's operators do what its functions do, and squares faster
OPERATORS: dict[Any, Any] = {np.add: operator.add, np.subtract: operator.sub, np.multiply: operator.mul}
OPERATORS |= {np.divide: operator.truediv, np.power: operator.pow, np.negative: operator.neg, np.absolute: operator.abs}


def innermost(*trees: Any) -> Level | None:
    """The level of the innermost `vmap` among all arrays in nested arguments; the others are constants to it."""
    found: Level | None = None
    for tree in trees:
        if isinstance(tree, Held):
            level: Level | None = tree.level
        elif isinstance(tree, list | tuple):
            level = innermost(*tree)
        elif isinstance(tree, dict):
            level = innermost(*tree.values())
        else:
            continue
        if level is not None and (found is None or level.serial > found.serial):
            found = level
    return found


def is_at(a: Any, level: Level) -> bool:
    """Whether an array has a value for each example of a level."""
    return isinstance(a, Held) and a.level is level


def aligned(a: Any, level: Level, ndim: int) -> Array:
    """All examples of an array, with axes of length 1 between the batch and theirs, as broadcasting to ndim needs."""
    if not is_at(a, level):
        return a
    missing = ndim + 1 - a.value.ndim
    if missing <= 0:
        return a.value
    return a.value.reshape(level.size, *(1,) * missing, *a.value.shape[1:])


def ready(a: Any, level: Level) -> Array:
    """All examples of an array; one that is the same for all is repeated."""
    return a.value if is_at(a, level) else np.broadcast_to(a, (level.size, *np.shape(a)))


def elementwise(level: Level, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Any function that broadcasts its arguments against each other."""
    ndim = max(np.ndim(a) for a in args)
    where = kwargs.get("where")
    if isinstance(where, Held):
        ndim = max(ndim, where.ndim)
        kwargs = {**kwargs, "where": aligned(where, level, ndim)}
    return wrapped(level, function(*(aligned(a, level, ndim) for a in args), **kwargs))


def wrapped(level: Level, value: Any) -> Any:
    """The results of a function of all examples, each as the array of one."""
    if isinstance(value, tuple | list):
        items = [wrapped(level, v) for v in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    return level.of(value)


def called(ufunc: np.ufunc, method: str, args: Any, kwargs: Any) -> Any:
    """The answer of a Batched to a universal function, or to one of its methods."""
    level = innermost(args, kwargs)
    assert level is not None
    out = kwargs.pop("out", None)
    if out is not None and any(o is not None for o in out):
        return _into(level, ufunc, method, args, kwargs, out)
    if method == "__call__":
        if ufunc is np.matmul and not kwargs:
            return wrapped(level, _matmul(level, *args))
        if ufunc.signature is not None:
            return _of_cores(level, ufunc, args, kwargs)
        return elementwise(level, ufunc if kwargs else OPERATORS.get(ufunc, ufunc), args, kwargs)
    if method == "reduce":
        return _reduce(level, ufunc, *args, **kwargs)
    if method == "accumulate":
        return _accumulate(level, ufunc, *args, **kwargs)
    if method == "outer":
        x, y = args
        return ufunc(np.reshape(x, (*np.shape(x), *(1,) * np.ndim(y))), y, **kwargs)
    if method == "at":
        return added_at(level, ufunc, *args)
    return each(level, f"{ufunc.__name__}.{method}", getattr(ufunc, method), args, kwargs)


def _into(level: Level, ufunc: np.ufunc, method: str, args: Any, kwargs: Any, out: Any) -> Any:
    """`x += y` where x is batched writes into the memory of x, as in NumPy."""
    target = out[0]
    if len(out) != 1 or not is_at(target, level) or method != "__call__":
        one = next(a for a in (*args, *kwargs.values(), *out) if is_at(a, level))
        raise one.undecided("is not written into an array that all share (out=, or +=): begin with zeros_like")
    found = getattr(ufunc, method)(*args, **kwargs)
    if found.shape != target.shape:
        raise ValueError(f"{ufunc.__name__}: a result of shape {found.shape} does not fit into one of {target.shape}")
    if not np.can_cast(found.dtype, target.dtype, "same_kind"):
        raise TypeError(f"{ufunc.__name__}: a result of {found.dtype} does not fit into an array of {target.dtype}")
    target.value[...] = ready(found, level)  # which a program can write down
    return target


def _axes(ndim: int, axis: Any) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(1, ndim + 1))
    return tuple(axis_in(operator.index(a), ndim) + 1 for a in (axis if isinstance(axis, tuple | list) else (axis,)))


def _reduce(
    level: Level,
    ufunc: np.ufunc,
    x: Any,
    axis: Any = 0,
    dtype: Any = None,
    out: None = None,
    keepdims: bool = False,
    initial: Any = np._NoValue,
    where: Any = True,
) -> Any:
    value = ready(x, level)
    single = value.ndim == 1
    if isinstance(where, Held):
        where = aligned(where, level, value.ndim - 1)
    given = {} if initial is np._NoValue else {"initial": initial}
    given |= {} if where is True else {"where": where}
    axes: Any = (1,) if single else _axes(value.ndim - 1, axis)
    if single:  # NumPy lets a number be reduced along axis 0
        value, keepdims = value[:, None], False
    if len(axes) == 1:
        axes = axes[0]
    return level.of(ufunc.reduce(value, axis=axes, dtype=dtype, keepdims=keepdims, **given))


def _accumulate(level: Level, ufunc: np.ufunc, x: Any, axis: int = 0, dtype: Any = None) -> Any:
    value = ready(x, level)
    return level.of(ufunc.accumulate(value, axis=axis_in(axis, value.ndim - 1) + 1, dtype=dtype))


def _matmul(level: Level, x: Any, y: Any) -> Array:
    """Matrix products of all examples; one product where only the left factor differs, or both are vectors."""
    if np.ndim(x) == 0 or np.ndim(y) == 0:
        raise ValueError("matmul: takes no numbers, use * for a product by each element")
    if not is_at(y, level):
        left = x.value
        if np.ndim(y) == 1 or (left.ndim == 2 and np.ndim(y) == 2):
            return left @ y
        if left.ndim == 2:
            return (left.reshape(level.size, *(1,) * (np.ndim(y) - 1), -1) @ y)[..., 0, :]
        if np.ndim(y) == 2:  # one large product instead of many small ones
            rows = left.reshape(-1, left.shape[-1]) if left.shape[-1] else left
            return (rows @ y).reshape(*left.shape[:-1], np.shape(y)[1])
        return aligned(x, level, np.ndim(y)) @ y
    if not is_at(x, level):
        if np.ndim(y) == 1 and np.ndim(x) <= 2:
            return y.value @ np.transpose(x)
        if np.ndim(y) == 1:
            return (x @ y.value.reshape(level.size, *(1,) * (np.ndim(x) - 2), -1, 1))[..., 0]
        return x @ aligned(y, level, max(np.ndim(x), 2))
    left, right = x.value, y.value
    row, column = left.ndim == 2, right.ndim == 2
    ndim = max(2, np.ndim(x), np.ndim(y))
    left = left[:, None, :] if row else left
    right = right[:, :, None] if column else right
    out = aligned(level.of(left), level, ndim) @ aligned(level.of(right), level, ndim)
    if row:
        out = out[..., 0, :]
    return out[..., 0] if column else out


def _of_cores(level: Level, ufunc: np.ufunc, args: Any, kwargs: Any) -> Any:
    """A universal function of vectors or matrices: their axes stay last, the others are aligned."""
    inputs = ufunc.signature.split("->")[0]  # type: ignore[union-attr]
    cores = [len([d for d in core.strip("() ").split(",") if d]) for core in inputs.split("),(")]
    if kwargs.keys() & {"axis", "axes"}:
        return by_meaning(level, ufunc.__name__, ufunc, args, kwargs)
    loops = max(np.ndim(a) - n for a, n in zip(args, cores, strict=True))
    return wrapped(level, ufunc(*(aligned(a, level, loops + n) for a, n in zip(args, cores, strict=True)), **kwargs))
