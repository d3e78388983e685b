"""Writing to variables: a new one where nobody else sees the memory, a statement of the program else.

An input that may be written to, a parameter or an optimizer's state, is written in the call itself, and noted.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygraph.program import code
from tinygraph.program.buffers import shared
from tinygraph.program.expressions import called, operation, subscript, ufunc_call
from tinygraph.program.variable import ARRAYS, Variable, value_of
from tinygraph.tensor import Tensor


def ufunc_into(tracer: Any, ufunc: np.ufunc, method: str, args: Any, kwargs: Any, target: Any) -> Any:
    """`out=` of a ufunc."""
    values, named = value_of(args), value_of(kwargs)
    apply = getattr(ufunc, method)
    if tracer.open and type(target) is Variable:
        expression = ufunc_call(tracer, ufunc, method, args, kwargs)
        whole = "where" not in kwargs and _alone(tracer, target)
        if whole and _alike(fresh := apply(*values, **named), target.value):
            return _renewed(tracer, target, expression, fresh)
        if method == "__call__" and not kwargs and _fits(tracer, target, *values):
            apply(*values, out=target.value)
            return _moved(tracer, target, expression)
    found = apply(*values, **named, out=value_of(target))
    if tracer.open:
        wrote(tracer, target, ast.Expr(called(tracer, ufunc, method, args, {**kwargs, "out": target})))
    return target if type(target) is Variable else found


def assign(tracer: Any, of: Variable, key: Any, value: Any) -> None:
    """`x[key] = value`."""
    bare = value_of(value)
    whole = tracer.open and key is Ellipsis
    if whole and not isinstance(value, Tensor) and _alone(tracer, of):
        fresh = np.broadcast_to(bare, of.shape).copy()
        if _alike(fresh, of.value):
            source = tracer.expression(value) if np.shape(bare) == of.shape else _spread(tracer, value, of)
            _renewed(tracer, of, code.call(code.attribute(source, "copy"), [], {}), fresh)
            return
    if whole and isinstance(bare, ARRAYS):
        same = np.shape(bare) == of.shape and of.ndim
        copied = code.call(code.attribute(tracer.expression(value), "copy"), [], {}) if same else None
        expression = copied or _spread(tracer, value, of)
        if _fits(tracer, of, bare):
            of.value[...] = bare
            _moved(tracer, of, expression)
            return
    of.value[value_of(key)] = bare
    if tracer.open:
        target = subscript(tracer, of, key)
        wrote(tracer, of, ast.Assign([target], tracer.expression(value), lineno=1))


def augment(tracer: Any, symbol: Any, function: Callable[..., Any], target: Variable, other: Any) -> Any:
    """`x += y`."""
    plain = value_of(other)
    if not tracer.open:
        return function(target.value, plain)
    expression = operation(tracer, symbol, (target, other))
    if isinstance(target.value, np.generic):
        return tracer.record(expression, function(target.value, plain))
    if _alone(tracer, target):
        fresh = function(target.value.copy(order="K"), plain)
        if _alike(fresh, target.value) and np.result_type(target.value, plain) == fresh.dtype:
            return _renewed(tracer, target, expression, fresh)
    fits = _fits(tracer, target, plain)
    function(target.value, plain)
    if fits:
        return _moved(tracer, target, expression)
    wrote(tracer, target, ast.AugAssign(ast.Name(target.name, ast.Store()), symbol(), tracer.expression(other)))
    return target


def wrote(tracer: Any, target: Any, statement: ast.AST) -> None:
    """Write down a statement that changes an array which the function has made itself."""
    if type(target) is not Variable or _outside(tracer, target.value):
        tracer.notice("is written into an array that is older than the call" if type(target) is not Variable
                      else "is an argument that is written to")  # fmt: skip
        return
    tracer.unstable.add(target.name)
    tracer.statement(statement)


def _spread(tracer: Any, value: Any, of: Variable) -> ast.expr:
    both = [tracer.expression(value), tracer.expression(of.shape)]
    return code.call(code.attribute(code.name("np"), "broadcast_to"), both, {})


def _alone(tracer: Any, x: Variable) -> bool:
    """Whether no other array shares the memory of a variable, the caller's least of all."""
    if not isinstance(x.value, np.ndarray) or _outside(tracer, x.value):
        return False
    return not shared(x.value, (v.value for v in tracer.beside(x) if v is not x))


def _outside(tracer: Any, array: Any) -> bool:
    return shared(array, (*tracer.inputs.values(), *tracer.constants.values()))


def _fits(tracer: Any, target: Variable, *operands: Any) -> bool:
    """Whether an input may be written to, and its dtype takes what is computed of these."""
    return bool(np.result_type(target.value, *operands) == target.dtype and tracer.effects.writes_to(target))


def _moved(tracer: Any, target: Variable, expression: ast.expr) -> Variable:
    """An input under a new name, after all of it has been written to."""
    tracer.effects.moved(target, tracer.line(expression, target.value).name)
    return target


def _renewed(tracer: Any, x: Variable, expression: ast.expr, value: Any) -> Variable:
    """A variable under a new name, and with an array of its own, after all of it has been written to."""
    x.name, x.value = tracer.line(expression, value).name, value
    tracer.owns(x)
    return x


def _alike(a: Any, b: Any) -> bool:
    """Whether two arrays look the same in memory, so that sums run over them in the same order."""
    return isinstance(a, np.ndarray) and (a.shape, a.dtype, a.strides) == (b.shape, b.dtype, b.strides)
