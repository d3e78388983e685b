"""What a program writes to its inputs, as statements: parameters and an optimizer's state are updated in place."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygraph.program.buffers import memory, values_of
from tinygraph.program.code import Line, Program, name, substitute, used

_IN_PLACE = ast.Add | ast.Sub | ast.Mult | ast.Div


def updated(program: Program) -> Program:
    """The writes of a program as its last statements, or where the new value is made, if the old one is not read again.

    Nothing is written before the last check of a value: a program that finds itself unfit leaves its inputs alone.
    """
    if not program.writes:
        return program
    sight, kept = _Sight(program), set(program.results)
    by: dict[str, ast.Name] = {}  # the target in place of each step towards its new value
    inside: set[int] = set()
    statements: list[Line] = []
    for target, final in program.writes.items():
        chain = sight.steps(target, final)
        names = [program.lines[i].name or "" for i in chain]
        if chain and kept.isdisjoint(names) and sight.unread(chain, target):
            by |= dict.fromkeys(names, name(target))
            inside.update(chain)
        elif final != target:
            whole = ast.Subscript(name(target), ast.Constant(...), ast.Store())
            where = program.lines[sight.at[final]].where if final in sight.at else ""
            value = sight.values[target]
            statements.append(Line(None, ast.Assign([whole], name(final), lineno=1), value, where, "update"))
    lines = [line.of(substitute(line.code, by)) for line in program.lines]
    lines = [_augmented(line) if i in inside else line for i, line in enumerate(lines)]
    return program.with_lines([*lines, *statements], writes={})


def steps(program: Program) -> list[str]:
    """The variables that lead from an input to what is written to it."""
    sight = _Sight(program) if program.writes else None
    found = [sight.steps(target, final) for target, final in program.writes.items()] if sight else []
    return [program.lines[i].name or "" for chain in found for i in chain]


class _Sight:
    """What is known of a program: where its variables are made and read, and which look into one memory."""

    def __init__(self, program: Program) -> None:
        self.lines = program.lines
        self.values = values_of(program)
        self.at = {line.name: i for i, line in enumerate(program.lines) if line.name}
        self.checks = [i for i, line in enumerate(program.lines) if line.check]
        self.readers: dict[str, list[int]] = {}
        for i, line in enumerate(program.lines):
            for n in used(line.code):
                self.readers.setdefault(n, []).append(i)
        self.beside: dict[int, list[str]] = {}
        for n, value in self.values.items():
            if isinstance(value, np.ndarray):
                self.beside.setdefault(id(memory(value)), []).append(n)

    def steps(self, target: str, final: str) -> list[int]:
        """The lines `a = target * x`, `b = a + y`, ... that lead to the final value; none if one is of another kind."""
        found: list[int] = []
        while final != target:
            i = self.at.get(final, -1)
            made = self.lines[i].code if i >= 0 else None
            if not (isinstance(made, ast.BinOp) and isinstance(made.op, _IN_PLACE) and isinstance(made.left, ast.Name)):
                return []
            found.append(i)
            final = made.left.id
        return found[::-1]

    def unread(self, chain: Sequence[int], target: str) -> bool:
        """Whether the value before each step is not read after it, by its name or through a view of its memory."""
        array = self.values[target]
        if not isinstance(array, np.ndarray) or (self.checks and self.checks[-1] > chain[0]):
            return False
        beside = self.beside[id(memory(array))]
        mine = {self.lines[i].name for i in chain}
        seen = {n for n in beside if np.may_share_memory(self.values[n], array)} - mine
        for i in chain:
            line = self.lines[i]
            before: Any = line.code
            if (line.value.shape, line.value.dtype) != (array.shape, array.dtype):
                return False
            later = {k for n in (*seen, before.left.id) for k in self.readers.get(n, ()) if k > i}
            if not all(self._another_part(self.lines[k], seen) for k in later):
                return False
        return True

    def _another_part(self, line: Line, seen: set[str]) -> bool:
        """Whether a line takes a part of an array, and another one than is `seen`."""
        part = self.values.get(line.name or "")
        if not isinstance(line.code, ast.Subscript) or line.name in seen or not isinstance(part, np.ndarray):
            return False
        return any(np.may_share_memory(part, self.values[n]) for n in seen)


def _augmented(line: Line) -> Line:
    """`x = x * y` as `x *= y`."""
    code: Any = line.code
    return line._replace(name=None, code=ast.AugAssign(ast.Name(code.left.id, ast.Store()), code.op, code.right))
