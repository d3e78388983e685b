"""A compiled program as a picture: a box for each of its lines, and what has become of those that were recorded."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from tinygraph.program.code import Line as Code
from tinygraph.program.code import Program, name, substitute, used
from tinygraph.program.compiled import Compiled
from tinygraph.program.passes import EXACT
from tinygraph.program.recording import Recording
from tinygraph.program.source import named
from tinygraph.render import colour, text
from tinygraph.render.boxes import LONGEST_LINE, directed
from tinygraph.render.diff import ADDED, CHANGED, REMOVED, SAME, SIGNS
from tinygraph.render.drawing import Arrow, Box, Drawing, Line

KINDS = {"backward": colour.DERIVATIVE}
WHY = {
    "constants": "computed once, before",
    "exact_algebra": "changes nothing",
    "plain_numbers": "a number in place of an array",
    "common_subexpressions": "written twice",
    "copies": "need not be copied",
    "dead_code": "no result needs it",
}


def last(compiled: Compiled, inputs: Any, max_nodes: int) -> Recording:
    """What a compiled function recorded last, or records on these inputs.

    Raises:
        ValueError: it has no program, or one of more lines than a picture holds.
    """
    if isinstance(inputs, Mapping):
        compiled(**{k: _array(x) for k, x in inputs.items()})
    elif len(inputs):
        compiled(*map(_array, inputs))
    found = compiled._last()
    if found.recorded is not None and not found.recorded.lines:
        raise ValueError("render: the program has no lines: it was recorded on plain numbers; give arrays in inputs=")
    if found.recorded is None or found.program is None or len(found.recorded.lines) > max_nodes:
        lines = 0 if found.recorded is None else len(found.recorded.lines)
        raise ValueError(f"render: the program has {lines:,} lines and a picture holds {max_nodes:,}; raise max_nodes")
    return found


def _array(x: Any) -> Any:
    return np.asarray(x) if type(x) in (float, complex) else x


def draw(program: Program, title: str = "", rankdir: str | None = None) -> tuple[Drawing, dict[str, Any]]:
    """The drawing of a program, with the derivatives in a group of their own, and its nodes and edges as JSON."""
    return _Picture(program, program, {}).draw(title, "", rankdir)


def compare(recorded: Program, title: str = "", rankdir: str | None = None) -> tuple[Drawing, dict[str, Any]]:
    """The drawing of a recorded program in which is marked what the passes leave out and write otherwise, and why."""
    program, why = recorded, dict[str, str]()
    names = _names(recorded)
    for change in EXACT:
        before = _codes(program, names)
        program = change(program)
        after = _codes(program, names)
        why |= {key: WHY[change.__name__] for key, code in before.items() if after.get(key) != code}
    said = f"{len(recorded.lines)} operations were recorded, {len(program.lines)} are left"
    return _Picture(recorded, program, why).draw(title, said, rankdir)


def _names(program: Program) -> dict[str, str]:
    """What the variables of a program are called in its source."""
    known = named(program)
    pairs = [(line.name, other.name) for line, other in zip(program.lines, known.lines, strict=True)]
    pairs += [*zip(program.inputs, known.inputs, strict=True), *zip(program.constants, known.constants, strict=True)]
    return {old: new for old, new in pairs if old and new}


def _codes(program: Program, names: dict[str, str]) -> dict[str, str]:
    """The expression of each line, by its variable's name, or by itself where it is a statement."""
    by = {old: name(new) for old, new in names.items()}
    found = {}
    for line in program.lines:
        code = ast.unparse(substitute(line.code, by)).replace("\n    ", " ")
        found[names.get(line.name, line.name) if line.name else code] = code
    return found


class _Picture:
    """Draws `program`, and beside it what `recorded` has more; `why` says what became of a line."""

    def __init__(self, recorded: Program, program: Program, why: dict[str, str]) -> None:
        self.recorded, self.program, self.why = recorded, program, why
        self.names = _names(recorded)
        self.before, self.after = _codes(recorded, self.names), _codes(program, self.names)
        self.lines: dict[str, Code] = dict(zip(self.before, recorded.lines, strict=False))
        self.lines |= dict(zip(self.after, program.lines, strict=False))
        self.given = {self.names[k]: v for k, v in {**recorded.inputs, **recorded.constants}.items()}
        self.keys = {of: f"n{i}" for i, of in enumerate([*self.given, *self.lines])}

    def draw(self, title: str, said: str, rankdir: str | None) -> tuple[Drawing, dict[str, Any]]:
        boxes = [*self._boxes()]
        before, after = set(self._edges(self.recorded)), [*dict.fromkeys(self._edges(self.program))]
        arrows = [Arrow(*self._ends(edge), mark=SAME if edge in before else ADDED) for edge in after]
        gone = sorted(before - set(after), key=lambda edge: [int(key[1:]) for key in self._ends(edge)])
        arrows += [Arrow(*self._ends(edge), mark=REMOVED) for edge in gone]
        outline = [said, *(box.whole for box in boxes if box.mark or not said)]
        drawing = Drawing(tuple(boxes), tuple(arrows), title, "\n".join(filter(None, outline)))
        return directed(drawing, rankdir), self._data(boxes, arrows)

    def _boxes(self) -> Iterator[Box]:
        used_ = {end for program in (self.recorded, self.program) for edge in self._edges(program) for end in edge}
        grouped = any(line.block == "backward" for line in self.lines.values())
        inputs = {self.names[k] for k in self.recorded.inputs}
        for of, value in self.given.items():
            if of in used_:
                kind = colour.PARAMETER if of in inputs else colour.DATA
                yield Box(self.keys[of], (Line(of, "name", of), *_shape(value)), kind, of)
        results = {self.names.get(r, r) for r in self.program.results}
        for of, line in self.lines.items():
            mark = self._mark(of)
            code = self.before[of] if mark == REMOVED else self.after[of]
            shown = code if text.ems(code) <= LONGEST_LINE else f"{code[:40]}{text.HIDDEN}"
            heading = SIGNS[mark] + (f"{of} = {shown}" if line.name else shown)
            rows = [Line(heading, "name", SIGNS[mark] + of if line.name else ""), *_shape(line.value)]
            rows += [Line(f"was {self.before[of]}", "quiet")] if mark == CHANGED else []
            rows += [Line(self.why[of], "quiet")] if mark == REMOVED and of in self.why else []
            kind = colour.OUTPUT if of in results else KINDS.get(line.block, colour.OPERATION)
            group = ("backward" if line.block == "backward" else "forward") if grouped else ""
            whole = " ".join([heading, *(row.text for row in rows[1:]), line.where]).strip()
            yield Box(self.keys[of], tuple(rows), kind, whole, mark, group)

    def _mark(self, of: str) -> str:
        if of not in self.after:
            return REMOVED
        if of not in self.before:
            return ADDED
        return SAME if self.before[of] == self.after[of] else CHANGED

    def _edges(self, program: Program) -> Iterator[tuple[str, str]]:
        """From each variable to the line that reads it."""
        for of, line in zip(_codes(program, self.names), program.lines, strict=False):
            for read in dict.fromkeys(used(line.code)):
                if self.names.get(read, read) in self.keys:
                    yield self.names.get(read, read), of

    def _ends(self, edge: tuple[str, str]) -> tuple[str, str]:
        return self.keys[edge[0]], self.keys[edge[1]]

    def _data(self, boxes: list[Box], arrows: list[Arrow]) -> dict[str, Any]:
        called = {key: of for of, key in self.keys.items()}
        nodes = []
        for box in boxes:
            of = called[box.key]
            value = self.given[of] if of in self.given else self.lines[of].value
            nodes.append(
                {
                    "id": box.key,
                    "name": of if of in self.given or self.lines[of].name else None,
                    "kind": box.kind,
                    "formula": self.after.get(of, self.before.get(of)),
                    "shape": list(np.shape(value)) if isinstance(value, np.ndarray | np.generic) else None,
                    "change": box.mark or None,
                }
            )
        edges = [{"from": arrow.tail, "to": arrow.head, "change": arrow.mark or None} for arrow in arrows]
        return {"tinygraph": 1, "of": None, "nodes": nodes, "edges": edges}


def _shape(value: Any) -> list[Line]:
    array = isinstance(value, np.ndarray | np.generic) and np.ndim(value)
    return [Line(text.shape_and_dtype(value), "quiet")] if array else []
