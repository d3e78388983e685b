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

from tinygraph.program.buffers import values_of
from tinygraph.program.code import Line, Program, attribute, call, literal, name, used
from tinygraph.program.loops import HEAD, JIT, Loop, Step, loop, step_of

SHORTEST = 2  # operations that are worth a loop of their own


def fused(program: Program) -> tuple[Program, dict[str, Loop]]:
    """The program with loops in place of chains of arithmetic, and these loops by their names.

    A loop is the call `loop_1(x, y, out)`; the arrays that it fills are made before it by `np.empty`.
    """
    if program.unstable:
        return program, {}
    values = values_of(program)
    steps: dict[str | None, Step] = {x.name: s for x in program.lines if x.name and (s := _step(x, values))}
    groups = [g for g in _groups(program, steps, values) if len(g) >= SHORTEST]
    group_of = {line.name: i for i, g in enumerate(groups) for line in g}
    read = set(program.wanted)
    for line in program.lines:
        read.update(n for n in used(line.code) if line.name not in group_of or group_of[line.name] != group_of.get(n))
    parts: list[list[Line]] = [[line] for line in program.lines if line.name not in group_of]
    loops: dict[str, Loop] = {}
    for group in groups:
        made = [line for line in group if line.name in read]
        title = f"loop_{len(loops) + 1}"
        loops[title] = loop([(line, steps[line.name]) for line in group], values, [line.name or "" for line in made])
        parts.append(_calls(title, loops[title].args, made, group[-1]))
    return program.with_lines(_ordered(parts, program)), loops


def _step(line: Line, values: Mapping[str, Any]) -> Step | None:
    return None if line.block == "constants" else step_of(line, values)


def _calls(title: str, args: Sequence[str], made: Sequence[Line], last: Line) -> list[Line]:
    """The arrays that a loop fills, and its call."""
    empty = []
    for line in made:
        described = [literal(line.value.shape, name), literal(line.value.dtype, name)]
        empty.append(line.of(call(attribute(name("np"), "empty"), described, {})))
    run = call(name(title), [name(x) for x in args], {})
    return [*empty, Line(None, ast.Expr(run), last.value, last.where, last.block)]


def _groups(program: Program, steps: Mapping[str | None, Step], values: Mapping[str, Any]) -> list[list[Line]]:
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
                if n in parent and stage[n] == stage[line.name] and values[n].shape == line.value.shape:
                    parent[root(n)] = line.name
    found: dict[str, list[Line]] = {}
    for line in program.lines:
        if line.name in parent:
            found.setdefault(root(line.name), []).append(line)
    return list(found.values())


def _stages(program: Program, steps: Mapping[str | None, Step], values: Mapping[str, Any]) -> dict[str, int]:
    """A number for each variable, which grows along each dependence except within a loop.

    So no path leaves the lines of one stage and comes back. A line that can wait for those that use it does.
    """
    stage: dict[str, int] = dict.fromkeys([*program.inputs, *program.constants], 0)
    users: dict[str, list[tuple[int, bool]]] = {}

    def apart(n: str, line: Line) -> bool:
        """Whether a loop ends between a variable and a line that reads it."""
        both = n in steps and line.name in steps and values[n].shape == line.value.shape
        return not both and (n in steps or line.name in steps)

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
    return {title: _kept(loop.source) for title, loop in loops.items()}


def _kept(source: str) -> Callable[..., Any]:
    text = f"{HEAD}\n\n{JIT.format(', cache=True')}\n{source}"
    path = folder() / f"loop_{hashlib.sha256(text.encode()).hexdigest()[:16]}.py"
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            draft = path.with_suffix(f".{os.getpid()}")  # another process may write the same one
            draft.write_text(text)
            draft.replace(path)
    except OSError:  # nowhere to write: compiled anew in each process
        space: dict[str, Any] = {}
        exec(f"{HEAD}\n\n{JIT.format('')}\n{source}", space)  # noqa: S102  our own source
        return space["loop"]  # type: ignore[no-any-return]
    spec = spec_from_file_location(f"tinygraph_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"compile: {path} cannot be imported")
    module = sys.modules.get(spec.name)
    if module is None:
        module = sys.modules[spec.name] = module_from_spec(spec)  # numba looks for it there
        spec.loader.exec_module(module)
    return module.loop  # type: ignore[no-any-return]
