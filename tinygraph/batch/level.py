"""The examples of one `vmap`, and the way in and out of its batch."""

from __future__ import annotations

import math
from contextvars import ContextVar
from typing import Any

import numpy as np

from tinygraph.op import Array, Mapped, Op, UndecidedError, bare, op


class Level:
    """One call of `vmap`: how many examples it has, and when it began among the nodes of the graph."""

    __slots__ = ("_dtypes", "kind", "open", "randomness", "serial", "silent", "size")

    def __init__(
        self, size: int, serial: int, kind: type[Held], silent: bool = False, randomness: str = "same"
    ) -> None:
        self.size = size
        self.randomness = randomness
        self.serial = serial
        self.kind = kind
        self.silent = silent  # nobody asked for a batch, so the slow path is no news
        self.open = True  # while the function runs, derivatives taken in it belong to one example
        self._dtypes: dict[int, tuple[Any, Any]] = {}

    def dtype(self, held: Any) -> Any:
        """A dtype equal to the one of the arrays held, and not the same object, so that the engine looks closer."""
        if id(held) not in self._dtypes:
            self._dtypes[id(held)] = np.dtype(held, metadata={"vmap": self.serial}), held
        return self._dtypes[id(held)][0]

    def of(self, value: Array) -> Any:
        """The array of one example, from those of all, stacked along the first axis."""
        return self.kind(self, value)


INSIDE: ContextVar[tuple[Level, ...]] = ContextVar("tinygraph_inside_vmap", default=())  # the outermost first


class Held(Mapped):
    """What an array of one example holds: `value`, the arrays of all examples of its level along the first axis."""

    __slots__ = ("level",)

    def __init__(self, level: Level, value: Array) -> None:
        self.level = level
        self.value = plain(value)

    @property
    def shape(self) -> tuple[int, ...]:
        shape: tuple[int, ...] = self.value.shape[1:]
        return shape

    @property
    def ndim(self) -> int:
        return len(self.value.shape) - 1

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def dtype(self) -> Any:
        return self.level.dtype(self.value.dtype)

    def undecided(self, why: str) -> UndecidedError:
        """The error of who asks for the one value of an array that has many."""
        raise NotImplementedError


def plain(value: Any) -> Any:
    """An array with NumPy's own dtype: one that was created with a Batched's dtype has taken that one over."""
    if isinstance(value, np.ndarray) and value.dtype.metadata is not None:
        return value.view(np.dtype(value.dtype.type))
    return value


def levels_of(value: Any) -> list[Level]:
    """The levels for whose examples an array has values of its own, the innermost `vmap` first."""
    found = []
    value = bare(value)
    while isinstance(value, Held):
        found.append(value.level)
        value = value.value
    return found


# --- in and out of a batch: each is the other's rule


def _enter(x: Array, level: Level, axis: int) -> Array:
    if isinstance(x, Held) and x.level.serial > level.serial:  # the batches of inner calls stay in front
        return x.level.of(_enter(x.value, level, axis + 1))
    return level.of(np.moveaxis(x, axis, 0) if axis else x)


def _leave(x: Array, level: Level, axis: int) -> Array:
    if isinstance(x, Held) and x.level.serial > level.serial:
        return x.level.of(_leave(x.value, level, axis + 1))
    if isinstance(x, Held) and x.level is level:
        value = x.value
    else:
        value = np.broadcast_to(plain(x), (level.size, *np.shape(x)))
    return np.moveaxis(value, 0, axis) if axis else value


enter: Op = op(
    _enter,
    kind="linear",
    vjps=[lambda g, ans, x, level, axis: leave(g, level=level, axis=axis)],
    name="enter",
    doc="Give each example its part of x along an axis.",
)
leave: Op = op(
    _leave,
    kind="linear",
    vjps=[lambda g, ans, x, level, axis: enter(g, level=level, axis=axis)],
    name="leave",
    doc="Stack what the examples have along a new axis; what is the same for all is repeated.",
)


def spread(x: Any, level: Level) -> Any:
    """The same array, as one that could differ between the examples."""
    return enter(leave(x, level=level, axis=0), level=level, axis=0)
