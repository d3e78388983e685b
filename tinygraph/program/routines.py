"""Loops of a program: functions that stand above it in its source, with a real `for` or `while`."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tinygraph.program.code import Line, Program, used
from tinygraph.program.passes import applied, dead_code

Written = Callable[[Program], tuple[Program, list[str], list[str]]]  # renamed, with the rows before and within


@dataclass(frozen=True)
class Result:
    """What one step gives: the variable, and the array that it becomes a part of."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def made(self, by: str, *length: str) -> str:
        """An array of this kind: `np.zeros((n, 3))`."""
        shape = ", ".join([*length, *map(str, self.shape)])
        dtype = "" if self.dtype == np.float64 else f", {_dtype(self.dtype)}"
        return f"np.{by}(({shape}{',' if len(self.shape) + len(length) == 1 else ''}){dtype})"


def _dtype(dtype: np.dtype[Any]) -> str:
    return "bool" if dtype == bool else f"np.{dtype.name}"


@dataclass(frozen=True)
class Loop:
    """A function of states, of arrays whose rows are gone through, and of what else its body needs.

    `body` is a program of the state, a row and the rest; it gives the new states, rows of results, and terms of sums.
    """

    body: Program
    state: tuple[str, ...]
    row: tuple[str, ...]
    new: tuple[str, ...]
    rows: tuple[Result, ...]
    sums: tuple[Result, ...]
    length: int | None
    reverse: bool
    going: bool  # whether it ends when the body says so
    kept: tuple[int, ...]  # the results that it returns

    def finished(self, labels: Mapping[str, str]) -> Loop:
        """With the names that are known in the end, and the body simplified."""
        return replace(self, body=applied(replace(self.body, labels=_labelled(self, labels))))

    def returning(self, kept: Sequence[int]) -> Loop:
        """The same loop, which computes and returns no more than some of its results."""
        kept = tuple(self.kept[i] for i in kept)
        n, m = len(self.new), len(self.rows)
        needed = [*self.new]
        needed += [r.name for i, r in enumerate((*self.rows, *self.sums)) if n + i in kept]
        return replace(self, kept=kept, body=dead_code(replace(self.body, results=tuple(needed))))

    def text(self, title: str, written: Written) -> str:
        """The source of the function."""
        n, m = len(self.new), len(self.rows)
        arrays = {f"xs_{x}": None for x in self.row}
        buffers = {f"all_{i}": None for i, _ in enumerate((*self.rows, *self.sums)) if n + i in self.kept}
        named, above, inside = written(replace(self.body, inputs={**self.body.inputs, **arrays, **buffers, "t": None}))
        final = dict(zip([*self.body.inputs, *arrays, *buffers, "t"], named.inputs, strict=True))
        final |= dict(zip(self.body.results, named.results, strict=True))
        rest = [final[x] for x in self.body.inputs if x not in (*self.state, *self.row)]
        given = [*(final[x] for x in self.state), *(final[x] for x in arrays), *rest]
        t, length = final["t"], str(self.length)
        if self.length is None and self.row:
            length = f"len({final[next(iter(arrays))]})"
        before, after, ends = [], [], {i: final[x] for i, x in enumerate(self.state)}
        for i, result in enumerate((*self.rows, *self.sums)):
            if n + i not in self.kept:
                continue
            buffer, x = final[f"all_{i}"], final[result.name]
            ends[n + i] = buffer
            if i >= m:
                before.append(f"{buffer} = {result.made('zeros')}")
                after.append(f"{buffer} += {x}")
            elif self.going:
                before.append(f"{buffer} = []")
                after.append(f"{buffer}.append({x})")
                whole = f"np.array({buffer}, {_dtype(result.dtype)})"
                shape = ", ".join([f"len({buffer})", *map(str, result.shape)])
                ends[n + i] = f"{whole}.reshape(({shape}))" if result.shape else whole
            else:
                before.append(f"{buffer} = {result.made('empty', length)}")
                after.append(f"{buffer}[{t}] = {x}")
        turns = f"range({length})"
        head = "while True:" if self.going else f"for {t} in {f'reversed({turns})' if self.reverse else turns}:"
        takes = [f"{final[x]} = {final[f'xs_{x}']}[{t}]" for x in self.row]
        moves = [(final[old], final[new]) for old, new in zip(self.state, self.new, strict=True)]
        moves = [(old, new) for old, new in moves if old != new]
        if moves:
            after.append(" = ".join(", ".join(side) for side in zip(*moves, strict=True)))
        within = [*takes, *inside, *after] or ["pass"]
        back = ", ".join(ends[i] for i in self.kept) + ("," if len(self.kept) == 1 else "")
        body = [*above, *before, head, *("    " + r if r else "" for r in within), f"return ({back})"]
        return "\n".join([f"def {title}({', '.join(given)}):", *("    " + r if r else "" for r in body)]) + "\n"


def _labelled(loop: Loop, labels: Mapping[str, str]) -> dict[str, str]:
    """The user's names, and names made of them: h and h_new for a state, hs for its rows."""
    found = dict(labels)
    for old, new in zip(loop.state, loop.new, strict=True):
        label = found.get(new) or found.get(old)
        if label and old != new:
            found[old] = label
            if new not in loop.state:
                found[new] = f"{label}_new"
    for x in loop.row:
        found.setdefault(f"xs_{x}", f"{found[x]}s" if x in found else "xs")
    for i, result in enumerate((*loop.rows, *loop.sums)):
        label = found.get(result.name, "").removesuffix("_new")
        if i < len(loop.rows):
            found[f"all_{i}"] = f"{label}s" if label else "ys"
        else:
            found[f"all_{i}"] = label or "total"
            found[result.name] = f"{label or 'total'}_t"
    return found


def unused_results(program: Program) -> Program:
    """Let loops return what is used, and compute no more than that."""
    calls = {line.name: line.code.func.id for line in program.lines if line.name and _is_call(line.code, program)}  # type: ignore[attr-defined]
    taken: dict[str, set[int]] = {name: set() for name in calls}
    for line in program.lines:
        for name, i in _items(line.code):
            if name in taken:
                taken[name].add(i)
    routines = dict(program.routines)
    numbers: dict[str, dict[int, int]] = {}
    for name, called in calls.items():
        kept = sorted(taken[name])
        routines[called] = routines[called].returning(kept)
        numbers[name] = {old: new for new, old in enumerate(kept)}
    lines = [replace(line, code=_Renumbered(numbers).visit(line.code)) for line in program.lines] if calls else None
    return program.with_lines(lines, routines=routines) if lines else program


def _is_call(code: ast.AST, program: Program) -> bool:
    return isinstance(code, ast.Call) and isinstance(code.func, ast.Name) and code.func.id in program.routines


def _items(code: ast.AST) -> Iterable[tuple[str, int]]:
    for part in ast.walk(code):
        if isinstance(part, ast.Subscript) and isinstance(part.value, ast.Name) and isinstance(part.slice, ast.Constant):
            if isinstance(part.slice.value, int):
                yield part.value.id, part.slice.value
