"""A loop as one operation: its reverse pass is a loop over the pullback of its body, the other way round.

What is kept for the derivatives is the state before each step. From there the steps can be run again, and so the
derivative is a loop as well, which has a derivative in its turn. Where memory allows, the first reverse pass goes
through the recorded steps instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np

from tinygraph.control.loop import Loop, Run
from tinygraph.control.steps import (
    PART,
    Body,
    Closed,
    Lists,
    Parts,
    is_inexact,
    is_recorded,
    recorded,
    records,
    tracer,
    value,
)
from tinygraph.graph import Node
from tinygraph.mode import recording
from tinygraph.op import Joint, Op
from tinygraph.tensor import Tensor, handle

NUMPY = np.ndarray | np.generic  # and not arrays of other kinds, which may not be compared as a whole


def run(loop: Loop, state: Sequence[Any], xs: Sequence[Any], record: bool) -> Lists:
    """The last state, the rows of results as arrays, and the sums; if it is recorded, as one node."""
    if not record:
        return Run(loop, state, xs, False).results
    rows, sums = loop.like
    none = [_none(x, x.shape) for x in state if loop.length is None]
    loop = loop._replace(body=_keeping(loop.body), like=([*rows, *none], sums))
    done = Run(loop, state, xs, True)
    return Recorded(loop, done).outside([*state, *xs], list(done.closed.nodes.values()))


def _keeping(body: Body) -> Body:
    """A body that gives back what it was given, as further rows."""

    def kept(state: list[Any], row: list[Any]) -> Lists:
        new, ys, terms = body(state, row)
        return [new, [*ys, *state], terms]

    return kept


class Recorded:
    """A loop that is one node of the graph, and the rules of that node."""

    def __init__(self, loop: Loop, done: Run) -> None:
        self.loop = loop
        self.parts = Parts([y for part in done.results for y in part])
        self.counts = tuple(len(part) for part in done.results)
        self.given = (len(done.state), len(done.xs))
        self.tape = done.tape
        self.names = done.names
        self.closed = list(done.closed.nodes)
        self.stand_ins = [done.closed.stand_ins[serial] for serial in self.closed]

    def outside(self, given: list[Any], closed: list[Node]) -> Lists:
        """The results, as the parts of one node if they depend on anything that is recorded."""
        items = self.parts.items
        given = [*given, *map(handle, closed)]
        if any(map(is_recorded, given)):
            rules = Joint(self.pull, len(given))
            op = Op(self.forward, vjps=rules, jvp=self.push, complex=True, name=self.loop.name)
            nodes = tuple(x._node if isinstance(x, Tensor) else None for x in given)
            whole = handle(Node(op, nodes, tuple(map(value, given)), None, self.parts, True))
            items = [PART(whole, index=i) if is_inexact(y) else y for i, y in enumerate(items)]
        state, rows, sums = _cut(items, *self.counts)
        return [state, rows[: len(rows) - len(state)], sums]

    def forward(self, *given: Any) -> Parts:
        """The loop on other arrays; what it closes over is what it was."""
        state, xs, _ = _cut(given, *self.given)
        return Parts([y for part in Run(self.loop, state, xs, False).results for y in part])

    def _split(self, ans: Any, given: Sequence[Any]) -> Lists:
        """The states before the steps, the rows and what is closed over."""
        places = range(self.counts[1], sum(self.counts[:2]))
        befores = [self._part(ans, i) for i in places]
        _, xs, closed = _cut(given, *self.given)
        return [befores, xs, closed]

    def _part(self, ans: Any, i: int) -> Any:
        """One result, recorded if it can have a derivative and the whole is."""
        return PART(ans if is_inexact(self.parts.items[i]) else self.parts, index=i)

    # --- the reverse pass

    def pull(self, g: Any, ans: Any, *given: Any) -> Sequence[Any]:
        """The rule of all arguments."""
        nested = any(isinstance(x, Tensor) for x in (*g.items, ans, *given))
        gs = _cut(g.items, *self.counts)
        if self.tape and not nested and tracer() is None:
            return self._unwound(gs, given)
        befores, xs, closed = self._split(ans, given)
        states, rows, known = _inexact(befores), _inexact(xs), [i for i, gy in enumerate(gs[1]) if gy is not None]
        last = [self._part(ans, i) for i in states]
        seeds = [np.zeros_like(value(last[k])) if gs[0][i] is None else gs[0][i] for k, i in enumerate(states)]
        later = [] if nested or tracer() is not None else [self._part(ans, i) for i in range(len(befores))]

        def body(gstate: list[Any], row: list[Any]) -> Lists:
            before, x, gy = _cut(row, len(befores), len(xs))
            again = Closed(self.loop.name, self.closed, closed)
            step = recorded(self.loop.body, (before, x), again)
            self._compare(step.results[0], before, later)
            cotangents = _spread(gstate, states, len(befores)) + _spread(gy, known, self.counts[1]) + gs[2]
            leaves = [*step.leaves, *again.stand_ins.values()]
            found = step.pull(cotangents, leaves, handle if nested else None)
            found = [_or_zeros(dx, x) for dx, x in zip(found, (*before, *x, *closed), strict=True)]
            dstate, dx, dclosed = _cut(found, len(befores), len(xs))
            return [[dstate[i] for i in states], [dx[i] for i in rows], dclosed]

        like = ([_none(xs[i], xs[i].shape[1:]) for i in rows if self.loop.length is None], list(map(value, closed)))
        name, forth, names = f"{self.loop.name}_backward", not self.loop.reverse, self._names(states, known)
        back = Loop(body, name, self.loop.length, forth, like=like, names=names)
        with nullcontext() if records() else recording():
            dstate, dxs, dclosed = run(back, seeds, [*befores, *xs, *(gs[1][i] for i in known)], nested)
        return [*_spread(dstate, states, len(befores)), *_spread(dxs, rows, len(xs)), *dclosed]

    def _names(self, states: list[int], known: list[int]) -> tuple[list[str], list[str]]:
        """dh for the cotangent of h."""
        before, row, results = self.names
        if not before:
            return [], []
        derived = [f"d{results[i]}" if results[i] else "" for i in known]
        return [f"d{before[i]}" if before[i] else "" for i in states], [*before, *row, *derived]

    def _compare(self, again: list[Any], before: list[Any], later: list[Any]) -> None:
        """Raise where a step that is run again does not lead to the state that it led to."""
        pairs = [(value(a), b) for a, b in zip(again, later, strict=False)]
        if not all(np.array_equal(a, b, equal_nan=is_inexact(b)) for a, b in pairs if issubclass(type(b), NUMPY)):
            raise RuntimeError(
                f"{self.loop.name}: run again, a step gives other numbers than at first; give it its random numbers as "
                "xs, and change no array that it uses before the reverse pass"
            )
        if later:
            later[:] = map(value, before)

    def _unwound(self, gs: Lists, given: Sequence[Any]) -> Sequence[Any]:
        """The gradients by the recorded steps, from the last one to the first."""
        gstate, grows, gsums = gs
        state, xs, closed = _cut(given, *self.given)
        dxs, dclosed = ([np.zeros_like(x) for x in part] for part in (xs, closed))
        for t, step in reversed(self.tape):
            rows = [None if gy is None else gy[t] for gy in grows]
            found = step.pull([*gstate, *rows, *gsums], [*step.leaves, *self.stand_ins])
            gstate, dx, dc = _cut(found, *self.given)
            for total, part in zip(dxs, dx, strict=True):
                if part is not None:
                    total[t] = part
            for i, part in enumerate(dc):
                if part is not None:
                    dclosed[i] += part
        return [*map(_or_zeros, gstate, state), *dxs, *dclosed]

    # --- the forward pass

    def push(self, tangents: Sequence[Any], ans: Any, *given: Any) -> Parts:
        """The tangents of the results."""
        nested = any(isinstance(x, Tensor) for x in (*tangents, ans, *given))
        befores, xs, closed = self._split(ans, given)
        tstate, txs, tclosed = _cut(tangents, *self.given)
        states, known = _inexact(befores), [i for i, t in enumerate(txs) if t is not None]
        rows = _inexact(_cut(self.parts.items, *self.counts)[1])

        def body(ts: list[Any], row: list[Any]) -> Lists:
            before, x, tx = _cut(row, len(befores), len(xs))
            again = Closed(self.loop.name, self.closed, closed)
            step = recorded(self.loop.body, (before, x), again)
            given = [*_spread(ts, states, len(befores)), *_spread(tx, known, len(xs)), *tclosed]
            pairs = zip([*step.leaves, *again.stand_ins.values()], given, strict=True)
            found = step.push({x: t for x, t in pairs if x is not None and t is not None}, handle if nested else None)
            results = [y for part in step.results for y in part]
            new, ys, sums = _cut(list(map(_or_zeros, found, results)), *self.counts)
            return [[new[i] for i in states], [ys[i] for i in rows], sums]

        seeds = [_or_zeros(tstate[i], given[i]) for i in states]
        none = self.loop.like[0]
        like = ([none[i] for i in rows if none], self.parts.items[sum(self.counts[:2]) :])
        onward = Loop(body, f"{self.loop.name}_forward", self.loop.length, self.loop.reverse, like=like)
        with nullcontext() if records() else recording():
            new, ys, sums = run(onward, seeds, [*befores, *xs, *(txs[i] for i in known)], nested)
        return Parts([*_spread(new, states, self.counts[0]), *_spread(ys, rows, self.counts[1]), *sums])


def _cut(xs: Sequence[Any], *counts: int) -> Lists:
    """Three lists out of one, the last as long as it comes."""
    n, m = counts[:2]
    return [list(xs[:n]), list(xs[n : n + m]), list(xs[n + m :])]


def _spread(xs: Sequence[Any], places: Sequence[int], n: int) -> list[Any]:
    """n items, None but at the places."""
    by = dict(zip(places, xs, strict=True))
    return [by.get(i) for i in range(n)]


def _inexact(xs: Sequence[Any]) -> list[int]:
    return [i for i, x in enumerate(xs) if is_inexact(x)]


def _none(x: Any, shape: tuple[int, ...]) -> Any:
    """No rows of a shape."""
    return np.zeros_like(value(x), shape=(0, *shape))


def _or_zeros(x: Any, like: Any) -> Any:
    return np.zeros_like(value(like)) if x is None else x
