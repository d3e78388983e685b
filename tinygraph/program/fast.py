"""The fast rendering of a program: every array that NumPy can fill has its place in one memory, made once."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Callable, Collection, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tinygraph.program.buffers import Plan, compact, owners, plan, values_of
from tinygraph.program.code import SPECIAL, Line, Program, literal, name, used
from tinygraph.program.fuse import fused, jitted
from tinygraph.program.into import into, joined, shortened
from tinygraph.program.loops import Loop
from tinygraph.program.masks import unmixed
from tinygraph.program.nest import above
from tinygraph.program.notation import text_of
from tinygraph.program.numbers import Numbers
from tinygraph.program.passes import folded
from tinygraph.program.scans import whole
from tinygraph.program.source import named, routines, written
from tinygraph.program.updates import updated

_OF_NUMPY = re.compile(r"\bnp\.(\w+)")


@dataclass(frozen=True)
class Fast:
    """A program whose lines fill buffers: where these lie, and which views of them are made beforehand."""

    program: Program
    values: Mapping[str, Any]
    plan: Plan
    views: tuple[Line, ...]
    numbers: tuple[Line, ...]  # the places of those that each run computes
    fresh: tuple[Line, ...]  # whose arrays are made anew on each call
    loops: Mapping[str, Loop]
    title: str

    def text(self) -> str:
        """The source: the memory, the arrays in it, and the function that runs in them."""
        before = [line for line in self.program.lines if line.block == "constants"]
        called = routines(self.program)
        scipy = any("scipy" in used(line.code) for line in self.program.lines) or "scipy." in called
        head = ["import numpy as np", *([f"import {SPECIAL}"] if scipy else []), "", *called.splitlines()]
        if self.loops:
            head += [*above([loop.source for loop in self.loops.values()]).splitlines(), ""]
            head += [f"\n{loop.named(own)}" for own, loop in self.loops.items()]
        head += ["# constants", *map(written, before), ""] if before else []
        places: dict[str, str] = {}  # arrays that are alike, one after another in one place, are one
        for n, at in self.plan.offsets.items():
            place = _place(self.values[n], at)
            places[place] = f"{places.get(place, '')}{n} = "
        memory = [f"memory = np.empty({self.plan.size}, np.uint8)"] * bool(places)
        memory += [names + place for place, names in places.items()]
        memory += map(written, (*self.views, *self.numbers))
        head += ["# memory", *memory, ""] if memory else []
        given = ", ".join([*self.program.inputs, *self.program.constants])
        body, ufuncs = _by_name(
            self._body(), {self.title, *self.values, *self.program.routines, *self.loops, *dir(builtins)}
        )
        head[1:1] = [f"from numpy import {', '.join(ufuncs)}"] if ufuncs else []
        body = ["    " + row if row else "" for row in body]
        return "\n".join([*head, "", f"def {self.title}({given}):", *body]) + "\n"

    def _body(self) -> list[str]:
        rows: list[str] = []
        block = ""
        for line in self.program.lines:
            if line.block == "constants":
                continue
            if line.block != block:
                rows += [*([""] if rows else []), f"# {line.block}"]
                block = line.block
            rows += _row(line).splitlines()
        results = ", ".join(self.program.results) + ("," if len(self.program.results) == 1 else "")
        return [*rows, *([""] if rows else []), f"return ({results})" if results else "return ()"]


def _by_name(rows: list[str], taken: Collection[str]) -> tuple[list[str], list[str]]:
    """Rows with `add(x, y)` for `np.add(x, y)`, a look into NumPy's module less, and the names of these ufuncs."""
    found = {n for row in rows for n in _OF_NUMPY.findall(row)}
    ufuncs = {n for n in found.difference(taken) if isinstance(getattr(np, n, None), np.ufunc)}
    changed = []
    for row in rows:
        code, hash_, comment = row.partition("  # (")
        shorter = _OF_NUMPY.sub(lambda m: m[1] if m[1] in ufuncs else m[0], code)
        changed.append(f"{shorter:<{len(code)}}{hash_}{comment}" if hash_ else shorter)
    return changed, sorted(ufuncs)


def _place(value: np.ndarray[Any, Any], at: int) -> str:
    strides = "" if value.flags.c_contiguous else f", {value.strides}"
    return f"np.ndarray({value.shape}, {text_of(literal(value.dtype, name))}, memory, {at}{strides})"


def _row(line: Line) -> str:
    if not isinstance(line.code, ast.Expr) or line.value is None:
        return written(line)
    return f"{text_of(line.code):<60}  # {line.value.shape}  {line.where}".rstrip()


def fast(
    program: Program, lent: bool = False, jit: bool = False, reorder: bool = False, title: str = "program"
) -> Fast:
    """The fast rendering of a program, whose results are the caller's own, or `lent`: overwritten by the next call.

    `title` is the name of its function, which no array beside it may have. With `jit`, chains of arithmetic are loops
    for numba; with `reorder` too, so are scans as they are.
    """
    program = named(program, ["memory", title])
    program, loops = fused(program) if jit else (program, {})
    program, scans = whole(program) if jit and reorder else (program, {})
    program = unmixed(_steady(updated(program), loops.keys()))
    values, owner = values_of(program), owners(program)
    own = [] if lent else [owner[r] for r in program.results if r in owner]
    lines: list[Line] = []
    buffers: dict[str, bool] = {}
    for line in program.lines:
        if line.name not in own and line.block != "constants" and (parts := joined(line, values)):
            buffers[line.name or ""] = False
            values |= {part.name: part.value for part in parts if part.name}
            owner |= {part.name: owner[line.name or ""] for part in parts if part.name}
            lines += parts
            continue
        made = _filled(line, owner, values) if line.name not in own else None
        if made is None:
            lines.append(line)
        else:
            buffers[line.name or ""] = made.elementwise
            lines += [Line(None, s, line.value, line.where, line.block) for s in made.statements]
    views, lines = _apart(lines, owner, buffers)
    kept = {*buffers, *(line.name for line in views if line.name)}
    lines = [_in_place(line, kept, values) for line in lines]
    short = [line.of(shortened(line, values)) for line in lines]
    numbers = Numbers(values)
    short = [each for line in short for each in numbers.placed(line)]
    program = folded(program.with_lines([*numbers.fixed.values(), *short]), kept)
    inside = [line for line in program.lines if line.block != "constants"]
    planned = plan(inside, owner, values, buffers, [r for r in program.results if r in owner] if lent else ())
    fresh = [line for line in inside if line.name and owner.get(line.name) == line.name]
    return Fast(program, values, planned, tuple(views), tuple(numbers.places), tuple(fresh), loops | scans, title)


def _steady(program: Program, loops: AbstractSet[str]) -> Program:
    """The program, in which nothing that looks into the memory of an updated input may be moved past the update."""
    owner = owners(program)
    writing = [line.code for line in program.lines if line.name is None and not line.check]
    statements = [code for code in writing if loops.isdisjoint(used(code))]
    roots = {owner[n] for code in statements for n in used(code) if n in owner}
    return replace(program, unstable=program.unstable | {n for n, root in owner.items() if root in roots})


def _filled(line: Line, owner: Any, values: Any) -> Any:
    """The statements that fill the array of a line, if it can have a place."""
    own = line.name is not None and owner.get(line.name) == line.name and line.block != "constants"
    if not own or not compact(line.value) or line.name is None:
        return None
    return into(line.code, line.name, values)


def _apart(lines: list[Line], owner: Any, buffers: Collection[str]) -> tuple[list[Line], list[Line]]:
    """Views of buffers, which are the same on each call; and the other lines."""
    known = {"np", *buffers, *(line.name for line in lines if line.block == "constants")}
    views, others = [], []
    for line in lines:
        if line.name and owner.get(line.name) in buffers and known.issuperset(used(line.code)):
            known.add(line.name)
            views.append(line)
        else:
            others.append(line)
    return views, others


def _in_place(line: Line, buffers: Collection[str], values: Any) -> Line:
    """`x += y` as np.add(x, y, out=x): to assign to x would make it a variable of the function."""
    code = line.code
    if not isinstance(code, ast.AugAssign) or not isinstance(code.target, ast.Name) or code.target.id not in buffers:
        return line
    x = code.target.id
    made = into(ast.BinOp(name(x), code.op, code.value), x, values)
    return line if made is None else Line(None, made.statements[0], values[x], line.where, line.block)


def workspaces(rendered: Fast, lent: bool = False) -> Callable[[], Callable[..., Any]]:
    """The function that makes a memory and the program in it, which may be given what it has lent before."""
    loops = jitted(rendered.loops)
    source = replace(rendered, loops={}).text()  # these are compiled already
    code = compile(source, "<fast>", "exec")

    def made() -> Callable[..., Any]:
        space: dict[str, Any] = dict(loops)
        exec(code, space)  # noqa: S102  what is printed is what is run
        run = space.pop("program")  # no circle: the memory goes with it
        return _given_back(run, space["memory"]) if lent and "memory" in space else run

    return made


def _given_back(run: Callable[..., Any], memory: Any) -> Callable[..., Any]:
    """The program, given copies of those arrays that lie in its own memory."""

    def apart(*given: Any) -> Any:
        if any(getattr(x, "base", None) is memory for x in given):
            given = tuple(x.copy("K") if getattr(x, "base", None) is memory else x for x in given)
        return run(*given)

    return apart
