"""What is done to variables: what an array that is traced answers to NumPy and to Python's operators."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygraph.program import code
from tinygraph.program.expressions import operation, subscript, ufunc_call
from tinygraph.program.inplace import ufunc_into, wrote
from tinygraph.program.variable import Variable, value_of

STATIC = {np.shape, np.size, np.ndim, np.result_type, np.can_cast, np.min_scalar_type}
STATIC |= {np.iscomplexobj, np.isrealobj, np.common_type}
RAGGED = {np.nonzero, np.flatnonzero, np.argwhere, np.unique, np.extract, np.compress, np.trim_zeros, np.union1d}
RAGGED |= {np.roots, np.polydiv}
RAGGED |= {getattr(np, f"unique_{kind}", np.unique) for kind in ("all", "counts", "inverse", "values")}  # NumPy 2
RAGGED |= {np.intersect1d, np.setdiff1d, np.setxor1d, np.bincount}  # how long their results are depends on values
WRITING = {np.copyto, np.put, np.place, np.putmask, np.fill_diagonal, np.put_along_axis, np.save, np.savetxt}


def operate(tracer: Any, symbol: Any, function: Callable[..., Any], *operands: Any) -> Any:
    """An operator of Python's."""
    value = function(*map(value_of, operands))
    if not tracer.open or value is NotImplemented:
        return value
    return tracer.record(operation(tracer, symbol, operands), value)


def ufunc(tracer: Any, ufunc: np.ufunc, method: str, args: Any, kwargs: Any) -> Any:
    """A ufunc, or one of its methods."""
    out = kwargs.pop("out", None)
    target = out[0] if isinstance(out, tuple) and len(out) == 1 else out
    if target is not None:
        return ufunc_into(tracer, ufunc, method, args, kwargs, target)
    value = getattr(ufunc, method)(*value_of(args), **value_of(kwargs))
    if not tracer.open:
        return value
    expression = ufunc_call(tracer, ufunc, method, args, kwargs)
    if method == "at":
        return wrote(tracer, args[0], ast.Expr(expression))
    return tracer.record(expression, value)


def function(tracer: Any, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """Another function of NumPy's."""
    if tracer.open and (function in RAGGED or _counted(function, args, kwargs)):
        tracer.notice(f"decides by its values how long the result of {function.__name__} is")
    if tracer.open and (function in WRITING or kwargs.get("out") is not None):
        tracer.notice(f"is written by {function.__name__}")
    if function in (np.may_share_memory, np.shares_memory):
        tracer.notice("is asked whether it shares its memory")
    value = function(*value_of(args), **value_of(kwargs))
    if not tracer.open or function in STATIC:
        return value
    if function in (np.ones_like, np.zeros_like) and not kwargs and not value.ndim:
        return tracer.record(code.literal(value[()], tracer.capture), value[()])  # a number, known before the call
    of = code.library_name(function) or tracer.capture(function)
    named = {k: tracer.expression(v) for k, v in kwargs.items() if v is not np._NoValue}
    return tracer.record(code.call(of, [*map(tracer.expression, args)], named), value)


def method(tracer: Any, of: Variable, name: str, args: Any, kwargs: Any) -> Any:
    """A method of arrays."""
    if tracer.open and (name in ("nonzero", "compress") or (name == "repeat" and _traced((args, kwargs)))):
        tracer.notice(f"decides by its values how long the result of {name} is")
    value = getattr(of.value, name)(*value_of(args), **value_of(kwargs))
    if not tracer.open:
        return value
    named = {k: tracer.expression(v) for k, v in kwargs.items() if not (k == "axis" and v is None)}
    named = {k: v for k, v in named.items() if not (k == "keepdims" and kwargs[k] is False)}
    if name == "transpose" and not args and not kwargs:
        return tracer.record(code.attribute(tracer.expression(of), "T"), value)
    function = code.attribute(tracer.expression(of), name)
    return tracer.record(code.call(function, [*map(tracer.expression, args)], named), value)


def attribute(tracer: Any, of: Variable, name: str) -> Any:
    """An attribute of arrays."""
    value = getattr(of.value, name)
    return tracer.record(code.attribute(tracer.expression(of), name), value) if tracer.open else value


def item(tracer: Any, of: Variable, key: Any) -> Any:
    """`x[key]`."""
    masks = (type(k) is Variable and k.dtype == bool for k in (key if isinstance(key, tuple) else (key,)))
    if tracer.open and any(masks):
        tracer.notice("decides by its values how many elements are taken")
    value = of.value[value_of(key)]
    return tracer.record(subscript(tracer, of, key), value) if tracer.open else value


def _counted(function: Callable[..., Any], args: Any, kwargs: Any) -> bool:
    """Whether it is by these arguments that how long the result is depends on values."""
    if function is np.where:
        return len(args) == 1
    return function in (np.repeat, np.delete) and _traced((args[1:], kwargs))


def _traced(x: Any) -> bool:
    """Whether there is a variable in it."""
    parts = x.values() if isinstance(x, dict) else x if isinstance(x, tuple | list) else ()
    return type(x) is Variable or any(map(_traced, parts))
