"""Inputs of Fourier transforms: real and complex, cut and filled up, along one axis and several.

The operations themselves are given 1, 2 or 4 elements, whose sums are exact; what is made of them any number.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np

from laws.cases import Case, array, axis_of, plain, shape
from laws.complexes import Parts

EXACT = [1, 2, 4]
ANY = [1, 2, 3, 4, 5]


def numbers(r: Random, of: tuple[int, ...], real: bool) -> tuple[list[np.ndarray], Parts]:
    """Real numbers, or complex ones in their parts."""
    if real:
        return [array(r, of)], Parts(plain, [False])
    return [array(r, of), array(r, of)], Parts(plain, [True])


def along(sizes: list[int], kind: str) -> Callable[[Random], Case]:
    """Along one axis; of `half` a signal of n elements comes from n // 2 + 1."""

    def recipe(r: Random) -> Case:
        n = r.choice(sizes)
        half, axis = kind == "half", r.choice([0, -1])
        given = r.choice([n // 2 + 1 if half else n, r.randint(1, 5)])
        known = given != (n // 2 + 1 if half else n) or (half and n % 2 == 1) or bool(r.randint(0, 1))
        other = r.randint(1, 2)
        arrays, call = numbers(
            r, (given, other) if axis == 0 else (other, given), kind == "real" or not r.randint(0, 2)
        )
        norms = ["backward", "forward", None, *(["ortho"] if n != 2 or sizes is ANY else [])]
        return Case(arrays, {"n": n if known else None, "axis": axis, "norm": r.choice(norms)}, call)

    return recipe


def over(kind: str, images: bool) -> Callable[[Random], Case]:
    """Over several axes."""

    def recipe(r: Random) -> Case:
        of = (r.randint(2, 4), r.randint(2, 3), r.randint(2, 4))
        axes = r.choice([(-2, -1), (0, 2), (2, 0), (1,)] if images else [None, (0, 2), (2, 1), (-1,)])
        s = r.choice([None, tuple(r.randint(2, 4) for _ in axes)]) if axes is not None else None
        arrays, call = numbers(r, of, kind == "real" or not r.randint(0, 2))
        return Case(arrays, {"s": s, "axes": axes, "norm": r.choice([None, "ortho", "forward"])}, call)

    return recipe


def turned(r: Random) -> Case:
    a = array(r, shape(r, 1, 3))
    return Case([a], {"axes": r.choice([None, axis_of(r, a), (0, -1)[: min(a.ndim, 2)]])})


NAMES = {"fft": "whole", "ifft": "whole", "rfft": "real", "irfft": "half"}
RECIPES = {name: along(EXACT, kind) for name, kind in NAMES.items()}
REFERENCES: dict[str, Any] = {name: getattr(np.fft, name) for name in NAMES}
COMPOSITIONS = {
    "hfft": along(ANY, "half"),
    "ihfft": along(ANY, "real"),
    "fftshift": turned,
    "ifftshift": turned,
    **{f"{kind}{n}": over("real" if kind == "rfft" else "whole", n == "2") for kind in NAMES for n in ("2", "n")},
}
DEFINITIONS = {name: getattr(np.fft, name) for name in COMPOSITIONS}  # np.fft is not imported by tinygraph
