"""Random generators of NumPy's two kinds: which one is meant, and where it stands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Generator = np.random.Generator | np.random.RandomState
Seed = int | Generator | Callable[[int], Generator] | None


def generator_state(rng: Generator) -> dict[str, Any]:
    """Where a generator stands: a dict of numbers, text and arrays.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> state = generator_state(rng)
        >>> first = rng.random()
        >>> restore_generator(rng, state)
        >>> rng.random() == first
        True
    """
    return dict(rng.get_state(legacy=False) if isinstance(rng, np.random.RandomState) else rng.bit_generator.state)


def restore_generator(rng: Generator, state: dict[str, Any]) -> None:
    """Put a generator back to where `generator_state` found it.

    Raises:
        ValueError: the state is that of another kind of generator.
    """
    if isinstance(rng, np.random.RandomState):
        rng.set_state(state)
    else:
        rng.bit_generator.state = state


def whole_number(rng: Generator) -> int:
    """A random whole number, to seed another generator."""
    draw = rng.randint if isinstance(rng, np.random.RandomState) else rng.integers
    return int(draw(2**31))
