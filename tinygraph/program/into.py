"""An expression, written so that its result goes into an array that is there: `np.add(x, y, out=z)` for `x + y`."""

from __future__ import annotations

import ast
import sys
from collections.abc import Mapping
from itertools import count
from typing import Any, NamedTuple

import numpy as np

from tinygraph.program.buffers import compact
from tinygraph.program.code import Line, attribute, call, name
from tinygraph.program.products import by_dot

UFUNCS: dict[type[ast.AST], str] = {ast.Add: "add", ast.Sub: "subtract", ast.Mult: "multiply", ast.Div: "divide"}
UFUNCS |= {ast.FloorDiv: "floor_divide", ast.Mod: "remainder", ast.MatMult: "matmul", ast.Pow: "power"}
UFUNCS |= {ast.BitAnd: "bitwise_and", ast.BitOr: "bitwise_or", ast.BitXor: "bitwise_xor"}
UFUNCS |= {ast.LShift: "left_shift", ast.RShift: "right_shift"}
UFUNCS |= {ast.USub: "negative", ast.UAdd: "positive", ast.Invert: "invert"}
UFUNCS |= {ast.Lt: "less", ast.LtE: "less_equal", ast.Gt: "greater", ast.GtE: "greater_equal"}
UFUNCS |= {ast.Eq: "equal", ast.NotEq: "not_equal"}
POWERS = {2: "square", 0.5: "sqrt", -1: "reciprocal", 1: "positive"}  # what NumPy makes of x ** 2, and so on
REDUCTIONS = {"sum": "add", "prod": "multiply", "max": "maximum", "min": "minimum"}
METHODS = {"mean", "cumsum", "cumprod", "clip", "argmax", "argmin", "any", "all", "dot"}  # that take out=
FUNCTIONS = {np.mean, np.sum, np.prod, np.max, np.min, np.cumsum, np.cumprod, np.concatenate, np.stack, np.einsum}
FUNCTIONS |= {np.dot, np.argmax, np.argmin, np.any, np.all, np.clip}
FILLS = {np.zeros_like: 0, np.ones_like: 1}
FEW = 8  # arrays; more are joined faster by np.concatenate

Values = Mapping[str, Any]


class Into(NamedTuple):
    """The statements that fill an array; whether each element is made of those at its own place alone."""

    statements: list[ast.stmt]
    elementwise: bool = False


def into(code: ast.AST, target: str, values: Values) -> Into | None:
    """The statements that write what `code` gives into the array `target`, None where NumPy would make an array anyway.

    `values` has what was recorded of each variable, `target` among them.
    """
    if isinstance(code, ast.BinOp):
        return _binary(code, target, values)
    if isinstance(code, ast.UnaryOp) and type(code.op) in UFUNCS:
        return _ufunc(UFUNCS[type(code.op)], [code.operand], {}, target)
    if isinstance(code, ast.Compare) and len(code.ops) == 1:
        return _ufunc(UFUNCS[type(code.ops[0])], [code.left, *code.comparators], {}, target)
    if isinstance(code, ast.Subscript) and isinstance(code.value, ast.Name):
        number = isinstance(values.get(code.value.id), np.generic)  # x[...] makes an array of it
        return Into([_copied(code.value, target)]) if number else None
    if isinstance(code, ast.Call):
        keywords = {str(k.arg): k.value for k in code.keywords}
        if "out" in keywords or "where" in keywords or any(isinstance(a, ast.Starred) for a in code.args):
            return None
        return _called(code, keywords, target, values)
    return None


def joined(line: Line, values: Values) -> list[Line]:
    """`z = np.concatenate([x, y])` as views of z, each with an assignment to it; nothing of any other line."""
    code, whole = line.code, line.value
    if not isinstance(code, ast.Call) or function_of(code.func) is not np.concatenate or not compact(whole):
        return []
    axis = ast.literal_eval({str(k.arg): k.value for k in code.keywords}.get("axis", ast.Constant(0)))
    listed = code.args[0].elts if len(code.args) == 1 and isinstance(code.args[0], ast.List | ast.Tuple) else []
    parts = [(x, values.get(x.id)) for x in listed if isinstance(x, ast.Name)]
    usual = len(code.keywords) <= 1 and axis is not None and len(parts) == len(listed) <= FEW
    arrays = [a for _, a in parts if isinstance(a, np.ndarray) and a.dtype == whole.dtype]
    if not usual or len(arrays) < len(parts):
        return []
    lines: list[Line] = []
    titles = (n for i in count(1) if (n := f"{line.name}_{i}") not in values)
    start, before = 0, (slice(None),) * (axis % whole.ndim)
    for (x, _), a, title in zip(parts, arrays, titles, strict=False):
        stop = start + a.shape[axis]
        cut: list[ast.expr] = [*(ast.Slice() for _ in before), ast.Slice(ast.Constant(start), ast.Constant(stop))]
        view = ast.Subscript(name(line.name or ""), ast.Tuple(cut, ast.Load()) if before else cut[0], ast.Load())
        lines.append(line._replace(name=title, code=view, value=whole[(*before, slice(start, stop))]))
        lines.append(line._replace(name=None, code=_copied(x, title), value=a))
        start = stop
    return lines


def shortened(line: Line, values: Values) -> ast.AST:
    """`np.add.reduce(x, axis=None)` for `x.sum()`, `x.dot(y)` for `x @ y`: the same, by the shorter way."""
    code = line.code
    product = _product(code, line.value, values) if isinstance(code, ast.BinOp) else None
    return product or _reduction(code, values) or code


def function_of(code: ast.expr) -> Any:
    """The function that `np.exp`, `np.linalg.norm` or `scipy.special.erf` names; None of anything else."""
    path: list[str] = []
    while isinstance(code, ast.Attribute):
        path.append(code.attr)
        code = code.value
    if not isinstance(code, ast.Name) or code.id not in ("np", "scipy"):
        return None
    found: Any = np if code.id == "np" else sys.modules.get("scipy")
    for part in reversed(path):
        found = getattr(found, part, None)
    return found


def _ufunc(ufunc: str, args: list[ast.expr], keywords: Mapping[str, ast.expr], target: str) -> Into:
    return Into([_call(attribute(name("np"), ufunc), args, {**keywords, "out": name(target)})], ufunc != "matmul")


def _binary(code: ast.BinOp, target: str, values: Values) -> Into:
    ufunc = UFUNCS[type(code.op)]
    product = _product(code, values[target], values, out=name(target))
    if product is not None:
        return Into([ast.Expr(product)])
    exponent = number_of(code.right)
    if ufunc == "power" and exponent in POWERS and values[target].dtype.kind == "f":
        return _ufunc(POWERS[exponent], [code.left], {}, target)
    return _ufunc(ufunc, [code.left, code.right], {}, target)


def _product(code: ast.BinOp, value: Any, values: Values, **out: ast.expr) -> ast.expr | None:
    """`x.dot(y)` for `x @ y`, where it gives the same."""
    x, y = code.left, code.right
    if not (isinstance(code.op, ast.MatMult) and isinstance(x, ast.Name) and isinstance(y, ast.Name)):
        return None
    return call(attribute(x, "dot"), [y], out) if by_dot(values.get(x.id), values.get(y.id), value) else None


def number_of(code: ast.expr) -> float | None:
    """The value of a number that is written in the code."""
    sign = -1 if isinstance(code, ast.UnaryOp) and isinstance(code.op, ast.USub) else 1
    size = code.operand if isinstance(code, ast.UnaryOp) else code
    plain = isinstance(size, ast.Constant) and isinstance(size.value, int | float)
    return sign * size.value if plain else None  # type: ignore[attr-defined]


def _called(code: ast.Call, keywords: dict[str, ast.expr], target: str, values: Values) -> Into | None:
    out = {"out": name(target)}
    if isinstance(code.func, ast.Name) and code.func.id == "abs":
        return _ufunc("absolute", code.args, {}, target)
    function = function_of(code.func)
    if isinstance(function, np.ufunc):
        return None if function.nout != 1 or len(code.args) != function.nin else Into(
            [_call(code.func, code.args, keywords | out)], function.signature is None)  # fmt: skip
    if function is np.where and len(code.args) == 3:
        return _where(code.args, target, values)
    if function in FILLS:
        return Into([_copied(ast.Constant(FILLS[function]), target)])
    if function is np.full_like and len(code.args) == 2:
        return Into([_copied(code.args[1], target)])
    if function in (np.empty, np.empty_like):
        return Into([])
    if function is np.copy:
        return Into([_copied(code.args[0], target)])
    if function in FUNCTIONS or isinstance(getattr(function, "__self__", None), np.ufunc):
        return Into([_call(code.func, code.args, keywords | out)]) if _has_out(function, values[target]) else None
    return _method(code, keywords, target, values)


def _where(args: list[ast.expr], target: str, values: Values) -> Into:
    """All of one array, and then what is chosen of the other; putmask is the quicker way to do the second."""
    condition, chosen, other = args
    value = values[target]
    mask, array = (values.get(x.id) if isinstance(x, ast.Name) else None for x in (condition, chosen))
    if _whole(mask, value, bool) and (number_of(chosen) is not None or _whole(array, value, value.dtype)):
        put = _call(attribute(name("np"), "putmask"), [name(target), condition, chosen], {})
    else:
        put = _call(attribute(name("np"), "copyto"), [name(target), chosen], {"where": condition})
    return Into([_copied(other, target), put], elementwise=True)


def _whole(x: Any, like: np.ndarray[Any, Any], dtype: Any) -> bool:
    """Whether an array of a dtype has an element for each of another one, and both lie in order."""
    alike = isinstance(x, np.ndarray) and x.shape == like.shape and x.dtype == dtype
    return alike and bool(x.flags.c_contiguous and like.flags.c_contiguous)


def _has_out(function: Any, value: np.ndarray[Any, Any]) -> bool:
    """Whether out= changes no bit: NumPy sums float16 in a wider array of its own; dot is strict on its memory."""
    contiguous = function is not np.dot or value.flags.c_contiguous
    return contiguous and value.dtype != np.float16 and getattr(function, "__name__", "") != "at"


def _method(code: ast.Call, keywords: dict[str, ast.expr], target: str, values: Values) -> Into | None:
    """x.sum(axis=0), x.copy(), x.reshape(shape) where that copies, ..."""
    function, value = code.func, values[target]
    if not isinstance(function, ast.Attribute) or not isinstance(function.value, ast.Name):
        return None
    x = values.get(function.value.id)
    if not isinstance(x, np.ndarray):
        return None
    reduced = _reduction(code, values)
    if reduced is not None:
        reduced.keywords.append(ast.keyword("out", name(target)))
        return Into([ast.Expr(reduced)])
    method = function.attr
    if method in METHODS and _has_out(getattr(np, method), value):
        return Into([_call(function, code.args, keywords | {"out": name(target)})])
    if method == "copy":
        return Into([_copied(function.value, target)])
    if method == "astype":
        return Into([_copied(function.value, target)])
    in_order = method == "reshape" or (method in ("ravel", "flatten") and not code.args)
    if in_order and value.flags.c_contiguous and "order" not in keywords:
        shape = ast.Tuple([ast.Constant(n) for n in x.shape], ast.Load())
        return Into([_filled(call(attribute(name(target), "reshape"), [shape], {}), function.value)])
    return None


def _reduction(code: ast.AST, values: Values) -> ast.Call | None:
    """x.sum(axis=0) as np.add.reduce(x, axis=0)."""
    function = code.func if isinstance(code, ast.Call) else None
    if not isinstance(code, ast.Call) or not isinstance(function, ast.Attribute) or code.args:
        return None
    x = values.get(function.value.id) if isinstance(function.value, ast.Name) else None
    if function.attr not in REDUCTIONS or not isinstance(x, np.ndarray):
        return None
    keywords = {str(k.arg): k.value for k in code.keywords}
    given = {"axis": ast.Constant(None), **keywords}
    reduce = attribute(name("np"), REDUCTIONS[function.attr], "reduce")
    made = call(reduce, [function.value], given)
    return made if isinstance(made, ast.Call) else None


def _copied(source: ast.expr, target: str) -> ast.stmt:
    return _filled(name(target), source)


def _filled(array: ast.expr, source: ast.expr) -> ast.stmt:
    """`array[...] = source`, which NumPy does in a fifth of the time of `np.copyto`."""
    return ast.Assign([ast.Subscript(array, ast.Constant(...), ast.Store())], source, lineno=1)


def _call(function: ast.expr, args: list[ast.expr], keywords: Mapping[str, ast.expr]) -> ast.stmt:
    return ast.Expr(call(function, args, keywords))
