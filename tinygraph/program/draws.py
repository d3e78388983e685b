"""Random numbers in a program: what is drawn from a generator while a function runs is drawn again on every run."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np

from tinygraph.program import code
from tinygraph.program.variable import value_of


class Draws:
    """A random generator that writes down what is drawn from it."""

    def __init__(self, tracer: Any, generator: Any) -> None:
        self._tracer, self._generator = tracer, generator

    def __getattr__(self, name: str) -> Any:
        method, tracer = getattr(self._generator, name), self._tracer

        def draw(*args: Any, **kwargs: Any) -> Any:
            value = method(*value_of(args), **value_of(kwargs))
            if not tracer.open:
                return value
            of = tracer.capture(self._generator)
            tracer.labels.setdefault(of.id, "rng")
            tracer.unstable.add(of.id)
            given = {key: tracer.expression(v) for key, v in kwargs.items()}
            return tracer.record(code.call(code.attribute(of, name), [*map(tracer.expression, args)], given), value)

        return draw


def state_of(generator: Any) -> Any:
    """The state of a random generator."""
    if isinstance(generator, Random):
        return generator.getstate()
    return generator.get_state() if isinstance(generator, np.random.RandomState) else generator.bit_generator.state


def restore(generator: Any, state: Any) -> None:
    """Set a random generator back."""
    if isinstance(generator, Random):
        generator.setstate(state)
    elif isinstance(generator, np.random.RandomState):
        generator.set_state(state)
    else:
        generator.bit_generator.state = state
