"""Where the arrays of a program lie: each in a part of one memory, which others take over when it is done with."""

from __future__ import annotations

import sys
from bisect import bisect_left, insort
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygraph.program.code import Line, Program, used
from tinygraph.program.notation import text_of

ALIGNED = 64  # bytes: a cache line


@dataclass(frozen=True)
class Plan:
    """The place of each buffer in a memory of `size` bytes, and which operand it is filled in place of, if of any.

    `apart` is the size of all of them, were no memory taken over.
    """

    offsets: Mapping[str, int]
    size: int
    reused: Mapping[str, str]
    apart: int


def values_of(program: Program) -> dict[str, Any]:
    """What was recorded of each variable."""
    return {**program.inputs, **program.constants, **{line.name: line.value for line in program.lines if line.name}}


def owners(program: Program) -> dict[str, str]:
    """For each array the first variable that looks into the same memory: x for x.T, and for x itself."""
    first: dict[int, str] = {}
    found: dict[str, str] = {}
    for variable, value in values_of(program).items():
        if isinstance(value, np.ndarray):
            found[variable] = first.setdefault(id(memory(value)), variable)
        elif isinstance(value, tuple | list):  # what svd or split gives: its parts look into it
            for part in value:
                first.setdefault(id(memory(part)), variable)
    return found


def evaluated(program: Program, recorded: Program, above: str = "") -> Program:
    """The program with the values that its own lines give, where these look into the memory of others.

    Passes may have changed into whose; what was recorded of all other arrays, their shape and layout, still holds.
    `above` is the source of its routines.
    """
    owner = owners(recorded)
    kept = {x for x, value in values_of(recorded).items() if owner.get(x) == x and value.base is None}
    again = {x.name for x in program.lines if isinstance(x.value, np.ndarray | tuple | list)} - kept
    rows = [f"{line.name} = {text_of(line.code)}" for line in program.lines if line.name in again]
    space: dict[str, Any] = {"np": np, "scipy": sys.modules.get("scipy"), **values_of(program)}
    exec("\n".join([above, *rows]), space)  # noqa: S102  what was recorded is done again
    lines = [x._replace(value=space[x.name]) if x.name and x.name in again else x for x in program.lines]
    return program.with_lines(lines)


def memory(value: Any) -> Any:
    """The object whose memory an array looks into."""
    while (base := getattr(value, "base", None)) is not None:  # as_strided puts an object between
        value = base
    return value


def shared(array: Any, others: Iterable[Any]) -> bool:
    """Whether an array shares its memory with one of others."""
    for other in others:  # noqa: SIM110  in a program this is asked very often
        if isinstance(other, np.ndarray) and np.may_share_memory(array, other):
            return True
    return False


def compact(value: Any) -> bool:
    """Whether an array fills its memory without gaps, in whatever order of its axes."""
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiubc" or not value.dtype.isnative:
        return False
    step = value.itemsize
    for stride, length in sorted((s, n) for s, n in zip(value.strides, value.shape, strict=True) if n != 1):
        if stride != step:
            return False
        step *= length
    return value.size > 0


def alike(x: Any, y: Any) -> bool:
    """Whether two arrays are laid out the same, so that one can take the other's memory element by element."""
    return (x.shape, x.dtype, x.strides) == (y.shape, y.dtype, y.strides)


def plan(
    lines: Sequence[Line], owner: Mapping[str, str], values: Mapping[str, Any], buffers: Mapping[str, bool],
    kept: Iterable[str] = (),
) -> Plan:  # fmt: skip
    """A place for each buffer, found in one walk: the smallest that is free and large enough, else the largest.

    `buffers` says of each whether it is elementwise, and so may be filled in place of an operand that is used for the
    last time; what is `kept` is never taken over.
    """
    uses = [list(used(line.code)) for line in lines]
    last = {owner[n]: i for i, names in enumerate(uses) for n in names if n in owner}
    last.update((owner[n], len(lines)) for n in kept)
    slots = _Slots()
    place: dict[str, int] = {}
    reused: dict[str, str] = {}
    for i, names in enumerate(uses):
        roots = list(dict.fromkeys(owner[n] for n in names if owner.get(n) in buffers))
        dying = {root for root in roots if last[root] == i}
        for made in (root for root in roots if root not in place):
            taken = _taken_over(made, names, dying, owner, values) if buffers[made] else None
            if taken in place:
                place[made], reused[made] = place[taken], taken
                dying.discard(taken)
            else:
                place[made] = slots.take(values[made].nbytes)
        for root in dying:
            slots.give(place[root])
    starts = slots.starts()
    apart = sum(values[n].nbytes for n in place)
    return Plan({n: starts[slot] for n, slot in place.items()}, starts[-1], reused, apart)


def _taken_over(
    made: str, names: Sequence[str], dying: Collection[str], owner: Mapping[str, str], values: Mapping[str, Any]
) -> str | None:
    """The operand whose memory the result may overwrite: it is used for the last time, and as a whole."""
    for root in dict.fromkeys(owner.get(n) for n in names):
        if root is None or root not in dying or root == made:
            continue
        views = [values[n] for n in names if owner.get(n) == root]
        if all(alike(x, values[root]) for x in (values[made], *views)):
            return root
    return None


class _Slots:
    """Parts of a memory, each as long as the longest array that it ever holds."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.free: list[tuple[int, int]] = []

    def take(self, size: int) -> int:
        if not self.free:
            self.sizes.append(size)
            return len(self.sizes) - 1
        fitting = bisect_left(self.free, (size, -1))
        _, slot = self.free.pop(min(fitting, len(self.free) - 1))
        self.sizes[slot] = max(self.sizes[slot], size)
        return slot

    def give(self, slot: int) -> None:
        insort(self.free, (self.sizes[slot], slot))

    def starts(self) -> list[int]:
        """Where each begins, and where the last one ends."""
        found = [0]
        for size in self.sizes:
            found.append(found[-1] + -(-size // ALIGNED) * ALIGNED)
        return found
