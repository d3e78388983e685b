"""Loops and branches of a program: functions that stand above it in its source, with a real `for`, `while` or `if`."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from typing import Any

import numpy as np

from tinygraph.program.code import Program, used
from tinygraph.program.passes import applied, dead_code

Written = Callable[[Program], tuple[Program, list[str], list[str]]]  # renamed, with the rows before and within


@dataclass(frozen=True)
class Result:
    """A row or a term that one step gives, and the array that it becomes a part of."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def made(self, by: str, *length: str) -> str:
        """An array of this kind: `np.zeros((n, 3))`."""
        shape = ", ".join([*length, *map(str, self.shape)])
        dtype = "" if self.dtype == np.float64 else f", {_dtype(self.dtype)}"
        return f"np.{by}(({shape}{',' if len(self.shape) + len(length) == 1 else ''}){dtype})"


def _dtype(dtype: np.dtype[Any]) -> str:
    return "bool" if dtype.kind == "b" else f"np.{dtype.name}"


@dataclass(frozen=True)
class Loop:
    """A function of states, of arrays whose rows are gone through, and of what else its body needs.

    `body` is a program of the state, a row and the rest; it gives the new states, and of the rows of results and the
    terms of sums those that are `kept`.
    """

    body: Program
    state: tuple[str, ...]
    row: tuple[str, ...]
    rows: tuple[Result, ...]
    sums: tuple[Result, ...]
    length: int | None
    reverse: bool
    going: bool  # whether it ends when the body says so
    kept: tuple[int, ...]  # the results that it returns

    @property
    def names(self) -> dict[int, str]:
        """The variables of the results of one step, by their places: new states, rows, terms."""
        n = len(self.state)
        places = [*range(n), *(i for i in self.kept if i >= n)]
        return dict(zip(places, self.body.results, strict=True))

    @property
    def bodies(self) -> tuple[Program, ...]:
        """The programs in it."""
        return (self.body,)

    def with_bodies(self, bodies: Sequence[Program]) -> Loop:
        """The same loop of another body."""
        return replace(self, body=bodies[0])

    @property
    def closed(self) -> list[str]:
        """What the body needs of the program around it."""
        return list(self.body.inputs)[len(self.state) + len(self.row) :]

    def finished(self, labels: Mapping[str, str]) -> Loop:
        """With the names that are known in the end."""
        return replace(self, body=replace(self.body, labels=_labelled(self, labels)))

    def returning(self, kept: Sequence[int]) -> Loop:
        """The same loop, which computes and returns no more than some of its results."""
        kept = tuple(self.kept[i] for i in kept)
        needed = tuple(name for i, name in self.names.items() if i < len(self.state) or i in kept)
        return replace(self, kept=kept, body=dead_code(replace(self.body, results=needed)))

    def text(self, title: str, written: Written) -> str:
        """The source of the function."""
        n = len(self.state)
        arrays = {f"xs_{x}": None for x in self.row}
        buffers = {f"all_{i}": None for i in self.kept if i >= n}
        named, above, inside = written(replace(self.body, inputs={**self.body.inputs, **arrays, **buffers, "t": None}))
        final = dict(zip([*self.body.inputs, *arrays, *buffers, "t"], named.inputs, strict=True))
        new = dict(zip(self.names, named.results, strict=True))
        t, ends = final["t"], {i: final[x] for i, x in enumerate(self.state)}
        length = str(self.length) if self.length is not None else f"len({final[next(iter(arrays))]})" if arrays else ""
        before, after = [], []
        for i in (i for i in self.kept if i >= n):
            first, each, ends[i] = self._collected(i - n, final[f"all_{i}"], new[i], t, length)
            before.append(first)
            after.append(each)
        moves = [(ends[i], new[i]) for i in range(n) if ends[i] != new[i]]
        if moves:
            after.append(" = ".join(", ".join(side) for side in zip(*moves, strict=True)))
        order = f"reversed(range({length}))" if self.reverse else f"range({length})"
        takes = [f"{final[x]} = {final[f'xs_{x}']}[{t}]" for x in self.row]
        ends |= {i: f"{ends[i]}[...]" for i, x in enumerate(self.state) if not np.ndim(self.body.inputs[x])}
        back = ", ".join(ends[i] for i in self.kept) + ("," if len(self.kept) == 1 else "")
        given = [x for x in self.body.inputs if x not in (*self.state, *self.row)]
        parameters = ", ".join(final[x] for x in (*self.state, *arrays, *given))
        body = [*above, *before, "while True:" if self.going else f"for {t} in {order}:"]
        body += ["    " + row for row in [*takes, *inside, *after] or ["pass"]]
        return (
            "\n".join([f"def {title}({parameters}):", *("    " + row for row in body), f"    return ({back})"]) + "\n"
        )

    def _collected(self, i: int, array: str, x: str, t: str, length: str) -> tuple[str, str, str]:
        """What is written before the loop, in it and after it, of a row or a term x."""
        result = (*self.rows, *self.sums)[i]
        if i >= len(self.rows):
            return f"{array} = {result.made('zeros')}", f"{array} += {x}", array
        if not self.going:
            return f"{array} = {result.made('empty', length)}", f"{array}[{t}] = {x}", array
        whole = f"np.array({array}, {_dtype(result.dtype)})"
        shape = ", ".join([f"len({array})", *map(str, result.shape)])
        return f"{array} = []", f"{array}.append({x})", f"{whole}.reshape(({shape}))" if result.shape else whole


@dataclass(frozen=True)
class Branch:
    """A function of a truth, and of what either of two programs needs; each gives the results that are `kept`."""

    bodies: tuple[Program, ...]
    given: tuple[str, ...]
    kept: tuple[int, ...]

    def with_bodies(self, bodies: Sequence[Program]) -> Branch:
        """The same branch of other programs."""
        return replace(self, bodies=tuple(bodies))

    @property
    def closed(self) -> list[str]:
        """What the bodies need of the program around them."""
        return list(self.bodies[0].inputs)[len(self.given) :]

    def finished(self, labels: Mapping[str, str]) -> Branch:
        """With the names that are known in the end."""
        return self.with_bodies([replace(body, labels=labels) for body in self.bodies])

    def returning(self, kept: Sequence[int]) -> Branch:
        """The same branch, which computes and returns no more than some of its results."""
        places = tuple(self.kept[i] for i in kept)
        results = [tuple(body.results[i] for i in kept) for body in self.bodies]
        pairs = zip(self.bodies, results, strict=True)
        return replace(self, kept=places, bodies=tuple(dead_code(replace(b, results=r)) for b, r in pairs))

    def text(self, title: str, written: Written) -> str:
        """The source of the function."""
        rows: list[str] = []
        parameters = ""
        for head, body in zip(("if {}:", "else:"), self.bodies, strict=True):
            named, above, inside = written(replace(body, inputs={"pred": None, **body.inputs}))
            parameters, pred = ", ".join(named.inputs), next(iter(named.inputs))
            back = ", ".join(named.results) + ("," if len(named.results) == 1 else "")
            rows += [head.format(pred), *("    " + row for row in (*above, *inside)), f"    return ({back})"]
        return "\n".join([f"def {title}({parameters}):", *("    " + row for row in rows)]) + "\n"


def may_refuse(routine: Loop | Branch) -> bool:
    """Whether it may come back with nothing, since a value is another than the one it was recorded on."""
    checks = [line.code for body in routine.bodies for line in body.lines if line.check]
    return any(isinstance(check, ast.If) and isinstance(check.body[0], ast.Return) for check in checks)


def _labelled(loop: Loop, labels: Mapping[str, str]) -> dict[str, str]:
    """The user's names, and names made of them: h and h_new for a state, hs for its rows."""
    found = dict(labels)
    names = loop.names
    for i, old in enumerate(loop.state):
        label = found.get(names[i]) or found.get(old)
        if label and names[i] not in loop.state:
            found[old], found[names[i]] = label, f"{label}_new"
    for x in loop.row:
        found.setdefault(f"xs_{x}", f"{found[x]}s" if x in found else "xs")
    for i in range(len(loop.state), len(names)):
        label = found.get(_plainly(names[i], loop.body), "").removesuffix("_new")
        if names[i] in loop.state and label:
            found[f"all_{i}"] = f"{label}_before"
        elif i < len(loop.state) + len(loop.rows):
            found[f"all_{i}"] = f"{label}s" if label else "ys"
        else:
            found[f"all_{i}"], found[names[i]] = label or "total", f"{label or 'total'}_t"
    return found


def _plainly(name: str, body: Program) -> str:
    """The variable that x[...] and x.copy() are an array of; a variable itself else."""
    codes = {line.name: line.code for line in body.lines}
    while True:
        code = codes.get(name)
        copied = isinstance(code, ast.Call) and isinstance(code.func, ast.Attribute) and code.func.attr == "copy"
        same = code.func if copied else code  # type: ignore[union-attr]
        whole = isinstance(same, ast.Subscript) and ast.unparse(same.slice) == "..."
        if not (copied or whole) or not isinstance(same.value, ast.Name):  # type: ignore[union-attr]
            return name
        name = same.value.id  # type: ignore[union-attr]


def trimmed(program: Program) -> Program:
    """Loops that compute and return what is used, the body of each simplified like the program."""
    program = _unused_results(program)
    for title in reversed(list(program.routines)):  # an inner loop stands before the outer one
        bodies = []
        for body in program.routines[title].bodies:
            simpler = _unused_results(applied(replace(body, routines=program.routines)))
            program = replace(program, routines=simpler.routines)
            bodies.append(replace(simpler, routines={}))
        program = replace(program, routines={**program.routines, title: program.routines[title].with_bodies(bodies)})
    return program


def _unused_results(program: Program) -> Program:
    called = {line.name: _called(line.code) for line in program.lines if line.name} if program.routines else {}
    called = {name: title for name, title in called.items() if title in program.routines}
    if not called:
        return program
    reading = [not called.keys().isdisjoint(used(line.code)) for line in program.lines]
    taken: dict[str, set[int]] = {name: set() for name in called}
    for line in compress(program.lines, reading):
        for name, i in _items(line.code):
            if name in taken:
                taken[name].add(i)
    kept = {name: sorted(numbers) for name, numbers in taken.items()}
    routines = {name: program.routines[called[name]].returning(kept[name]) for name in kept}
    routines = {**program.routines, **{called[name]: made for name, made in routines.items()}}
    renumbered = _Renumbered(kept).visit
    lines = [
        line.of(renumbered(copy.deepcopy(line.code))) if reads else line
        for line, reads in zip(program.lines, reading, strict=True)
    ]
    return program.with_lines(lines, routines=routines)


def _called(code: ast.AST) -> str:
    return code.func.id if isinstance(code, ast.Call) and isinstance(code.func, ast.Name) else ""


class _Renumbered(ast.NodeTransformer):
    """The items of a tuple by their places among those that are left."""

    def __init__(self, kept: Mapping[str, Sequence[int]]) -> None:
        self.kept = kept

    def generic_visit(self, node: ast.AST) -> ast.AST:
        node.__dict__.pop("as_text", None)  # what was noted of the expression as it was
        return super().generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        for name, i in _items(node):
            if name in self.kept and isinstance(node.value, ast.Name) and node.value.id == name:
                return ast.Subscript(node.value, ast.Constant(self.kept[name].index(i)), node.ctx)
        return self.generic_visit(node)


def _items(code: ast.AST) -> Iterable[tuple[str, int]]:
    for part in ast.walk(code):
        if isinstance(part, ast.Subscript) and isinstance(part.value, ast.Name):
            place = part.slice.value if isinstance(part.slice, ast.Constant) else None
            if isinstance(place, int):
                yield part.value.id, place
