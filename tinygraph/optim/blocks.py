"""Parameters laid out for speed: small ones joined in one flat array, large ones in parts that fit the cache.

An update of a small network spends its time in calls, not in arithmetic: so each formula runs once for many small
arrays. An update of a large one waits for memory: so each formula runs on a part that stays in the cache. Parameters
themselves stay where they are, in the user's arrays; what is joined is gradients, going in, and updates, coming out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from tinygraph.op import Array, bare
from tinygraph.optim.rule import State, mapped
from tinygraph.tensor import Tensor

SMALL = 64 * 1024  # bytes; copying more costs more than the calls that it saves
BLOCK = 120_000  # bytes; temporary arrays below 128 KiB come from memory that is used again


class Block:
    """Several small parameters, or some rows of one, or one whole; and the state that the rule keeps for them."""

    __slots__ = ("bounds", "params", "rows", "state")

    def __init__(self, params: list[Tensor], states: Sequence[State], rows: slice | None = None) -> None:
        self.params = params
        self.rows = rows
        stops = np.cumsum([0, *(p.size for p in params)]).tolist()
        self.bounds = list(pairwise(stops))
        if rows is None:
            self.state = merged(states, lambda arrays: np.concatenate([a.ravel() for a in arrays]))
        else:
            self.state = mapped(lambda a: a[rows].copy(), states[0])

    def seen_by_program(self) -> list[Any]:
        """Nothing of a block: its state is read afresh."""
        return []

    def gradients(self) -> list[Array | None]:
        grads = [p.grad for p in self.params]
        return [bare(g) if g.__class__ is Tensor else g for g in grads]

    def joined(self, arrays: Sequence[Array]) -> Array:
        """Arrays like the parameters, as the one array that the rule sees."""
        if self.rows is not None:
            return arrays[0][self.rows]
        return np.concatenate([a.ravel() for a in arrays])

    def values(self) -> Array:
        return self.joined([p.data for p in self.params])

    def add(self, update: Array) -> None:
        """Add the rule's update to the parameters, in place."""
        try:
            if self.rows is not None:
                part = self.params[0].data[self.rows]
                part += update
                return
            for p, (start, stop) in zip(self.params, self.bounds, strict=True):
                data = p.data
                data += update[start:stop].reshape(data.shape)
        except ValueError as error:
            raise _explained(error, self.params) from None

    def parted(self) -> Iterator[tuple[Tensor, State]]:
        """Each parameter with its part of the state."""
        if self.rows is not None:
            yield self.params[0], self.state
            return
        for p, (start, stop) in zip(self.params, self.bounds, strict=True):
            yield p, mapped(_cut(slice(start, stop), p.shape), self.state)


def _cut(part: slice, shape: tuple[int, ...]) -> Callable[[Array], Array]:
    return lambda a: a[part].reshape(shape)


def laid_out(params: Iterable[Tensor], states: Mapping[Tensor, State]) -> list[Block]:
    """The blocks of parameters with these states. Those that have been updated equally often may share one."""
    blocks: list[Block] = []
    pack: list[Tensor] = []

    def close() -> None:
        if pack:
            blocks.append(Block(list(pack), [states[p] for p in pack]))
            pack.clear()

    for p in params:
        size = p.size * p.dtype.itemsize
        if p.ndim and (size >= SMALL or not isinstance(p.data, np.ndarray)):
            blocks += [Block([p], [states[p]], rows) for rows in _rows(p.shape[0], size)]
            continue
        if pack and not _alike(p, pack, states, size):
            close()
        pack.append(p)
    close()
    return blocks


def ready(blocks: list[Block]) -> Iterator[tuple[Block, list[Array]]]:
    """The blocks whose parameters have gradients, with these. A block is parted for good where some have none."""
    i = 0
    while i < len(blocks):
        block = blocks[i]
        grads = block.gradients()
        have = [g for g in grads if g is not None]
        if len(have) == len(grads):
            yield block, have
        elif have:
            states = dict(block.parted())
            present = [p for p, g in zip(block.params, grads, strict=True) if g is not None]
            absent = [p for p, g in zip(block.params, grads, strict=True) if g is None]
            blocks[i : i + 1] = laid_out(present, states) + laid_out(absent, states)
            continue
        i += 1


def states_of(blocks: Iterable[Block]) -> dict[Tensor, State]:
    """A copy of each parameter's state, in its shape."""
    parts: dict[Tensor, list[State]] = {}
    for block in blocks:
        for p, state in block.parted():
            parts.setdefault(p, []).append(state)
    return {p: merged(states, np.concatenate) if p.ndim else mapped(np.copy, states[0]) for p, states in parts.items()}


def merged(states: Sequence[State], join: Any) -> State:
    """One state of several: arrays joined, numbers those of the first."""
    first = states[0]
    return {
        name: merged([s[name] for s in states], join)
        if isinstance(value, dict)
        else join([s[name] for s in states])
        if hasattr(value, "shape")
        else value
        for name, value in first.items()
    }


def _numbers(state: State) -> list[Any]:
    return [
        _numbers(value) if isinstance(value, dict) else value for value in state.values() if not hasattr(value, "shape")
    ]


def _alike(p: Tensor, pack: Sequence[Tensor], states: Mapping[Tensor, State], size: int) -> bool:
    held = sum(q.size for q in pack) * p.dtype.itemsize
    same = p.dtype == pack[0].dtype and isinstance(pack[0].data, np.ndarray)
    return same and held + size <= BLOCK and _numbers(states[p]) == _numbers(states[pack[0]])


def _rows(count: int, size: int) -> list[slice]:
    """Rows of a large parameter, cut in even parts of at most BLOCK bytes, as far as single rows allow."""
    parts = min(count, max(1, -(-size // BLOCK)))
    stops = [count * i // parts for i in range(parts + 1)] if parts else [0, 0]
    return [slice(start, stop) for start, stop in pairwise(stops)]


def _explained(error: ValueError, params: Sequence[Tensor]) -> ValueError:
    for p in params:
        if not getattr(getattr(p.data, "flags", None), "writeable", True):
            name = "a parameter" if p.name is None else f"parameter {p.name!r}"
            return ValueError(
                f"{name} of shape {p.shape} is a read-only array, and an optimizer writes to it: make the Tensor of a "
                "copy, Tensor(array.copy())"
            )
    return error
