"""How what is done to variables is written down: operators, calls of ufuncs, parts of arrays."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygraph.program import code
from tinygraph.program.variable import Variable, value_of

SYMBOLS: dict[Any, Any] = {np.add: ast.Add, np.subtract: ast.Sub, np.multiply: ast.Mult, np.divide: ast.Div}
SYMBOLS |= {np.matmul: ast.MatMult, np.less: ast.Lt, np.less_equal: ast.LtE, np.greater: ast.Gt}
SYMBOLS |= {np.greater_equal: ast.GtE, np.equal: ast.Eq, np.not_equal: ast.NotEq}
REDUCED = {np.add: "sum", np.multiply: "prod", np.maximum: "max", np.minimum: "min"}


def operation(tracer: Any, symbol: Any, operands: Sequence[Any]) -> ast.expr:
    """An operator between its operands."""
    parts = [_operand(tracer, a, operands) for a in operands]
    if symbol == "abs":
        return code.call(code.name("abs"), parts, {})
    if issubclass(symbol, ast.operator):
        return ast.BinOp(parts[0], symbol(), parts[1])
    return ast.UnaryOp(symbol(), parts[0]) if len(parts) == 1 else ast.Compare(parts[0], [symbol()], [parts[1]])


def _operand(tracer: Any, operand: Any, operands: Sequence[Any]) -> ast.expr:
    """An operand; a NumPy scalar beside an array of its own dtype as the plain number that does the same."""
    if issubclass(type(operand), np.floating):
        others = [o for o in operands if o is not operand and type(o) is Variable]
        if others and all(getattr(o.value, "dtype", None) == operand.dtype for o in others):
            return code.literal(float(operand), tracer.capture)
    return tracer.expression(operand)  # type: ignore[no-any-return]


def ufunc_call(tracer: Any, ufunc: np.ufunc, method: str, args: Any, kwargs: Any) -> ast.expr:
    """`x + y` of np.add, `x.sum(axis=0)` of np.add.reduce, a call of any other."""
    if method == "__call__" and ufunc in SYMBOLS and not kwargs:
        return operation(tracer, SYMBOLS[ufunc], args)
    if method == "reduce" and ufunc in REDUCED and type(args[0]) is Variable and len(args) == 1:
        given = {"axis": 0, **kwargs}
        given = {k: v for k, v in given.items() if not ((k == "axis" and v is None) or (k == "keepdims" and not v))}
        of = code.attribute(tracer.expression(args[0]), REDUCED[ufunc])
        return code.call(of, [], {key: tracer.expression(v) for key, v in given.items()})
    return called(tracer, ufunc, method, args, kwargs)


def called(tracer: Any, ufunc: np.ufunc, method: str, args: Any, kwargs: Any) -> ast.expr:
    """The call of a ufunc, or of a method of one, by its name."""
    of = code.library_name(ufunc) or tracer.capture(ufunc)
    of = of if method == "__call__" else code.attribute(of, method)
    return code.call(of, [*map(tracer.expression, args)], {k: tracer.expression(v) for k, v in kwargs.items()})


def subscript(tracer: Any, of: Variable, key: Any) -> ast.expr:
    """`x[key]`, also of an array of which another part has been written to."""

    def known(x: Any) -> ast.expr:
        found: ast.expr = tracer.expression(x) if type(x) is Variable else tracer.capture(x)
        return found

    part = of.value[value_of(key)] if tracer.effects.stale else None
    mine = isinstance(part, np.ndarray) and not tracer.effects.is_stale(of, part)
    return code.subscript(code.name(of.name) if mine else tracer.expression(of), key, known)
