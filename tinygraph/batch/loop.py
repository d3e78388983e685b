"""The slow path: a function that asks for the values of an array is called on one example after the other."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from typing import Any

import numpy as np

from tinygraph.batch.level import Level, enter, leave, levels_of, spread
from tinygraph.op import OPS, Mapped, Op, Traced, UndecidedError, as_numpy

_said: set[str] = set()
_answering: ContextVar[tuple[Any, ...]] = ContextVar("tinygraph_batch_answering", default=())


def nested(f: Callable[[Any], Any], value: Any) -> Any:
    """f of every leaf of nested lists, tuples, dicts and slices."""
    if isinstance(value, dict):
        return {k: nested(f, v) for k, v in value.items()}
    if isinstance(value, slice):
        return slice(f(value.start), f(value.stop), f(value.step))
    if isinstance(value, list | tuple):
        items = [nested(f, v) for v in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    return f(value)


def each(level: Level, name: str, function: Callable[..., Any], args: Sequence[Any], params: Mapping[str, Any]) -> Any:
    """The results of a function for each example, stacked.

    Where an argument is the same for all examples, the function is tried first on one that could differ: an ndarray
    takes no batched index, a Batched does.
    """
    alone = [isinstance(a, np.ndarray | Mapped | Traced) and level not in levels_of(a) for a in args]
    if any(alone):
        try:
            return function(*(spread(a, level) if one else a for a, one in zip(args, alone, strict=True)), **params)
        except UndecidedError:
            pass
    if not level.silent:
        _say(name)
    whole = nested(lambda a: _Examples(leave(a, level=level, axis=0)) if level in levels_of(a) else a, (args, params))
    if not level.size:
        return nested(lambda y: _none(level, y), _called(function, whole, None))
    return _stacked(level, [_called(function, whole, i) for i in range(level.size)])


def by_meaning(level: Level, name: str, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """What stands for a NumPy function on Tensors, or else a loop over the examples."""
    meaning = OPS.find(function)
    if meaning is None or function in _answering.get():
        return each(level, name, function, args, kwargs)
    token = _answering.set((*_answering.get(), function))
    try:
        return meaning(*args, **kwargs) if isinstance(meaning, Op) else as_numpy(meaning, function, args, kwargs)
    except UndecidedError:
        pass
    finally:
        _answering.reset(token)
    return each(level, name, function, args, kwargs)


def _say(name: str) -> None:
    if name not in _said:
        _said.add(name)
        warnings.warn(
            f"vmap: {name} has to run once for each example, in a Python loop, since its code depends on the values of "
            "an array; this is said once",
            stacklevel=2,
        )


class _Examples:
    """An argument that differs between the examples, stacked along its first axis."""

    __slots__ = ("of",)

    def __init__(self, of: Any) -> None:
        self.of = of

    def __getitem__(self, i: int | None) -> Any:
        """One example; where there is none, ones in its place, to learn the shape of a result."""
        return np.ones_like(self.of, shape=self.of.shape[1:]) if i is None else self.of[i]


def _called(function: Callable[..., Any], whole: Any, i: int | None) -> Any:
    args, params = nested(lambda a: a[i] if isinstance(a, _Examples) else a, whole)
    return function(*args, **params)


def _none(level: Level, y: Any) -> Any:
    return None if y is None else level.of(np.zeros_like(y, shape=(0, *np.shape(y))))


def _stacked(level: Level, results: list[Any]) -> Any:
    first = results[0]
    if first is None:
        return None
    if isinstance(first, list | tuple):
        parts = [_stacked(level, list(part)) for part in zip(*results, strict=True)]
        return type(first)(*parts) if hasattr(first, "_fields") else type(first)(parts)
    if len({np.shape(y) for y in results}) > 1:
        raise ValueError("vmap: the results of the examples have different shapes, and make no array")
    if any(isinstance(y, Traced) for y in results):
        return enter(np.stack(results), level=level, axis=0)
    return level.of(np.stack(results) if hasattr(first, "shape") else np.array(results))
