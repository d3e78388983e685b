"""Arithmetic on each element as the source of one loop, which numba compiles.

Only what IEEE arithmetic settles to the last bit: sums, products, quotients, square roots, comparisons and choices.
What the C library or NumPy's own code decides (exp, tanh, the sign of a maximum of zeros) stays with NumPy, which is
faster at it too: numba has no vectors of those.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from tinygraph.program.code import Line, used
from tinygraph.program.into import UFUNCS, function_of, number_of, shortened
from tinygraph.program.nest import Nest

FORMULAS = {"add": "{} + {}", "subtract": "{} - {}", "multiply": "{} * {}", "divide": "{} / {}", "negative": "-{}"}
FORMULAS |= {"square": "{0} * {0}", "sqrt": "sqrt({})", "absolute": "abs({})", "where": "{1} if {0} else {2}"}
FORMULAS |= {"less": "{} < {}", "less_equal": "{} <= {}", "greater": "{} > {}", "greater_equal": "{} >= {}"}
FORMULAS |= {"equal": "{} == {}", "not_equal": "{} != {}"}
COMPARES = {"less", "less_equal", "greater", "greater_equal", "equal", "not_equal"}
TYPES = {"float32": "f4", "float64": "f8", "bool": "bool"}
Values = Mapping[str, Any]


class Step(NamedTuple):
    """One operation on elements: its name in NumPy and its operands."""

    ufunc: str
    operands: list[ast.expr]
    over: str = ""  # of a sum: over what it extends


def step_of(line: Line, values: Values) -> Step | None:
    """The operation of a line, where a loop can do it: None where an operand or the result is of another kind."""
    found = operation(line.code)
    if found is None or found.ufunc not in FORMULAS or not _looped(line.value):
        return None
    if (line.value.dtype == bool) != (found.ufunc in COMPARES):
        return None
    fits = all(number_of(x) is not None or _fits(x, line.value.shape, values) for x in found.operands)
    return found if fits else None


def operation(code: ast.AST, formulas: Mapping[str, str] = MappingProxyType(FORMULAS)) -> Step | None:
    """The operation on elements that an expression is, where there is a formula for it."""
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
            count = len(set(re.findall(r"{\d}", formulas.get(found, "")))) or formulas.get(found, "").count("{}")
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
    if max(short) == 1:
        return "0"
    if short == (1,) * (len(whole) - 1) + whole[-1:]:
        return "j"
    return "i" if short == (*whole[:-1], 1) else None


def sum_of(line: Line, values: Values) -> Step | None:
    """The sum of an array, where a loop can do it in NumPy's order: of all elements, of each row or of each column."""
    code = shortened(line, values)
    function: Any = function_of(code.func) if isinstance(code, ast.Call) else None
    if not isinstance(code, ast.Call) or getattr(function, "__self__", None) is not np.add or len(code.args) != 1:
        return None
    x: Any = values.get(code.args[0].id) if isinstance(code.args[0], ast.Name) else None
    keywords = {str(k.arg): k.value for k in code.keywords}
    if function.__name__ != "reduce" or not keywords.keys() <= {"axis", "keepdims"} or not _looped(x):
        return None
    if x.dtype.kind != "f" or line.value.dtype != x.dtype or any(used(v) for v in keywords.values()):
        return None
    axis = ast.literal_eval(keywords.get("axis", ast.Constant(0)))
    axes = range(x.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    gone = sorted(i % x.ndim for i in axes)
    if len(gone) == x.ndim or gone == [x.ndim - 1]:
        return Step("sum", code.args, "0" if len(gone) == x.ndim else "i")
    columns = gone == list(range(x.ndim - 1)) and x.shape[-1] > 1
    return Step("sum", code.args, "j") if columns else None


class Loop(NamedTuple):
    """A loop: its source, and the arrays that it is called with, the results last."""

    source: str
    args: list[str]
    operations: int

    def named(self, name: str) -> str:
        return re.sub(r"\b(loop|part)\(", lambda m: f"{name}{'_part' * (m[1] == 'part')}(", self.source)


Members = Sequence[tuple[Line, Step]]


def extents(members: Members, values: Values) -> dict[str, str]:
    """Over what the arrays extend that are given to the steps of a loop, and the sums in it."""
    whole = np.shape(values[members[0][0].name or ""])
    inner = {line.name for line, _ in members}
    given = (x.id for _, step in members for x in step.operands if isinstance(x, ast.Name) and x.id not in inner)
    found = {x: extent(np.shape(values[x]), whole) or "" for x in given if isinstance(values[x], np.ndarray)}
    return found | {line.name or "": step.over for line, step in members if step.over}


def loop(members: Members, made: Sequence[str], values: Values, into: Mapping[str, str] = MappingProxyType({})) -> Loop:
    """The loop that does the steps of all members and fills the arrays that are `made`, some of them `into` operands.

    Its names are its own, so that the same arithmetic is the same source: arrays a1, a2, ..., their elements x1, ...
    """
    inner = {line.name for line, _ in members}
    operands = (x.id for _, step in members for x in step.operands if isinstance(x, ast.Name))
    given = list(dict.fromkeys(x for x in operands if x not in inner))
    array = {x: f"a{i}" for i, x in enumerate([*given, *(m for m in made if m not in into)], 1)}
    args = list(array)
    known = dict.fromkeys(made, "ij") | extents(members, values)
    over = {array[x]: known[x] for x in args if x in known}
    array |= {m: array[x] for m, x in into.items()}
    element = {x: array[x].replace("a", "x" if x in known else "a") for x in given}
    body, stores, sums = [], [], {}
    for i, (line, step) in enumerate(members, 1):
        title = line.name or ""
        if not step.over:
            body.append(f"t{i} = {formula(line, step, element, values)}")
            element[title] = f"t{i}"
        elif step.over == "j":
            stores.append((array[title], element[_operand(step)]))
        else:
            sums[array[title]] = element[_operand(step)], TYPES[values[_operand(step)].dtype.name]
    stores += [(array[m], element[m]) for m in made if m in element]
    elements = {array[x]: element[x] for x in given if x in known}
    nest = Nest(list(array.values())[: len(args)], over, elements, body, stores, sums, members[0][0].value.shape[-1])
    return Loop(nest.halved() if sums else nest.plain(), args, len(members))


def _operand(step: Step) -> str:
    return next(x.id for x in step.operands if isinstance(x, ast.Name))


def formula(
    line: Line,
    step: Step,
    element: Mapping[str, str],
    values: Values,
    formulas: Mapping[str, str] = MappingProxyType(FORMULAS),
) -> str:
    """The operation on elements, each in the precision in which NumPy does it."""
    kinds = [getattr(values[x.id], "dtype", None) if isinstance(x, ast.Name) else None for x in step.operands]
    compute = np.result_type(*(k for k in kinds if k is not None)) if step.ufunc in COMPARES else line.value.dtype
    parts = []
    for i, (x, kind) in enumerate(zip(step.operands, kinds, strict=True)):
        wanted = np.dtype(bool) if step.ufunc == "where" and i == 0 else compute
        part = element[x.id] if isinstance(x, ast.Name) else repr(float(number_of(x) or 0.0))
        same = wanted == (np.float64 if kind is None else kind)
        parts.append(part if same else f"{TYPES[wanted.name]}({part})")
    return formulas[step.ufunc].format(*parts)
