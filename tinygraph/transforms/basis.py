"""All unit directions: a stack of them goes through the rules as one array, in blocks that fit a cache."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tinygraph.batch import Batched, Level, enter, leave
from tinygraph.graph import differentiable, leaf, serial
from tinygraph.op import Array
from tinygraph.ops.shape import concatenate, stack
from tinygraph.transforms.trace import Trace

BLOCK = 1 << 16  # elements of the largest array in a walk, times directions: half a megabyte
FEW = 3  # directions, which are faster one by one

Walk = Callable[[Any], list[Any]]


def along_basis(walk: Walk, value: Array, largest: int) -> list[Any]:
    """What a walk over the graph makes of each unit array of a shape: its results, stacked along a first axis."""
    found: list[Any] = []
    for start, units in _blocks(value, max(1, BLOCK // max(largest, 1))):
        parts = _together(walk, units)
        if len(units) == value.size:
            return parts
        if not found:
            found = [_room(part, value.size) for part in parts]
        for room, part in zip(found, parts, strict=True):
            if isinstance(room, list):
                room.append(part)
            else:
                room[start : start + len(units)] = part
    return [concatenate(room) if isinstance(room, list) else room for room in found]


def _room(part: Any, count: int) -> Any:
    """Where blocks like this one are put together: an array, or a list where they are recorded."""
    return np.empty((count, *part.shape[1:]), part.dtype) if type(part) is np.ndarray else []


def largest(trace: Trace) -> int:
    """The size of the largest array between inputs and outputs."""
    nodes = differentiable(trace.roots, min(map(serial, trace.inputs), default=0))
    return max((node.value.size for node in nodes), default=1)


def _blocks(value: Array, size: int) -> Iterator[tuple[int, Array]]:
    for start in range(0, value.size, size):
        count = min(size, value.size - start)
        units = np.zeros_like(value, shape=(count, value.size))
        rows = np.arange(count)
        units[rows, start + rows] = 1.0
        yield start, units.reshape(count, *value.shape)


def _together(walk: Walk, units: Array) -> list[Any]:
    """One walk for a block of directions; one by one where something in it knows no stacks."""
    if len(units) > FEW:
        level = Level(len(units), leaf(np.float64(0.0), False).serial, Batched, silent=True)
        try:
            return [leave(y, level=level, axis=0) for y in walk(enter(units, level=level, axis=0))]
        except Exception:  # noqa: BLE001  what is wrong with the walk itself is raised below
            pass
        finally:
            level.open = False
    return [stack(parts) for parts in zip(*map(walk, units), strict=True)]
