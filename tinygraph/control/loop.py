"""A loop on bare arrays, step by step. Where it is recorded, each step is so by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any, NamedTuple

import numpy as np

from tinygraph.control.steps import Body, Closed, Lists, Step, is_recorded, recorded, tracer, value
from tinygraph.graph import leaf
from tinygraph.tensor import Tensor, handle


class Loop(NamedTuple):
    """`body(state, row)` gives the new state, a row of results, and terms to be added up."""

    body: Body
    name: str
    length: int | None = None  # None: while `going(state)`, or as many steps as there are rows
    reverse: bool = False
    going: Callable[[list[Any]], Any] | None = None
    remember: bool = False  # the recorded steps, for the reverse pass
    like: tuple[Sequence[Any], Sequence[Any]] = ((), ())  # no rows, and the sums, should there be no step
    names: tuple[Sequence[str], Sequence[str]] = ((), ())  # of the state and the rows, in a program


class Run:
    """One run of a loop; under a tracer, which writes the loop into its program, the results are variables."""

    def __init__(self, loop: Loop, state: Sequence[Any], xs: Sequence[Any], record: bool) -> None:
        self.loop = loop
        self.state = list(map(value, state))
        self.xs = list(map(value, xs))
        self.record = record
        self.live = record and any(map(is_recorded, (*state, *xs)))
        self.tensors = any(isinstance(x, Tensor) for x in (*state, *xs))
        self.closed = Closed()
        self.tape: list[tuple[int, Step]] = []
        self.rows: list[Any] = []
        self.sums: list[Any] = []
        self.steps = 0
        self.names: list[list[str]] = [[], [], []]  # of states, rows and results, where the tracer knows them
        writer = tracer()
        if writer is None or loop.length == 0:
            self.all()
        else:
            self.loop = loop._replace(remember=False)
            self.state, self.rows, self.sums = writer.loop(self)

    @property
    def length(self) -> int:
        """The number of steps, where it is known beforehand."""
        return len(self.xs[0]) if self.loop.length is None else self.loop.length

    @property
    def results(self) -> Lists:
        """The last state, the rows of results as arrays, and the sums."""
        return [self.state, self.rows, self.sums]

    def turns(self) -> Iterator[int]:
        """The numbers of the rows, in the order of the steps."""
        loop = self.loop
        if loop.going is None:
            order = range(self.length)
            yield from reversed(order) if loop.reverse else order
            return
        for t in count():
            if not loop.going(self.form(self.state)):
                return
            yield t

    def all(self, first: Lists | None = None) -> None:
        """Make all steps, the results of the first of which may be known."""
        for t in self.turns():
            results = self.step(self.state, [x[t] for x in self.xs], t) if first is None else first
            first, self.state = None, results[0]
            self._keep(t, *results[1:])
            self.steps += 1
        self.state = [x if x.ndim else x[...] for x in self.state]  # an array, also where a step gives a number
        if not self.steps:
            self.rows, self.sums = (list(map(np.zeros_like, part)) for part in self.loop.like)
        elif self.loop.going is not None:
            self.rows = list(map(np.stack, self.rows))

    def step(self, state: list[Any], row: list[Any], t: int | None = None) -> Lists:
        """The results of one step; `t` is the number of one that may be remembered."""
        if not self.record:
            results = self.loop.body(self.form(state), self.form(row))
        else:
            live = self.live or bool(self.closed.nodes)
            given = (state, row) if live else (self.form(state), self.form(row))
            step = recorded(self.loop.body, given, self.closed, live)
            if self.loop.remember and t is not None:
                self.tape.append((t, step))
            results = step.results
        return [list(map(value, part)) for part in results]

    def form(self, xs: list[Any]) -> list[Any]:
        """Arrays as the body shall have them: as constant Tensors, where Tensors were given."""
        return [handle(leaf(x, False)) for x in xs] if self.tensors else xs

    def _keep(self, t: int, row: list[Any], terms: list[Any]) -> None:
        listed = self.loop.going is not None
        if not self.steps:
            self.rows = [[] if listed else np.empty_like(y, shape=(self.length, *np.shape(y))) for y in row]
            self.sums = [np.zeros_like(s) for s in terms]
        for rows, y in zip(self.rows, row, strict=True):
            if listed:
                rows.append(y)
                continue
            if rows.shape[1:] != y.shape or rows.dtype != y.dtype:
                raise ValueError(
                    f"{self.loop.name}: step {t} gives an array of shape {y.shape} and dtype {y.dtype} where another "
                    f"gave shape {rows.shape[1:]} and dtype {rows.dtype}"
                )
            rows[t] = y
        for i, term in enumerate(terms):
            self.sums[i] += term
