"""Where an element of x[key], or of x.reshape(shape), stands in x: the source of its index."""

from __future__ import annotations

import ast
import math
from collections.abc import Sequence
from typing import Any

from tinygraph.program.into import number_of


class UnfitError(Exception):
    """A step that is not of numbers alone."""


def key_of(code: ast.expr) -> tuple[Any, ...]:
    """What stands between brackets: slices, numbers, None and ..."""
    parts = code.elts if isinstance(code, ast.Tuple) else [code]
    found = []
    for part in parts:
        ends = [part.lower, part.upper, part.step] if isinstance(part, ast.Slice) else [part]
        if any(p is not None and number_of(p) is None and getattr(p, "value", 0) not in (None, ...) for p in ends):
            raise UnfitError("places that arrays tell")
        values = [None if p is None else ast.literal_eval(p) for p in ends]
        found.append(slice(*values) if isinstance(part, ast.Slice) else values[0])
    return tuple(found)


def taken(key: tuple[Any, ...], index: Sequence[str], shape: tuple[int, ...]) -> list[str]:
    """The place in x of the element of x[key] at a place."""
    key = key if Ellipsis in key else (*key, ...)
    left, sizes, at = iter(index), iter(shape), []
    for part in key:
        if part is None:
            next(left)
        elif part is Ellipsis:
            at += [(next(left), next(sizes))[0] for _ in range(len(shape) - sum(k is not None for k in key) + 1)]
        elif isinstance(part, slice):
            start, _, step = part.indices(next(sizes))
            if step != 1:
                raise UnfitError("a step in a slice")
            at.append(f"{next(left)} + {start}" if start else next(left))
        else:
            at.append(str(part % next(sizes)))
    return at


def unfolded(index: Sequence[str], shape: tuple[int, ...], into: tuple[int, ...]) -> list[str]:
    """The place in an array of the element that stands elsewhere in another shape."""
    terms = [f"{k} * {math.prod(shape[i + 1 :])}" for i, (k, n) in enumerate(zip(index, shape, strict=True)) if n > 1]
    flat = f"({' + '.join(terms) or '0'})"
    return [f"{flat} // {math.prod(into[i + 1 :])} % {n}" for i, n in enumerate(into)]
