"""Arithmetic on each element as the source of one loop, which numba compiles.

Only what IEEE arithmetic settles to the last bit: sums, products, quotients, square roots, comparisons and choices.
What the C library or NumPy's own code decides (exp, tanh, the sign of a maximum of zeros) stays with NumPy, which is
faster at it too: numba has no vectors of those.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tinygraph.program.code import Line
from tinygraph.program.into import UFUNCS, function_of, number_of

FORMULAS = {"add": "{} + {}", "subtract": "{} - {}", "multiply": "{} * {}", "divide": "{} / {}", "negative": "-{}"}
FORMULAS |= {"square": "{0} * {0}", "sqrt": "sqrt({})", "absolute": "abs({})", "where": "{1} if {0} else {2}"}
FORMULAS |= {"less": "{} < {}", "less_equal": "{} <= {}", "greater": "{} > {}", "greater_equal": "{} >= {}"}
FORMULAS |= {"equal": "{} == {}", "not_equal": "{} != {}"}
COMPARES = {"less", "less_equal", "greater", "greater_equal", "equal", "not_equal"}
TYPES = {"float32": "f4", "float64": "f8", "bool": "bool"}
HEAD = "from math import sqrt\n\nfrom numba import njit\nfrom numpy import float32 as f4, float64 as f8\n"
JIT = '@njit(error_model="numpy", nogil=True{})'

Values = Mapping[str, Any]


class Step(NamedTuple):
    """One operation on elements: its name in NumPy and its operands."""

    ufunc: str
    operands: list[ast.expr]


def step_of(line: Line, values: Values) -> Step | None:
    """The operation of a line, where a loop can do it: None where an operand or the result is of another kind."""
    found = _operation(line.code)
    if found is None or found.ufunc not in FORMULAS or not _looped(line.value):
        return None
    if (line.value.dtype == bool) != (found.ufunc in COMPARES):
        return None
    fits = all(number_of(x) is not None or _fits(x, line.value.shape, values) for x in found.operands)
    return found if fits else None


def _operation(code: ast.AST) -> Step | None:
    if isinstance(code, ast.BinOp) and isinstance(code.op, ast.Pow):
        return Step("square", [code.left]) if number_of(code.right) == 2 else None
    if isinstance(code, ast.BinOp):
        return Step(UFUNCS[type(code.op)], [code.left, code.right])
    if isinstance(code, ast.UnaryOp):
        return Step(UFUNCS.get(type(code.op), ""), [code.operand])
    if isinstance(code, ast.Compare) and len(code.ops) == 1:
        return Step(UFUNCS.get(type(code.ops[0]), ""), [code.left, *code.comparators])
    if isinstance(code, ast.Call) and not code.keywords:
        function = function_of(code.func)
        plain = isinstance(code.func, ast.Name) and code.func.id == "abs"
        if plain or isinstance(function, np.ufunc) or function is np.where:
            found = "absolute" if plain else function.__name__
            count = FORMULAS.get(found, "").count("{}") or (3 if found == "where" else 1)
            return Step(found, code.args) if len(code.args) == count else None
    return None


def _looped(value: Any) -> bool:
    array = isinstance(value, np.ndarray) and value.ndim > 0 and value.size > 0 and value.flags.c_contiguous
    return array and value.dtype.name in TYPES


def _fits(x: ast.expr, shape: tuple[int, ...], values: Values) -> bool:
    value: Any = values.get(x.id) if isinstance(x, ast.Name) else None
    if isinstance(value, np.generic):
        return value.dtype.name in TYPES
    if type(value) is float:
        return True
    number = isinstance(value, np.ndarray) and value.ndim == 0 and value.dtype.name in TYPES
    return number or (_looped(value) and extent(np.shape(value), shape) is not None)


def extent(shape: tuple[int, ...], whole: tuple[int, ...]) -> str | None:
    """Over what an operand runs: all elements (ij), a row (j), one for each row (i), no more than one (0), or else."""
    if not shape:
        return "0"
    short = (1,) * (len(whole) - len(shape)) + shape
    if len(short) > len(whole):
        return None
    if short == whole:
        return "ij"
    if short == (1,) * (len(whole) - 1) + whole[-1:]:
        return "j"
    return "i" if short == (*whole[:-1], 1) else None


class Loop(NamedTuple):
    """A loop: its source, and the arrays that it is called with, the results last."""

    source: str
    args: list[str]
    operations: int

    def named(self, name: str) -> str:
        return self.source.replace("def loop(", f"def {name}(", 1)


def loop(members: Sequence[tuple[Line, Step]], values: Values, made: Sequence[str]) -> Loop:
    """The loop that does the steps of all members and fills the arrays that are `made`.

    Its names are its own, so that the same arithmetic is the same source: arrays a1, a2, ..., their elements x1, ...
    """
    whole = members[0][0].value.shape
    inner = {line.name for line, _ in members}
    operands = (x.id for _, step in members for x in step.operands if isinstance(x, ast.Name))
    given = list(dict.fromkeys(x for x in operands if x not in inner))
    over = {x: extent(np.shape(values[x]), whole) for x in given if isinstance(values[x], np.ndarray)}
    over |= dict.fromkeys(made, "ij")
    flat = all(e in ("ij", "0") for e in over.values())
    at = {"ij": "k" if flat else "i, j", "i": "i", "j": "j", "0": "0"}
    shapes = {"ij": "-1" if flat else f"-1, {whole[-1]}", "i": "-1", "j": "-1", "0": "-1"}
    array = {x: f"a{i}" for i, x in enumerate([*given, *made], 1)}
    element = {x: array[x].replace("a", "x" if x in over else "a") for x in given}
    head = [f"{array[x]} = {array[x]}.reshape({shapes[e]})" for x, e in over.items() if e]
    body = [f"{element[x]} = {array[x]}[{at[e]}]" for x, e in over.items() if e and x in element]
    for i, (line, step) in enumerate(members, 1):
        body.append(f"t{i} = {_formula(line, step, element, values)}")
        element[line.name or ""] = f"t{i}"
    body += [f"{array[m]}[{at['ij']}] = {element[m]}" for m in made]
    size = f"{array[made[0]]}.size" if flat else f"{array[made[0]]}.shape[0]"
    head += [f"for k in range({size}):"] if flat else [f"for i in range({size}):", f"    for j in range({whole[-1]}):"]
    rows = [*head, *(" " * (4 if flat else 8) + row for row in body)]
    source = [f"def loop({', '.join(array.values())}):", *("    " + row for row in rows)]
    return Loop("\n".join(source) + "\n", list(array), len(members))


def _formula(line: Line, step: Step, element: Mapping[str, str], values: Values) -> str:
    """The operation on elements, each in the precision in which NumPy does it."""
    kinds = [getattr(values[x.id], "dtype", None) if isinstance(x, ast.Name) else None for x in step.operands]
    compute = np.result_type(*(k for k in kinds if k is not None)) if step.ufunc in COMPARES else line.value.dtype
    parts = []
    for i, (x, kind) in enumerate(zip(step.operands, kinds, strict=True)):
        wanted = np.dtype(bool) if step.ufunc == "where" and i == 0 else compute
        part = element[x.id] if isinstance(x, ast.Name) else repr(float(number_of(x) or 0.0))
        same = wanted == (np.float64 if kind is None else kind)
        parts.append(part if same else f"{TYPES[wanted.name]}({part})")
    return FORMULAS[step.ufunc].format(*parts)
