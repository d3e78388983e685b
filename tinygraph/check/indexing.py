"""Every index expression that NumPy takes: basic, ellipsis, new axes, masks, integer arrays, and mixtures of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygraph.check.choose import Choose, Shape, pick

_KINDS = ("slice", "integer", "array", "mask")


def index(choose: Choose, of: Shape, advanced: bool = True) -> Any:
    """What may stand between the brackets of `x[...]` for an x of shape `of`, with elements repeated or none.

    All integer arrays and masks of one index broadcast together, as NumPy asks.
    """
    picks = tuple(1 + choose(3) for _ in range(1 + choose(2))) if advanced else ()
    parts: list[Any] = []
    places = list(of)
    while places and choose(8) != 7:  # axes that are left out are taken whole
        if advanced and choose(10) == 9:
            parts.append(pick(choose, (True, np.bool_(True))))
            picks = (*picks[:-1], 1)
            break
        kind = pick(choose, _KINDS if advanced else _KINDS[:2])
        used, part = _part(choose, kind, places, picks)
        places = places[used:]
        parts.append(part)
    skipped = len(of) - len(places) < len(of)
    if choose(4) == 3:
        parts.insert(len(parts) if skipped else choose(len(parts) + 1), Ellipsis)
    for _ in range(max(0, choose(5) - 2)):
        parts.insert(choose(len(parts) + 1), None)
    return parts[0] if len(parts) == 1 and choose(2) else tuple(parts)


def _part(choose: Choose, kind: str, places: Sequence[int], picks: Shape) -> tuple[int, Any]:
    """One item of an index and how many axes it takes."""
    n = places[0]
    if kind == "mask":
        axes = 1 + choose(len(places))
        size, wanted = math.prod(places[:axes]), picks[-1]
        if size >= wanted:
            flat = np.zeros(size, dtype=bool)
            for _ in range(wanted):
                left = np.flatnonzero(~flat)
                flat[left[choose(left.size)]] = True
            return axes, flat.reshape(places[:axes])
    if kind == "slice" or n == 0:
        return 1, _slice(choose, n)
    if kind == "array":
        shape = pick(choose, (picks, picks[-1:], tuple(1 for _ in picks), ()))
        made = np.array([_place(choose, n) for _ in range(math.prod(shape))], dtype=np.intp).reshape(shape)
        return 1, pick(choose, (made, made.tolist(), made.astype(np.int8)))
    where = _place(choose, n)
    return 1, pick(choose, (where, np.int64(where)))


def _place(choose: Choose, n: int) -> int:
    """One of n places, counted from either end."""
    k = choose(2 * n)
    return k if k < n else k - 2 * n


def _slice(choose: Choose, n: int) -> slice:
    """A slice of n elements, also past the ends, backwards, or of nothing."""
    if choose(3) == 0:
        return slice(None)
    ends = [None, *range(-n - 1, n + 2)]
    return slice(pick(choose, ends), pick(choose, ends), pick(choose, (None, 1, 2, -1, -2, 3)))
