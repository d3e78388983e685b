"""Folding: equal parts in a row become one with a count, and a crowd of parts is cut into segments."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from tinygraph.render.network.parts import COPY, GROUPS, OPERATION, REPEAT, SEGMENT, Part, Tree, operations

LONGEST_PERIOD = 64
CROWD = 40  # how many parts a box shows before they are folded
PIECES = 20  # and into how many segments what then is left is cut
FEWEST = 3  # copies of a layer in series;
FEWEST_IN_PARALLEL = 4  # three side by side are query, key and value
Run = tuple[int, int, int]  # where it starts, the length of what is repeated, how often


def fold(tree: Tree) -> None:
    """Fold repeats and crowds in every group of a tree, the inner ones first."""
    numbers: dict[Any, int] = {}
    for part in reversed(list(tree.walk())):
        if part.kind in GROUPS:
            _fold_repeats(part, tree, numbers)
        part.alike = numbers.setdefault(_structure(part), len(numbers))
        _cut(part)
    tree.settle()


def _structure(part: Part) -> Any:
    """What parts of equal structure have in common: operations and shapes, and the order of what is in them."""
    node = part.node
    if node is None:
        return part.layer or part.kind, tuple(child.alike for child in part.children)
    shapes = tuple(getattr(a, "shape", ()) for a in node.args or ())
    arranged = tuple((x.op and x.op.name, x.value.shape) for x in part.arranged)
    return node.op and node.op.name, node.value.shape, node.value.dtype, shapes, arranged


def repeats(numbers: Sequence[int], fewest: int = FEWEST) -> list[Run]:
    """Runs of equal stretches in a sequence, none within another: the longest are taken first.

    Example:
        >>> repeats([7, 1, 2, 1, 2, 1, 2, 9])
        [(1, 2, 3)]
    """
    sequence = np.asarray(numbers)
    found = []
    for period in range(1, min(LONGEST_PERIOD, len(sequence) // fewest) + 1):
        same = np.concatenate(([False], sequence[period:] == sequence[:-period], [False]))
        starts, stops = np.flatnonzero(same[1:] != same[:-1]).reshape(-1, 2).T
        counts = (stops - starts) // period + 1
        many = np.flatnonzero(counts >= fewest)
        found += [(-int(counts[i]) * period, period, int(starts[i]), int(counts[i])) for i in many]
    taken = np.zeros(len(sequence), bool)
    runs = []
    for covered, period, start, count in sorted(found):
        if not taken[start : start - covered].any():
            taken[start : start - covered] = True
            runs.append((start, period, count))
    return sorted(runs)


def _fold_repeats(group: Part, tree: Tree, numbers: dict[Any, int]) -> None:
    """Put runs of equal parts into one part each; again while that helps, for a repeat may be repeated itself."""
    while True:
        children = group.children
        crowded = len(children) > CROWD
        runs = [
            run
            for run in repeats([child.alike for child in children])
            if crowded or _is_worth_it(children[run[0] :], run, tree)
        ]
        if not runs:
            return
        folded, at = [], 0
        for start, period, count in runs:
            folded += children[at:start]
            at = start + period * count
            folded.append(_repeat(children[start:at], period, group, numbers))
        group.adopt([*folded, *children[at:]])


def _is_worth_it(children: Sequence[Part], run: Run, tree: Tree) -> bool:
    """Layers are folded; single operations only where there are too many, and layers side by side from four on."""
    _, period, count = run
    first = children[:period]
    if all(child.kind == OPERATION for child in first):
        return False
    return count >= FEWEST_IN_PARALLEL or in_series(first, children[period : 2 * period], tree)


def in_series(first: Iterable[Part], second: Iterable[Part], tree: Tree) -> bool:
    """Whether what is in `second` uses anything in `first`."""
    given = {x for part in second for node in operations(part) for x in node.inputs or ()}
    return any(node in given for part in first for node in operations(part))


def _repeat(children: Sequence[Part], period: int, group: Part, numbers: dict[Any, int]) -> Part:
    repeat = Part(REPEAT, group)
    if period == 1:
        repeat.adopt(children)
    else:
        copies = []
        for i in range(0, len(children), period):
            copy = Part(COPY, repeat, str(i // period))
            copy.adopt(children[i : i + period])
            copy.alike = numbers.setdefault(_structure(copy), len(numbers))
            copies.append(copy)
        repeat.adopt(copies)
    repeat.alike = numbers.setdefault(_structure(repeat), len(numbers))
    return repeat


def _cut(group: Part) -> None:
    """Cut a crowd that does not repeat into segments, and these again. A repeat shows only some of its copies."""
    crowds = [group]
    while crowds:
        crowd = crowds.pop()
        children = crowd.children
        if len(children) <= CROWD or crowd.kind == REPEAT:
            continue
        segments = []
        for start, stop in pairwise(i * len(children) // PIECES for i in range(PIECES + 1)):
            segment = Part(SEGMENT, crowd, f"{start + 1:,} to {stop:,}")
            segment.adopt(children[start:stop])
            segments.append(segment)
        crowd.adopt(segments)
        crowds += segments
