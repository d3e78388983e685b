"""Reading and writing parts of batches, by every kind of index that NumPy has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tinygraph.batch.level import Held, Level
from tinygraph.op import Array, bare

_WHOLE = slice(None)


class Places(NamedTuple):
    """An index of one example as one of all: `of[index]` has the batch first, then what arrays took, then the rest.

    `taken` axes that arrays took belong `before` axes of the rest in front of them.
    """

    of: Array
    index: Any
    taken: int
    before: int


class Truth(NamedTuple):
    """A single True or False in an index: places along a new axis of length 1."""

    places: Array


def read(x: Any, key: Any) -> Any:
    """`x[key]` of each example."""
    places = _places(x, key)
    found = places.of if places.index is None else places.of[places.index]
    return x.level.of(_moved(found, places, 1))


def write(x: Any, key: Any, v: Any) -> None:
    """`x[key] = v` in each example, in the memory of x."""
    level, v = x.level, bare(v)
    mask = key if isinstance(key, Held) else None
    if mask is not None and mask.dtype.kind == "b" and mask.shape == x.shape and np.ndim(v) == 0:
        v = v.value.reshape(level.size, *(1,) * x.ndim) if _is_at(v, level) else v
        mask = mask.value if mask.level is level else mask
        np.copyto(x.value, v, where=mask)
        return
    places = _places(x, key)
    shape = (places.of if places.index is None else places.of[places.index]).shape
    v = _fitted(v, shape, places, level)
    if places.index is None:
        places.of[...] = v
    else:
        places.of[places.index] = v


def added_at(level: Level, ufunc: np.ufunc, x: Any, key: Any, *operand: Any) -> None:
    """`ufunc.at` of each example, in the memory of x."""
    if not _is_at(x, level):
        given = (*(key if isinstance(key, tuple) else (key,)), *operand)
        raise next(a for a in given if _is_at(a, level)).undecided("is not written into an array that all share")
    places = _places(x, key)
    index: Any = (slice(None),) if places.index is None else places.index
    shape = places.of[index].shape
    ufunc.at(places.of, index, *(_fitted(v, shape, places, level) for v in operand))


def _is_at(a: Any, level: Level) -> bool:
    return isinstance(a, Held) and a.level is level


def _moved(found: Array, places: Places, way: int) -> Array:
    """The axes that arrays took, from behind the batch to where NumPy puts them, or back."""
    if not places.before or not places.taken:
        return found
    first = tuple(range(1, 1 + places.taken))
    last = tuple(range(1 + places.before, 1 + places.before + places.taken))
    return np.moveaxis(found, first, last) if way > 0 else np.moveaxis(found, last, first)


def _fitted(v: Any, shape: Sequence[int], places: Places, level: Level) -> Any:
    """What is written, broadcast to the places that it is written to."""
    if not _is_at(v, level) and np.ndim(v) == 0:
        return v
    moved = list(shape)
    taken, before = places.taken, places.before
    moved[1 : 1 + before + taken] = [*shape[1 + taken : 1 + taken + before], *shape[1 : 1 + taken]]
    value = v.value if _is_at(v, level) else v
    extra = len(np.shape(v)) - (len(shape) - 1)  # NumPy lets axes of length 1 go
    if extra > 0:
        value = np.reshape(value, (*np.shape(value)[: value.ndim - np.ndim(v)], *np.shape(v)[extra:]))
    if _is_at(v, level):
        value = value.reshape(level.size, *(1,) * max(len(shape) - value.ndim, 0), *value.shape[1:])
    return _moved(np.broadcast_to(value, moved), places, -1)


def _places(x: Any, key: Any) -> Places:
    level: Level = x.level
    parts = _expanded(key, x.ndim)
    if not any(_is_array(p) or isinstance(p, Truth) for p in parts):
        return Places(x.value[(_WHOLE, *parts)], None, 0, 0)
    view = x.value[(_WHOLE, *(None if isinstance(p, Truth) else _WHOLE if _is_place(p) else p for p in parts))]
    at = [i for i, p in enumerate(parts) if _is_place(p)]
    rest = [i for i in range(len(parts)) if i not in at]
    view = view.transpose((0, *(i + 1 for i in at), *(i + 1 for i in rest)))
    places = [p.places if isinstance(p, Truth) else p for p in (parts[i] for i in at)]
    taken = max(np.ndim(p) for p in places)
    adjacent = at == list(range(at[0], at[-1] + 1))
    first: Any = _WHOLE
    if any(_is_at(p, level) for p in places):
        first = np.arange(level.size).reshape(level.size, *(1,) * taken)
        places = [_with_batch(p, level, taken) for p in places]
    return Places(view, (first, *places), taken, at[0] if adjacent else 0)


def _with_batch(p: Any, level: Level, ndim: int) -> Any:
    if not _is_at(p, level):
        return p
    return p.value.reshape(level.size, *(1,) * (ndim - p.ndim), *p.shape)


def _is_place(p: Any) -> bool:
    return not (p is None or isinstance(p, slice))


def _is_array(p: Any) -> bool:
    return hasattr(p, "shape") and not isinstance(p, np.generic)


def _expanded(key: Any, ndim: int) -> list[Any]:
    """The parts of an index, one for each axis of the array and each new one: no ellipsis, no list, no mask."""
    given: list[Any] = []
    for part in key if isinstance(key, tuple) else (key,):
        given += _as_places(bare(part))
    used = sum(not (p is None or p is Ellipsis or isinstance(p, Truth)) for p in given)
    if used > ndim:
        raise IndexError(f"too many indices for an array of {ndim} dimensions: {used} were given")
    fill = [_WHOLE] * (ndim - used)
    if any(p is Ellipsis for p in given):
        i = next(i for i, p in enumerate(given) if p is Ellipsis)
        return [*given[:i], *fill, *given[i + 1 :]]
    return [*given, *fill]


def _as_places(part: Any) -> list[Any]:
    if isinstance(part, list | tuple):
        part = np.asarray(part, dtype=None if len(part) else np.intp)
    if isinstance(part, bool | np.bool_) or (_is_array(part) and part.dtype.kind == "b"):
        if isinstance(part, Held):
            raise part.undecided("as a mask takes another number of elements from each: use np.where")
        return list(np.nonzero(part)) if np.ndim(part) else [Truth(np.zeros(int(part), dtype=np.intp))]
    return [part]
