"""Random numbers of a computation that is made twice: which generators it drew from, and from which state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from tinygraph.batch import INSIDE, Level

GENERATORS = (np.random.Generator, np.random.RandomState)
Draws = dict[int, tuple[Any, Any]]  # by the generator's id: the generator, and its state before it was first drawn from
NOTED: ContextVar[Draws | None] = ContextVar("tinygraph_draws", default=None)
REPEATING: ContextVar[bool] = ContextVar("tinygraph_repeating", default=False)  # running averages have moved already


def note(rng: Any) -> Any:
    """The generator itself, about to be drawn from; its state is noted, where the same may be drawn once more."""
    noted = NOTED.get()
    if noted is not None and id(rng) not in noted:
        noted[id(rng)] = rng, _state(rng)
    return rng


def for_examples(rng: Any) -> Any:
    """The generator, for a layer to draw from: inside a `vmap` as its `randomness` says.

    Raises:
        RuntimeError: inside a `vmap` with randomness="error".
    """
    levels = [level for level in INSIDE.get() if level.randomness != "same"]
    if any(level.randomness == "error" for level in levels):
        raise RuntimeError(
            "a layer draws random numbers inside vmap: say whether they differ between the examples, "
            'vmap(..., randomness="different"), or are the same for all, randomness="same"; or give .eval()'
        )
    return _OfEach(rng, levels) if levels else rng


class _OfEach:
    """A generator that draws other numbers for each example."""

    def __init__(self, rng: Any, levels: Sequence[Level]) -> None:
        self.rng = rng
        self.levels = levels

    def random(self, size: Sequence[int]) -> Any:
        drawn = self.rng.random((*(level.size for level in self.levels), *size))
        for level in self.levels:
            drawn = level.of(drawn)
        return drawn


@contextmanager
def noting(known: Iterable[Any] = ()) -> Iterator[Draws]:
    """Note the generators that are drawn from inside the block; of those that are `known`, the state in any case."""
    noted: Draws = {}
    token = NOTED.set(noted)
    for x in (np.random.mtrand._rand, *known):
        if isinstance(x, GENERATORS):
            note(x)
    try:
        yield noted
    finally:
        NOTED.reset(token)
        outer = NOTED.get()
        if outer is not None:
            for key, drawn in noted.items():
                outer.setdefault(key, drawn)


@contextmanager
def repeated(noted: Draws) -> Iterator[None]:
    """Draw the same numbers once more inside the block; afterwards the generators go on where they were."""
    now = [(rng, _state(rng)) for rng, _ in noted.values()]
    for rng, state in noted.values():
        _restore(rng, state)
    token = REPEATING.set(True)
    try:
        yield
    finally:
        REPEATING.reset(token)
        for rng, state in now:
            _restore(rng, state)


def _state(rng: Any) -> Any:
    return rng.get_state() if isinstance(rng, np.random.RandomState) else rng.bit_generator.state


def _restore(rng: Any, state: Any) -> None:
    if isinstance(rng, np.random.RandomState):
        rng.set_state(state)
    else:
        rng.bit_generator.state = state
