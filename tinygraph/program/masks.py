"""Masks beside floats, made floats first: within a sum or product NumPy casts a mask piece by piece."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from itertools import count
from typing import Any

import numpy as np

from tinygraph.program.buffers import compact, values_of
from tinygraph.program.code import Line, Program, attribute, call, literal, name, substitute
from tinygraph.program.into import function_of


def unmixed(program: Program) -> Program:
    """The program, in which a mask that meets floats element by element has become floats: the same bits, sooner."""
    values = values_of(program)
    lines: list[Line] = []
    for line in program.lines:
        mask = _mask(line, values)
        if mask is not None:
            title = next(n for i in count(1) if (n := f"{mask}_{i}") not in values)
            values[title] = np.empty_like(values[mask], line.value.dtype)
            code = call(attribute(name(mask), "astype"), [literal(line.value.dtype, name)], {})
            lines.append(line._replace(name=title, code=code, value=values[title]))
            line = line.of(substitute(line.code, {mask: name(title)}))
        lines.append(line)
    return program.with_lines(lines)


def _mask(line: Line, values: Mapping[str, Any]) -> str | None:
    """The mask among the two operands of a ufunc, if the other holds floats and both have the shape of the result."""
    code = line.code
    if not isinstance(line.value, np.ndarray) or line.value.dtype.kind != "f":
        return None
    if isinstance(code, ast.BinOp):
        operands = [code.left, code.right]
    elif isinstance(code, ast.Call) and not code.keywords and _of_floats(function_of(code.func), line.value.dtype.char):
        operands = code.args
    else:
        return None
    if len(operands) != 2:
        return None
    known = {x.id: values.get(x.id) for x in operands if isinstance(x, ast.Name)}
    masks = [x for x, value in known.items() if _like(value, line.value, np.bool_)]
    floats = [x for x, value in known.items() if _like(value, line.value, line.value.dtype)]
    return masks[0] if len(masks) == len(floats) == 1 and compact(values[masks[0]]) else None


def _of_floats(function: Any, char: str) -> bool:
    """Whether it is a ufunc of two numbers of a dtype: not ldexp, whose exponents are whole."""
    return isinstance(function, np.ufunc) and f"{char}{char}->{char}" in function.types


def _like(x: Any, value: np.ndarray[Any, Any], dtype: Any) -> bool:
    return isinstance(x, np.ndarray) and x.shape == value.shape and x.dtype == dtype
