"""What a program writes to its inputs, as statements: parameters and an optimizer's state are updated in place."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygraph.program.code import Line, Program, name, substitute, used

_IN_PLACE = ast.Add | ast.Sub | ast.Mult | ast.Div


def updated(program: Program) -> Program:
    """The writes of a program as its last statements, or where the new value is made, if the old one is not read again.

    Nothing is written before the last check of a value: a program that finds itself unfit leaves its inputs alone.
    """
    lines = list(program.lines)
    kept = set(program.results)
    statements: list[Line] = []
    for target, final in program.writes.items():
        if final == target:
            continue
        chain = _steps(lines, target, final)
        if chain and kept.isdisjoint(lines[i].name or "" for i in chain) and _unread(lines, chain, program, target):
            lines = _augmented(lines, chain, target)
            continue
        value = _value(program, lines, target)
        whole = ast.Subscript(name(target), ast.Constant(...), ast.Store())
        where = next((line.where for line in lines if line.name == final), "")
        statements.append(Line(None, ast.Assign([whole], name(final), lineno=1), value, where, "update"))
    return program.with_lines([*lines, *statements], writes={})


def steps(program: Program) -> list[str]:
    """The variables that lead from an input to what is written to it."""
    found = [_steps(program.lines, target, final) for target, final in program.writes.items()]
    return [program.lines[i].name or "" for chain in found for i in chain]


def _value(program: Program, lines: Sequence[Line], of: str) -> Any:
    given = {**program.inputs, **program.constants}
    return given[of] if of in given else next(line.value for line in lines if line.name == of)


def _steps(lines: Sequence[Line], target: str, final: str) -> list[int]:
    """The lines `a = target * x`, `b = a + y`, ... that lead to the final value; none if they are of another kind."""
    found: list[int] = []
    at = {line.name: i for i, line in enumerate(lines)}
    while final != target:
        i = at.get(final, -1)
        made = lines[i].code if i >= 0 else None
        if not (isinstance(made, ast.BinOp) and isinstance(made.op, _IN_PLACE) and isinstance(made.left, ast.Name)):
            return []
        found.append(i)
        final = made.left.id
    return found[::-1]


def _unread(lines: Sequence[Line], chain: Sequence[int], program: Program, target: str) -> bool:
    """Whether the value before each step is not read after it, by its name or through a view of its memory."""
    array = _value(program, lines, target)
    checks = [i for i, line in enumerate(lines) if line.check]
    if not isinstance(array, np.ndarray) or (checks and checks[-1] > chain[0]):
        return False
    values = {**program.inputs, **program.constants, **{line.name: line.value for line in lines if line.name}}
    mine = {lines[i].name for i in chain}
    seen = {n for n, v in values.items() if isinstance(v, np.ndarray) and np.may_share_memory(v, array)} - mine
    parts = {n for n, v in values.items() if n not in seen and isinstance(v, np.ndarray) and _within(v, seen, values)}
    for i in chain:
        line = lines[i]
        before: Any = line.code
        if (line.value.shape, line.value.dtype) != (array.shape, array.dtype):
            return False
        for later in lines[i + 1 :]:
            apart = isinstance(later.code, ast.Subscript) and later.name in parts  # another part of the same array
            if not apart and not (seen | {before.left.id}).isdisjoint(used(later.code)):
                return False
    return True


def _within(part: Any, names: set[str], values: dict[str, Any]) -> bool:
    return any(np.may_share_memory(part, values[n]) for n in names)


def _augmented(lines: list[Line], chain: Sequence[int], target: str) -> list[Line]:
    """The lines with each step as `target *= x`, under one name from the first to the last."""
    by = {lines[i].name or "": name(target) for i in chain}
    changed = []
    for i, line in enumerate(lines):
        code: Any = substitute(line.code, by)
        if i in chain:
            statement = ast.AugAssign(ast.Name(target, ast.Store()), code.op, code.right)
            changed.append(Line(None, statement, line.value, line.where, line.block))
        else:
            changed.append(Line(line.name, code, line.value, line.where, line.block))
    return changed
