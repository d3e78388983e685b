"""Arrays in words: the numbers of a small one in a grid, of a large one how many, how small and how large they are."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygraph.op import Array, whole
from tinygraph.render.text import is_scalar, number, shape_and_dtype

ROWS, COLUMNS = 3, 4  # of the largest array that is written out
DIGIT, POINT = "\u2007", "\u2008"  # spaces as wide as a digit and as a point
BETWEEN = "\u2003"  # the space between two columns


def is_small(x: Array) -> bool:
    """Whether an array is written out.

    Example:
        >>> is_small(np.zeros((3, 4))), is_small(np.zeros((2, 5))), is_small(np.zeros((0,)))
        (True, False, False)
    """
    if not 1 <= np.ndim(x) <= 2 or not np.size(x) or np.asarray(x).dtype.kind not in "fiubc":
        return False
    return bool(np.shape(x)[-1] <= COLUMNS and (np.ndim(x) == 1 or np.shape(x)[0] <= ROWS))


def grid(x: Array) -> list[str]:
    """The rows of a small array, their points under each other.

    Example:
        >>> [row.replace("\u2007", "_") for row in grid(np.array([[1.0, -2.5], [10.0, 3.0]]))]
        ['[_1\u2003−2.5]', '[10\u2003_3\u2008_]']
    """
    rows = [[number(v) for v in row] for row in np.atleast_2d(x)]
    columns = [_aligned(column) for column in zip(*rows, strict=True)]
    return [f"[{BETWEEN.join(cells)}]" for cells in zip(*columns, strict=True)]


def _aligned(cells: tuple[str, ...]) -> list[str]:
    split = [cell.partition(".") if "e" not in cell else (cell, "", "") for cell in cells]
    left, right = max(len(a) for a, _, _ in split), max(len(c) for _, _, c in split)
    found = []
    for before, point, after in split:
        tail = point + after + DIGIT * (right - len(after))
        found.append(DIGIT * (left - len(before)) + before + (tail if point or not right else POINT + tail))
    return found


def summary(x: Array) -> str:
    """The smallest, the average and the largest number, and whether some are none.

    Example:
        >>> summary(np.array([1.0, 2.0, 6.0]))
        'min 1, mean 3, max 6'
        >>> summary(np.array([1.0, np.nan, np.inf, 3.0]))
        'min 1, mean 2, max 3, 1 nan, 1 ∞'
        >>> summary(np.array([1j, 3.0]))
        'sizes: min 1, mean 2, max 3'
    """
    x = np.asarray(x)
    if not x.size:
        return "empty"
    if x.dtype.kind == "c":
        return f"sizes: {summary(np.abs(x))}"
    if x.dtype.kind not in "fiub":
        return ""
    finite = x[np.isfinite(x)]
    parts = []
    if finite.size:
        with np.errstate(all="ignore"):
            mean = np.mean(finite, dtype=np.float64)
        parts = [f"min {number(finite.min())}", f"mean {number(mean)}", f"max {number(finite.max())}"]
    missing = int(np.isnan(x).sum()) if x.dtype.kind == "f" else 0
    endless = x.size - finite.size - missing
    parts += [f"{missing:,} nan"] * bool(missing) + [f"{endless:,} ∞"] * bool(endless)
    return ", ".join(parts)


def described(x: Array, learned: bool) -> list[tuple[str, str]]:
    """The lines of a box that say what an array holds, and the kind of each."""
    x = whole(x)  # inside vmap, of all examples
    count = f", {x.size:,} parameter{'s' * (x.size != 1)}" if learned and not is_small(x) else ""
    lines = [(shape_and_dtype(x) + count, "quiet")]
    return [*((row, "value") for row in grid(x)), *lines] if is_small(x) else [*lines, (summary(x), "value")]


def gradient(what: str, g: Array) -> list[str]:
    """The lines that say what a gradient holds: its numbers, or its length."""
    g = whole(g)
    if is_small(g):
        rows = grid(g)
        return [f"{what} = {rows[0]}"] if len(rows) == 1 else [f"{what} =", *rows]
    with np.errstate(all="ignore"):
        return [f"‖{what}‖ = {number(np.linalg.norm(np.ravel(g).astype(np.result_type(g, np.float64))))}"]


def short(x: Any) -> str:
    """A value in one line.

    Example:
        >>> short(np.float64(2.0)), short(np.ones(2)), short(np.ones(9))
        ('2', '[1, 1]', '(9,) float64')
    """
    x = whole(x)
    if is_scalar(x):
        return number(x)
    if is_small(x):
        rows = ["[" + ", ".join(map(number, row)) + "]" for row in np.atleast_2d(x)]
        return rows[0] if np.ndim(x) == 1 else "[" + ", ".join(rows) + "]"
    return shape_and_dtype(x)
