"""The same laws on complex numbers: the operation as one of real and imaginary parts, which are real arrays.

An operation of z = x + iy with results u + iv becomes one of x and y with results u and v, so that differences along
both directions, second orders and forward mode are tried by the laws for real numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from typing import Any

import numpy as np

import tinygraph as tg
from laws import matrices
from laws.cases import DTYPES, GRID, Case, array, plain, recipe_for, shape
from tinygraph.op import Op

COMPOSITIONS = {
    "angle": lambda r: Case([array(r, shape(r), 0.0)], {"deg": bool(r.randint(0, 1))}),
    "real_if_close": lambda r: Case([array(r, shape(r))], {"tol": r.choice([1, 100])}),
}


def either(r: Random) -> Case:
    """A complex array, or a real one."""
    of, complex_ = shape(r), bool(r.randint(0, 3))
    return Case([array(r, of) for _ in range(1 + complex_)], call=Parts(plain, [complex_]), dtypes=DTYPES[1:])


RECIPES = {"conj": either, "imag": either, "real": either}
INTO = {"assign", "insert"}  # what is written into an array of real numbers must be real


class Parts:
    """A call with arrays made of real parts, and of imaginary parts for those that are complex."""

    def __init__(self, call: Callable[..., Any], imaginary: Sequence[bool]) -> None:
        self.call = call
        self.imaginary = imaginary

    def whole(self, arrays: Sequence[Any]) -> list[Any]:
        parts = iter(arrays)
        return [next(parts) + 1j * next(parts) if imaginary else next(parts) for imaginary in self.imaginary]

    def __call__(self, function: Callable[..., Any], *arrays: Any, **kwargs: Any) -> list[Any]:
        out = self.call(function, *self.whole(arrays), **kwargs)
        found = list(out) if isinstance(out, list | tuple) else [out]
        return [part for y in found for part in ((np.real(y), np.imag(y)) if np.iscomplexobj(y) else (y,))]


def complex_case(function: Any, r: Random) -> Case:
    """A case of the function's, with imaginary parts for some of its arrays, none of them 0."""
    case = recipe_for(function)(r)
    n = len(case.arrays)
    last = [True] * n if name_of(function) in INTO else [False] * (n - 1) + [True]
    chosen = r.choice([[True] * n, [True] * n, [True] + [False] * (n - 1), last])
    arrays = []
    for a, imaginary in zip(case.arrays, chosen, strict=True):
        arrays.append(a)
        if imaginary:
            share = 4 if case.dtypes is matrices.FLOATS else 1  # of matrices smaller ones, to leave them regular
            sizes = [r.choice([-1, 1]) * r.randint(GRID // 8, GRID) / GRID / share for _ in range(a.size)]
            arrays.append(np.array(sizes).reshape(a.shape))
    kwargs = dict(case.kwargs)
    if kwargs.get("dtype") is not None:
        kwargs["dtype"] = np.result_type(kwargs["dtype"], np.complex64)
    kinks = [k._replace(margin=_of_real_parts(k.margin)) for k in case.kinks]
    made = Parts(case.call, chosen)
    return replace(case, arrays=arrays, kwargs=kwargs, call=made, kinks=kinks, dtypes=case.dtypes[-2:])


def _of_real_parts(margin: Callable[..., Any]) -> Callable[..., Any]:
    """Complex numbers are in order of their real parts, and no imaginary part that is tried is 0."""
    return lambda *args, **params: np.real(margin(*args, **params))


def name_of(function: Any) -> str:
    return function.name if isinstance(function, Op) else function.__name__


def takes_complex(function: Any) -> bool:
    """Whether a function records complex numbers."""
    case = complex_case(function, Random(0))
    try:
        with tg.no_grad(), np.errstate(all="ignore"):
            case.call(function, *map(tg.Tensor, case.arrays), **case.kwargs)
    except TypeError:
        return False
    return True
