"""Fusion: lines that do arithmetic on the same elements, one after another, as one loop over them (numba)."""

from __future__ import annotations

import ast
import hashlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from heapq import heapify, heappop, heappush
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np

from tinygraph.program.buffers import owners, values_of
from tinygraph.program.code import Line, Program, attribute, call, literal, name, substitute, used
from tinygraph.program.loops import Loop, Members, Step, Values, extents, loop, step_of, sum_of
from tinygraph.program.nest import above

SHORTEST = 2  # operations that are worth a loop of their own
Group = tuple[Members, list[str]]  # the steps of a loop, and the results that it gives


def fused(program: Program) -> tuple[Program, dict[str, Loop]]:
    """The program with loops in place of chains of arithmetic and their sums, and these loops by their names.

    A loop is the call `loop_1(x, y, out)`; the arrays that it fills are made before it by `np.empty`, but for inputs
    that it updates in place.
    """
    if program.unstable:
        return program, {}
    values = values_of(program)
    steps = _steps(program, values)
    groups = [m for g in _groups(program, steps, values) if len(m := _whole(g, steps, values)) >= SHORTEST]
    group_of = {line.name: i for i, g in enumerate(groups) for line, _ in g}
    read = set(program.wanted)
    for line in program.lines:
        read.update(n for n in used(line.code) if line.name not in group_of or group_of[line.name] != group_of.get(n))
    parts: list[list[Line]] = [[line] for line in program.lines if line.name not in group_of]
    loops: dict[str, Loop] = {}
    made: dict[str, Group] = {}
    for group in groups:
        filled = [line for line, _ in group if line.name in read]
        title = f"loop_{len(loops) + 1}"
        made[title] = group, [line.name or "" for line in filled]
        loops[title] = loop(*made[title], values)
        parts.append(_calls(title, loops[title].args, filled, values))
    return _updating(program.with_lines(_ordered(parts, program)), program, loops, made), loops


def _steps(program: Program, values: Values) -> dict[str | None, Step]:
    """What loops can do: arithmetic, and sums of what it gives."""
    lines = [line for line in program.lines if line.name and line.block != "constants"]
    steps: dict[str | None, Step] = {line.name: step for line in lines if (step := step_of(line, values))}
    sums = {line.name: step for line in lines if (step := sum_of(line, values)) and step.operands[0].id in steps}  # type: ignore[attr-defined]
    return steps | sums


def _whole(group: Sequence[Line], steps: Mapping[str | None, Step], values: Values) -> Members:
    """The lines of a loop with their steps; without sums of all elements where it goes row by row."""
    members = [(line, steps[line.name]) for line in group]
    flat = all(e in ("ij", "0") for e in extents(members, values).values())
    return members if flat else [(line, step) for line, step in members if step.over != "0"]


def _calls(title: str, args: Sequence[str], made: Sequence[Line], values: Values) -> list[Line]:
    """The arrays that a loop fills, and its call. A number that it gives is taken out of an array."""
    empty, numbers, inside = [], [], {}
    for line in made:
        array = line
        if not isinstance(line.value, np.ndarray):
            array = line._replace(name=f"{line.name}_{title}", value=np.asarray(line.value))
            inside[line.name] = array.name or ""
            numbers.append(line.of(ast.Subscript(name(array.name or ""), ast.Tuple([], ast.Load()), ast.Load())))
        described = [literal(array.value.shape, name), literal(array.value.dtype, name)]
        empty.append(array.of(call(attribute(name("np"), "empty"), described, {})))
    run = call(name(title), [name(inside.get(x, x)) for x in args], {})
    return [*empty, Line(None, ast.Expr(run), made[-1].value, made[-1].where, made[-1].block), *numbers]


def _updating(program: Program, before: Program, loops: dict[str, Loop], groups: Mapping[str, Group]) -> Program:
    """Loops that update inputs in place: a new value takes the old one's place, element by element."""
    values, owner, lines = values_of(before) | values_of(program), owners(program), list(program.lines)
    titles = {i: title for i, line in enumerate(lines) for title in used(line.code) if title in loops}
    last = max((i for i, line in enumerate(lines) if line.check), default=-1)
    moved: dict[str, str] = {}
    for at, title in titles.items():
        members, made = groups[title]
        known = extents(members, values)
        news = {new: old for old, new in program.writes.items() if at > last and new in made and known.get(old) == "ij"}
        news = {new: old for new, old in news.items() if _is_over(program, at, new, old, values, owner)}
        if news:
            call: Any = lines[at].code
            arrays = dict(zip(loops[title].args, call.value.args, strict=True))
            loops[title] = loop(members, made, values, news)
            run = ast.Call(call.value.func, [arrays[x] for x in loops[title].args], [])
            lines[at] = lines[at].of(ast.Expr(run))
            moved |= news
    by = {new: name(old) for new, old in moved.items()}
    roots = {owner[old] for old in moved.values()}
    kept = [line.of(substitute(line.code, by)) for line in lines if line.name not in moved]
    writes = {old: moved.get(new, new) for old, new in program.writes.items()}
    unstable = program.unstable | {n for n, root in owner.items() if root in roots}
    return program.with_lines(kept, writes=writes, unstable=unstable)


def _is_over(program: Program, at: int, new: str, old: str, values: Values, owner: Mapping[str, str]) -> bool:
    """Whether an input is read in a loop for the last time, by its own name or through a view of its memory."""
    array, root = values[old], owner[old]
    mine = {n for n, of in owner.items() if of == root and np.may_share_memory(values[n], array)}
    wanted = [*program.results, *(n for pair in program.writes.items() for n in pair)]
    alike = (array.shape, array.dtype) == (values[new].shape, values[new].dtype)
    if not alike or wanted.count(new) > 1 or any(n in mine for n in wanted if n != old):
        return False
    if mine.intersection(used(program.lines[at].code)) != {old}:
        return False
    reads = [line for line in program.lines[at + 1 :] if not mine.isdisjoint(used(line.code))]
    return all(owner.get(line.name or "") == root and line.name not in mine for line in reads)  # another part of it


def _groups(program: Program, steps: Mapping[str | None, Step], values: Values) -> list[list[Line]]:
    """Lines that may become one loop: of one shape, connected, and with nothing between them that is no loop."""
    stage = _stages(program, steps, values)
    parent: dict[str, str] = {}

    def root(x: str) -> str:
        while parent[x] != x:
            parent[x] = parent[parent[x]]
            x = parent[x]
        return x

    for line in program.lines:
        if line.name is not None and line.name in steps:
            parent[line.name] = line.name
            for n in used(line.code):
                if n in parent and stage[n] == stage[line.name] and _together(n, line, steps, values):
                    parent[root(n)] = line.name
    found: dict[str, list[Line]] = {}
    for line in program.lines:
        if line.name in parent:
            found.setdefault(root(line.name), []).append(line)
    return list(found.values())


def _stages(program: Program, steps: Mapping[str | None, Step], values: Values) -> dict[str, int]:
    """A number for each variable, which grows along each dependence except within a loop.

    So no path leaves the lines of one stage and comes back. A line that can wait for those that use it does.
    """
    stage: dict[str, int] = dict.fromkeys([*program.inputs, *program.constants], 0)
    users: dict[str, list[tuple[int, bool]]] = {}

    def apart(n: str, line: Line) -> bool:
        """Whether a loop ends between a variable and a line that reads it."""
        return (n in steps or line.name in steps) and not _together(n, line, steps, values)

    for line in program.lines:
        level = max((stage[n] + apart(n, line) for n in used(line.code) if n in stage), default=0)
        if line.name is not None:
            stage[line.name] = level
    for line in reversed(program.lines):
        level = 0 if line.name is None else stage[line.name]
        of = users.get(line.name or "", [])
        latest = min((s - gap for s, gap in of), default=level)
        if line.name in steps and latest > level and any(s == latest and not gap for s, gap in of):
            level = stage[line.name or ""] = latest
        for n in used(line.code):
            if n in stage:
                users.setdefault(n, []).append((level, apart(n, line)))
    return stage


def _together(n: str, line: Line, steps: Mapping[str | None, Step], values: Values) -> bool:
    """Whether one loop may make a variable and what a line makes of it."""
    if n not in steps or steps[n].over or line.name not in steps:
        return False
    return bool(steps[line.name].over) or values[n].shape == line.value.shape


def _ordered(parts: Sequence[Sequence[Line]], program: Program) -> list[Line]:
    """Lines in an order in which each comes after what it reads, as near to the recorded order as that allows."""
    place: dict[str | None, int] = {line.name: i for i, line in enumerate(program.lines) if line.name}
    numbers = {id(line): i for i, line in enumerate(program.lines)}
    rank = [max(numbers.get(id(line), place.get(line.name, -1)) for line in part) for part in parts]
    maker = {line.name: i for i, part in enumerate(parts) for line in part if line.name}
    needs = [{maker[n] for line in part for n in used(line.code) if n in maker} - {i} for i, part in enumerate(parts)]
    users: dict[int, list[int]] = {}
    for i, of in enumerate(needs):
        for n in of:
            users.setdefault(n, []).append(i)
    ready = [(rank[i], i) for i, of in enumerate(needs) if not of]
    heapify(ready)
    lines: list[Line] = []
    while ready:
        _, i = heappop(ready)
        lines += parts[i]
        for user in users.get(i, ()):
            needs[user].discard(i)
            if not needs[user]:
                heappush(ready, (rank[user], user))
    return lines


# --- compiled, and kept on disk


def folder() -> Path:
    """Where compiled loops are kept: `TINYGRAPH_CACHE`, or the user's folder for such files."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(os.environ.get("TINYGRAPH_CACHE") or os.path.join(base, "tinygraph")) / "loops"


def jitted(loops: Mapping[str, Loop]) -> dict[str, Callable[..., Any]]:
    """The loops, compiled by numba when they are first called, and found on disk from then on."""
    return {title: _kept(loop) for title, loop in loops.items()}


def _kept(loop: Loop) -> Callable[..., Any]:
    text = f"{above([loop.source], ', cache=True')}\n\n{loop.source}"
    path = folder() / f"loop_{hashlib.sha256(text.encode()).hexdigest()[:16]}.py"
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            draft = path.with_suffix(f".{os.getpid()}")  # another process may write the same one
            draft.write_text(text)
            draft.replace(path)
    except OSError:  # nowhere to write: compiled anew in each process
        space: dict[str, Any] = {}
        exec(f"{above([loop.source])}\n\n{loop.source}", space)  # noqa: S102  our own source
        return space["loop"]  # type: ignore[no-any-return]
    spec = spec_from_file_location(f"tinygraph_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"compile: {path} cannot be imported")
    module = sys.modules.get(spec.name)
    if module is None:
        module = sys.modules[spec.name] = module_from_spec(spec)  # numba looks for it there
        spec.loader.exec_module(module)
    return module.loop  # type: ignore[no-any-return]
