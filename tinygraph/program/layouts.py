"""What remains of the arrays that a program was recorded on: their layouts, and which of them share memory.

A program is rendered by shapes, strides and dtypes, long after the call that was recorded, whose arrays would take as
much memory as all of its values together.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from operator import is_
from typing import Any

import numpy as np

from tinygraph.program.buffers import ALIGNED, memory
from tinygraph.program.code import Program, used

SMALL = 1024  # bytes; arrays up to here are kept as they are


def released(*programs: Program) -> list[Program]:
    """The programs, with arrays in memory that nobody touches, and so is none, in place of large ones.

    What depends on no input keeps its numbers, which belong to the program.
    """
    layouts = _Layouts()
    for value, real in (found for program in programs for found in _values(program)):
        layouts.add(value, real)
    layouts.settle()
    return [_with(program, layouts) for program in programs] if layouts.rooms else [*programs]


def _values(program: Program) -> Iterator[tuple[Any, bool]]:
    """The values of a program, and whether their numbers count."""
    depend = {*program.inputs, *program.generators}
    yield from ((value, False) for value in program.inputs.values())
    yield from ((value, True) for value in program.constants.values())
    for line in program.lines:
        real = depend.isdisjoint(used(line.code))
        if line.name and not real:
            depend.add(line.name)
        yield line.value, real
    for routine in program.routines.values():
        for body in routine.bodies:
            yield from _values(body)


def _with(program: Program, layouts: _Layouts) -> Program:
    """A program with other arrays."""
    routines = {
        title: routine.with_bodies([_with(body, layouts) for body in routine.bodies])
        for title, routine in program.routines.items()
    }
    of = layouts.of
    lines = [x if (value := of(x.value)) is x.value else x._replace(value=value) for x in program.lines]
    inputs = {name: of(value) for name, value in program.inputs.items()}
    return program.with_lines(lines, inputs=inputs, routines=routines)


class _Layouts:
    """Arrays by the memory that they look into, and a room for each such memory in one that is reserved."""

    def __init__(self) -> None:
        self.roots: dict[int, tuple[Any, int, int]] = {}  # by its id, a memory, and where it begins and ends
        self.real: set[int] = set()
        self.made: dict[int, tuple[Any, Any]] = {}
        self.rooms: dict[int, Any] = {}

    def add(self, value: Any, real: bool) -> None:
        if isinstance(value, (tuple, list)):
            for part in value:
                self.add(part, real)
        if not isinstance(value, np.ndarray) or (value.base is None and value.nbytes <= SMALL):
            return
        root = memory(value)
        if real or type(value) is not np.ndarray or value.dtype.hasobject:
            self.real.add(id(root))
        if isinstance(root, np.ndarray):
            start = _address(root)
            self.roots[id(root)] = root, start, start + root.nbytes
        else:
            low, high = _span(value)
            _, first, end = self.roots.get(id(root), (root, low, high))
            self.roots[id(root)] = root, min(low, first), max(high, end)

    def settle(self) -> None:
        """Make the rooms."""
        large = {x: end - start for x, (_, start, end) in self.roots.items() if x not in self.real}
        large = {x: size for x, size in large.items() if size > SMALL}
        whole, at = mmap.mmap(-1, sum(map(_aligned, large.values())) or 1), 0
        for x, size in large.items():
            self.rooms[x] = np.asarray(_Room(whole, at, size))
            at += _aligned(size)

    def of(self, value: Any) -> Any:
        """An array that lies as another one does."""
        if isinstance(value, (tuple, list)):
            parts = [self.of(part) for part in value]
            if all(map(is_, parts, value)):
                return value
            return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
        if not isinstance(value, np.ndarray) or (root := id(memory(value))) not in self.rooms:
            return value
        if id(value) not in self.made:
            start = _address(value) - self.roots[root][1]
            made = np.ndarray(value.shape, value.dtype, self.rooms[root], start, value.strides)
            self.made[id(value)] = value, made
        return self.made[id(value)][1]


class _Room:
    """Part of a memory, which NumPy takes for one of its own."""

    def __init__(self, whole: mmap.mmap, at: int, size: int) -> None:
        self.whole = whole
        start = _address(np.frombuffer(whole, np.uint8)) + at
        self.__array_interface__ = {"data": (start, False), "shape": (size,), "typestr": "|u1", "version": 3}


def _address(x: Any) -> int:
    return int(x.__array_interface__["data"][0])


def _span(x: Any) -> tuple[int, int]:
    """Where the elements of an array begin and end."""
    steps = [stride * (n - 1) for stride, n in zip(x.strides, x.shape, strict=True) if n]
    low = _address(x) + sum(step for step in steps if step < 0)
    return low, low + sum(map(abs, steps)) + x.itemsize


def _aligned(size: int) -> int:
    return -(-size // ALIGNED) * ALIGNED
