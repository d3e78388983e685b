"""Passes that are asked for: they give the same numbers but for rounding, since they do arithmetic in another order."""

from __future__ import annotations

import ast
from collections import Counter
from itertools import count
from typing import Any

import numpy as np

from tinygraph.program.code import Line, Pass, Program, literal, name, used
from tinygraph.program.into import number_of
from tinygraph.program.passes import _movable, dead_code


def quotients(program: Program) -> Program:
    """x / c as x * (1 / c), for a number c."""
    lines = []
    for line in program.lines:
        code, divisor = line.code, None
        if isinstance(code, ast.BinOp) and isinstance(code.op, ast.Div) and _floats(line, program):
            divisor = number_of(code.right)
        if divisor and np.isfinite(1.0 / divisor) and isinstance(code, ast.BinOp):
            code = ast.BinOp(code.left, ast.Mult(), _number(1.0 / divisor))
        lines.append(line.of(code))
    return program.with_lines(lines)


def scales(program: Program) -> Program:
    """a * (b * x) as (a * b) * x, and -(b * x) as (-b) * x, for numbers a and b."""
    found: dict[str, tuple[float, str]] = {}
    lines = []
    for line in program.lines:
        scaled = _scaled(line.code) if _floats(line, program) else None
        if scaled is not None and line.name is not None:
            factor, x = scaled
            inner, root = found.get(x, (1.0, x))
            if not np.isfinite(factor * inner) or factor * inner == 0.0:
                inner, root = 1.0, x
            found[line.name] = factor * inner, root
            if root != x:
                line = line.of(ast.BinOp(_number(factor * inner), ast.Mult(), name(root)))
        lines.append(line)
    return program.with_lines(lines)


def sums(program: Program) -> Program:
    """The sum of c * x as c times the sum of x, of which there are fewer numbers; where c * x is not needed beside."""
    reads = Counter(n for line in program.lines for n in used(line.code)) + Counter(program.wanted)
    found: dict[str, tuple[float, str]] = {}
    known = {*program.inputs, *program.constants, *(line.name for line in program.lines)}
    fresh = (f"v{i}" for i in count(len(known) + 1) if f"v{i}" not in known)
    lines = []
    for line in program.lines:
        scaled = _scaled(line.code) if _floats(line, program) else None
        if scaled is not None and line.name is not None:
            found[line.name] = scaled
        code: Any = line.code
        of = _summed(code) if _movable(line, program) else None
        if of in found and reads[of] == 1 and isinstance(line.value, np.ndarray | np.floating):
            factor, x = found[of]
            summed = ast.Call(ast.Attribute(name(x), "sum", ast.Load()), code.args, code.keywords)
            lines.append(Line(next(fresh), summed, line.value, line.where, line.block))
            line = line.of(ast.BinOp(_number(factor), ast.Mult(), name(lines[-1].name or "")))
        lines.append(line)
    return program.with_lines(lines)


def _floats(line: Line, program: Program) -> bool:
    floating = isinstance(line.value, np.ndarray | np.floating) and line.value.dtype.kind == "f"
    return floating and _movable(line, program) and not isinstance(line.code, ast.Constant)


def _scaled(code: ast.AST) -> tuple[float, str] | None:
    """A number and a variable, of whose product an expression is."""
    if isinstance(code, ast.UnaryOp) and isinstance(code.op, ast.USub) and isinstance(code.operand, ast.Name):
        return -1.0, code.operand.id
    if not (isinstance(code, ast.BinOp) and isinstance(code.op, ast.Mult)):
        return None
    for factor, x in ((number_of(code.left), code.right), (number_of(code.right), code.left)):
        if factor is not None and isinstance(x, ast.Name):
            return float(factor), x.id
    return None


def _summed(code: ast.AST) -> str | None:
    """The variable x of `x.sum(...)`."""
    method = code.func if isinstance(code, ast.Call) else None
    plain = isinstance(method, ast.Attribute) and method.attr == "sum" and isinstance(method.value, ast.Name)
    return method.value.id if plain else None  # type: ignore[union-attr]


def _number(value: float) -> ast.expr:
    return literal(value, name)


def near(x: Any, y: Any) -> bool:
    """Whether two results differ by no more than rounding, beside the largest of their numbers."""
    x, y = np.asarray(x), np.asarray(y)
    if (x.shape, x.dtype) != (y.shape, y.dtype) or x.dtype.kind not in "fc":
        return (x.shape, x.dtype, x.tobytes()) == (y.shape, y.dtype, y.tobytes())
    largest = np.max(np.abs(x), initial=0.0, where=np.isfinite(x))
    return bool(np.allclose(x, y, rtol=0.0, atol=ROUNDING * np.finfo(x.dtype).eps * largest, equal_nan=True))


ROUNDING = 1000  # units in the last place of the largest number
REORDERING: tuple[Pass, ...] = (quotients, scales, sums, scales, dead_code)
