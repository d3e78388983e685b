"""Loops and branches while they are recorded, each as a function of its own.

Of a loop the first step is written down and the others are only computed; of a branch both ways are.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from tinygraph.program import code
from tinygraph.program.code import GENERATORS, UNMATCHED, Line, Program, used
from tinygraph.program.routines import Branch, Loop, Result, may_refuse
from tinygraph.program.user_code import unnamed
from tinygraph.program.variable import Variable, value_of

UNLIKE = "steps that are not alike: they draw random numbers, or change what they depend on"
NAME = re.compile(r"(?<=Name\(id=)'\w+'")


@contextmanager
def apart(tracer: Any) -> Iterator[list[Line]]:
    """Collect the lines that are recorded inside the block by themselves; what is older must not be changed there."""
    before = tracer.lines, tracer.block, tracer.place
    unstable, done = set(tracer.unstable), _done(tracer.effects)
    names = [(v, v.name) for v in tracer.alive()]
    tracer.lines, tracer.block = [], "forward"
    tracer.around.append(before[0])
    try:
        yield tracer.lines
        if tracer.open:
            own = {line.name for line in tracer.lines}
            draws = {k for k, x in tracer.constants.items() if isinstance(x, GENERATORS)}
            if any(v.name != name for v, name in names) or not tracer.unstable - unstable <= own:
                tracer.notice("is written to within a loop or a branch")
            elif _done(tracer.effects) != done or any(draws.intersection(used(line.code)) for line in tracer.lines):
                tracer.notice("changes, or a random generator does, within a loop or a branch", "a Tensor")
    finally:
        tracer.around.pop()
        tracer.lines, tracer.block, tracer.place = before


def _done(effects: Any) -> tuple[Any, ...]:
    """What tells whether a call has had an effect."""
    return len(effects.stores), [(k, v.name) for k, v in effects.writes.items()], len(effects.drawn)


@contextmanager
def paused(tracer: Any) -> Iterator[None]:
    """Compute inside the block without writing anything down."""
    before = tracer.open, tracer.block, tracer.place
    tracer.open = False
    try:
        with unnamed():
            yield
    finally:
        tracer.open, tracer.block, tracer.place = before


class UnlikeError(BaseException):
    """Two recordings of the same step differ, before anything has been changed; past whatever f itself handles."""


class Step(NamedTuple):
    """A step as it is recorded: its lines, what it is given, what it gives."""

    lines: list[Line]
    given: list[Variable]
    row: list[Variable]
    real: bool
    results: list[list[Any]]
    names: list[list[str]]


def _step(tracer: Any, run: Any, state: list[Any], rows: list[Any]) -> Step:
    """Record the first step of a loop."""
    with apart(tracer) as lines:
        given = [tracer.inside(x) for x in state]
        row = [tracer.inside(_row(x, run.loop.reverse)) for x in rows]
        for part, wishes in zip((given, row), run.loop.names, strict=True):
            tracer.labels.update((v.name, wish) for v, wish in zip(part, wishes, strict=bool(wishes)) if wish)
        real = all(map(len, rows))  # or there is no step to be made, and nothing but its form counts
        if run.loop.going is not None:
            test = run.loop.going(run.form(given))
            real = bool(value_of(test))
            tracer.statement(ast.If(ast.UnaryOp(ast.Not(), tracer.expression(test)), [ast.Break()], []))
        results = _results(tracer, run.step, given, row, real=real)
        names = [[name_of(tracer, y) for y in part] for part in results]
    return Step(lines, given, row, real, results, names)


def _repeated(tracer: Any, run: Any, once: Step, state: list[Any], rows: list[Any]) -> None:
    """Record the step again: one that counts, or draws, is another by then, whatever its numbers are."""
    kept = ("constants", "captured", "labels", "routines", "within")
    before = {name: dict(getattr(tracer, name)) for name in kept}
    again = _step(tracer, run, state, rows)
    if not tracer.open:
        return
    ends = [[v.name for v in (*s.given, *s.row)] for s in (once, again)]
    results = [[n for part in s.names for n in part] for s in (once, again)]
    alike = _alike(tracer, (once.lines, again.lines), ends, results)
    for name, found in before.items():
        getattr(tracer, name).clear()
        getattr(tracer, name).update(found)
    if not alike:
        if not any(_done(tracer.effects)) and not tracer.effects.begun:
            raise UnlikeError
        tracer.notice(f"goes through {UNLIKE}", "a loop")


def _alike(tracer: Any, lines: Any, inputs: Any, results: Any) -> bool:
    """Whether two recordings differ in nothing but the names of their variables."""
    one, two = lines
    if any(len(a) != len(b) for a, b in (lines, inputs, results)):
        return False
    same = dict(zip(*inputs, strict=True)) | {a.name: b.name for a, b in zip(one, two, strict=True)}

    def match(x: str, y: str) -> bool:
        if x == y or same.get(x) == y:
            return True
        if x in tracer.routines and y in tracer.routines:
            bodies = [tracer.routines[n].bodies for n in (x, y)]
            return len(bodies[0]) == len(bodies[1]) and all(
                _alike(tracer, (a.lines, b.lines), (list(a.inputs), list(b.inputs)), (a.results, b.results))
                for a, b in zip(*bodies, strict=True)
            )
        pair = [tracer.constants.get(n) for n in (x, y)]
        if any(isinstance(k, np.ndarray) for k in pair):
            return all(isinstance(k, np.ndarray) for k in pair) and _same_bits(*pair)
        return all(n in tracer.constants for n in (x, y)) and repr(pair[0]) == repr(pair[1])

    for a, b in zip(one, two, strict=True):
        names = [[x.id for x in ast.walk(line.code) if isinstance(x, ast.Name)] for line in (a, b)]
        if NAME.sub("", ast.dump(a.code)) != NAME.sub("", ast.dump(b.code)) or not all(map(match, *names)):
            return False
    return all(map(match, *results))


def _same_bits(x: Any, y: Any) -> bool:
    """Whether two arrays hold the same bits."""
    return bool((x.shape, x.dtype) == (y.shape, y.dtype) and x.tobytes() == y.tobytes())


def loop(tracer: Any, run: Any) -> list[list[Any]]:
    """Make a run of a loop, and write it down as a function of its own: its results, as variables."""
    state, xs, going = run.state, run.xs, run.loop.going
    plain = [list(map(value_of, part)) for part in (state, xs)]
    once = _step(tracer, run, *plain)
    lines, given, row, real, results, names = once
    if tracer.open and real:
        _repeated(tracer, run, once, *plain)
    known = [[tracer.labels.get(n, "") for n in part] for part in ([v.name for v in row], names[1])]
    run.names = [
        [tracer.labels.get(n, tracer.labels.get(v.name, "")) for n, v in zip(names[0], given, strict=True)],
        *known,
    ]
    first = [[value_of(y) for y in part] for part in results] if real else None
    with paused(tracer):
        run.state, run.xs = plain
        run.all(first)
    found = [run.state, run.rows, run.sums]
    if not tracer.open:
        return found
    body = program_of(tracer, lines, [v.name for v in (*given, *row)], [n for part in names for n in part])
    rows, sums = (tuple(Result(np.shape(y), y.dtype) for y in part) for part in results[1:])
    made = Loop(
        body,
        tuple(v.name for v in given),
        tuple(v.name for v in row),
        rows,
        sums,
        length=None if run.loop.length is None else run.length,
        reverse=run.loop.reverse,
        going=going is not None,
        kept=tuple(range(sum(map(len, names)))),
    )
    flat = called(tracer, run.loop.name, made, [*state, *xs], found)
    cut = [len(part) for part in found]
    return [flat[: cut[0]], flat[cut[0] : cut[0] + cut[1]], flat[cut[0] + cut[1] :]]


def branch(tracer: Any, name: str, pred: Any, steps: Sequence[Any], given: Sequence[Any]) -> list[Any]:
    """Run the step that is chosen, and write down both: its results, as variables."""
    plain = list(map(value_of, given))
    chosen = 0 if pred.value else 1
    inside = [tracer.inside(x) for x in plain]
    found: list[Any] = [None, None]
    bodies: list[Any] = [None, None]
    for i in (chosen, 1 - chosen):
        if not tracer.open:
            break
        with apart(tracer) as lines:
            found[i] = _results(tracer, steps[i], inside, real=i == chosen)
            names = [name_of(tracer, y) for y in found[i]]
        bodies[i] = lines, names
    results = list(map(value_of, found[chosen]))
    kinds = [[(np.shape(value_of(y)), np.asarray(value_of(y)).dtype) for y in part] for part in found if tracer.open]
    if tracer.open and (kinds[0] != kinds[1] or any(dtype.kind not in "biufc" for _, dtype in kinds[0])):
        tracer.notice("decides in cond between results of other shapes or dtypes, or that are no arrays")
    if not tracer.open:
        return results
    own = [v.name for v in inside]
    both = program_of(tracer, [x for lines, _ in bodies for x in lines], own, [n for _, names in bodies for n in names])
    made = [program_of(tracer, lines, own, names) for lines, names in bodies]
    made = [replace(program, inputs=both.inputs) for program in made]
    routine = Branch((made[0], made[1]), tuple(own), tuple(range(len(results))))
    return called(tracer, name, routine, [pred, *given], [results])


def _results(tracer: Any, step: Any, *given: list[Any], real: bool) -> Any:
    """What a step gives; of one that the call itself does not make, failing is no error."""
    if real:
        return step(*given)
    try:
        with np.errstate(all="ignore"):
            return step(*given)
    except Exception as error:  # noqa: BLE001  it is told in the reason
        tracer.notice(f"decides what is computed, and what is not computed now cannot be recorded ({error})")
        return []


def _row(x: Any, last: bool) -> Any:
    """The first row that a loop takes; zeros where there is none."""
    return x[-1 if last else 0] if len(x) else np.zeros_like(x, shape=x.shape[1:])


def name_of(tracer: Any, y: Any) -> str:
    """The variable of a result; of an array that is none, the name that it is captured by."""
    found = tracer.expression(y if type(y) is Variable else np.asarray(y))
    return str(found.id)


def program_of(tracer: Any, lines: Sequence[Line], inputs: Sequence[str], results: Sequence[str]) -> Program:
    """Lines as a program of what they need: `inputs`, and what else is known to the program around them."""
    made = {line.name for line in lines}
    known = {**tracer.inputs, **tracer.constants, **tracer.within}
    known |= {line.name: line.value for around in (*tracer.around, tracer.lines) for line in around if line.name}
    needed = [n for line in lines for n in used(line.code)] + list(results)
    free = [n for n in dict.fromkeys(needed) if n in known and n not in made and n not in inputs]
    written = [line.value for line in lines if line.name in tracer.unstable]
    shared = {
        line.name
        for line in lines
        if line.name and isinstance(line.value, np.ndarray) and any(np.may_share_memory(line.value, w) for w in written)
    }
    values = {n: known[n] for n in (*inputs, *free)}
    return Program(values, {}, tuple(lines), tuple(results), unstable=frozenset(shared))


def called(tracer: Any, wish: str, routine: Any, given: Sequence[Any], results: Sequence[Sequence[Any]]) -> list[Any]:
    """The call of a routine, with what it needs beside the arguments given; its results, as variables."""
    title, n = wish, 1
    while title in tracer.routines:
        n += 1
        title = f"{wish}_{n}"
    tracer.routines[title] = routine
    inputs = routine.closed
    args = [*map(tracer.expression, given), *map(code.name, inputs)]
    whole = tracer.line(code.call(code.name(title), args, {}), tuple(y for part in results for y in part))
    if may_refuse(routine):
        unmatched = ast.Compare(code.name(whole.name), [ast.Is()], [code.name(UNMATCHED)])
        tracer.statement(ast.If(unmatched, [ast.Return(code.name(UNMATCHED))], []))
    items = enumerate(y for part in results for y in part)
    return [tracer.line(ast.Subscript(code.name(whole.name), ast.Constant(i), ast.Load()), y) for i, y in items]
