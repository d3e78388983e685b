"""Functions that make arrays and move their elements: the batch keeps the first axis."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygraph.batch.level import Level
from tinygraph.batch.rules import RULES, OtherWay, Rule, all_examples, named, rule, several
from tinygraph.batch.ufuncs import aligned, is_at, ready
from tinygraph.ops.shape import axis_in


def _shifted(axis: Any, ndim: int) -> tuple[int, ...]:
    return tuple(axis_in(a, ndim) + 1 for a in several(axis))


@rule(np.reshape)
def _reshape(level: Level, x: Any, shape: Any = None, order: str = "C", **older: Any) -> Any:
    if order != "C":
        raise OtherWay
    shape = several(older.get("newshape", shape))
    if -1 in shape:  # NumPy cannot find it where there are no examples
        known = math.prod(n for n in shape if n != -1)
        shape = tuple(x.size // known if n == -1 and known else n for n in shape)
    if math.prod(shape) != x.size:
        raise ValueError(f"cannot reshape array of size {x.size} into shape {shape}")
    if shape == x.shape and is_at(x, level):
        return x  # as good as a view, and whoever owns it need not copy it
    return level.of(all_examples(level, x).reshape(level.size, *shape))


@rule(np.ravel)
def _ravel(level: Level, x: Any, order: str = "C") -> Any:
    return np.reshape(x, (x.size,), order=order)  # type: ignore[call-overload]


@rule(np.expand_dims)
def _expand_dims(level: Level, x: Any, axis: Any) -> Any:
    return level.of(np.expand_dims(all_examples(level, x), _shifted(axis, x.ndim + len(several(axis)))))


@rule(np.squeeze)
def _squeeze(level: Level, x: Any, axis: Any = None) -> Any:
    single = [i for i, n in enumerate(x.shape) if n == 1]
    return level.of(np.squeeze(all_examples(level, x), _shifted(single if axis is None else axis, x.ndim)))


@rule(np.transpose)
def _transpose(level: Level, x: Any, axes: Any = None) -> Any:
    order = range(x.ndim)[::-1] if axes is None else axes
    return level.of(all_examples(level, x).transpose((0, *_shifted(order, x.ndim))))


@rule(np.swapaxes)
def _swapaxes(level: Level, x: Any, axis1: int, axis2: int) -> Any:
    return level.of(all_examples(level, x).swapaxes(*_shifted((axis1, axis2), x.ndim)))


@rule(np.moveaxis)
def _moveaxis(level: Level, x: Any, source: Any, destination: Any) -> Any:
    return level.of(np.moveaxis(all_examples(level, x), _shifted(source, x.ndim), _shifted(destination, x.ndim)))


@rule(np.broadcast_to)
def _broadcast_to(level: Level, x: Any, shape: Any, subok: bool = False) -> Any:
    shape = several(shape)
    return level.of(np.broadcast_to(aligned(x, level, len(shape)), (level.size, *shape)))


@rule(np.concatenate)
def _concatenate(level: Level, arrays: Sequence[Any], axis: Any = 0, **kwargs: Any) -> Any:
    if axis is None:
        arrays, axis = [np.reshape(a, -1) for a in arrays], 0
    axis = axis_in(axis, np.ndim(arrays[0])) + 1
    return level.of(np.concatenate([ready(a, level) for a in arrays], axis=axis, **kwargs))


@rule(np.stack)
def _stack(level: Level, arrays: Sequence[Any], axis: int = 0, **kwargs: Any) -> Any:
    arrays = list(arrays)
    axis = axis_in(axis, np.ndim(arrays[0]) + 1) + 1
    return level.of(np.stack([ready(a, level) for a in arrays], axis=axis, **kwargs))


@rule(np.copy)
def _copy(level: Level, x: Any, order: str = "K", subok: bool = False) -> Any:
    return level.of(all_examples(level, x).copy())


@rule(np.copyto)
def _copyto(level: Level, x: Any, v: Any, casting: Any = "same_kind", where: Any = True) -> None:
    np.copyto(all_examples(level, x), aligned(v, level, x.ndim), casting, aligned(where, level, x.ndim))


@rule(np.pad)
def _pad(level: Level, x: Any, pad_width: Any, mode: Any = "constant", **kwargs: Any) -> Any:
    value = all_examples(level, x, kwargs)
    if isinstance(pad_width, dict) or any(np.ndim(v) for v in kwargs.values()) or callable(mode):
        raise OtherWay
    pairs = [(int(a), int(b)) for a, b in np.broadcast_to(pad_width, (x.ndim, 2))]
    return level.of(np.pad(value, [(0, 0), *pairs], mode, **kwargs))


def _triangle(function: Callable[..., Any]) -> Rule:
    def run(level: Level, x: Any, k: int = 0) -> Any:
        value = all_examples(level, x, k)
        if x.ndim == 1:  # NumPy repeats a vector into a matrix first
            value = np.broadcast_to(value[:, None], (level.size, *x.shape, *x.shape))
        return level.of(function(value, k))

    return run


RULES[np.tril], RULES[np.triu] = _triangle(np.tril), _triangle(np.triu)


def _like(function: Callable[..., Any]) -> Rule:
    def run(level: Level, x: Any, *args: Any, **kwargs: Any) -> Any:
        shape = kwargs.pop("shape", None)
        shape = np.shape(x) if shape is None else several(shape)
        filled = (aligned(a, level, len(shape)) for a in args)
        return level.of(function(ready(x, level), *filled, shape=(level.size, *shape), **kwargs))

    return run


for _f in named("zeros_like ones_like empty_like full_like"):
    RULES[_f] = _like(_f)


@rule(np.lib.stride_tricks.sliding_window_view)
def _windows(level: Level, x: Any, window_shape: Any, axis: Any = None, **kwargs: Any) -> Any:
    axes = _shifted(range(x.ndim) if axis is None else axis, x.ndim)
    return level.of(np.lib.stride_tricks.sliding_window_view(all_examples(level, x), window_shape, axes, **kwargs))
