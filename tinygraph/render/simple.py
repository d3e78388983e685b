"""A layered layout in linear time, for what takes Graphviz too long: longest paths, and a look at the neighbours."""

from __future__ import annotations

from collections.abc import Sequence

Point = tuple[float, float]


def simple(
    sizes: Sequence[tuple[float, float]], arrows: Sequence[tuple[int, int]], gap: float, rank_gap: float
) -> tuple[float, float, list[Point]]:
    """Width, height and the centres of boxes, each below all that it comes from.

    Example:
        >>> simple([(10, 4), (10, 4), (10, 4)], [(0, 1), (1, 2)], gap=2, rank_gap=6)
        (10, 24.0, [(5.0, 2.0), (5.0, 12.0), (5.0, 22.0)])
    """
    ranks = _ranks(len(sizes), arrows)
    rows: list[list[int]] = [[] for _ in range(max(ranks, default=-1) + 1)]
    before: list[list[int]] = [[] for _ in sizes]
    for a, b in arrows:
        if ranks[a] < ranks[b]:
            before[b].append(a)
    for i, rank in enumerate(ranks):
        rows[rank].append(i)
    width = max((sum(sizes[i][0] for i in row) + gap * (len(row) - 1) for row in rows), default=0)
    centres: list[Point] = [(0.0, 0.0)] * len(sizes)
    y = 0.0
    for row in rows:
        wished = {i: _mean([centres[a][0] for a in before[i]], width / 2) for i in row}
        row.sort(key=lambda i: wished[i])
        x = (width - sum(sizes[i][0] for i in row) - gap * (len(row) - 1)) / 2
        tall = max(sizes[i][1] for i in row)
        for i in row:
            centres[i] = x + sizes[i][0] / 2, y + tall / 2
            x += sizes[i][0] + gap
        y += tall + rank_gap
    return width, max(y - rank_gap, 0), centres


def _ranks(n: int, arrows: Sequence[tuple[int, int]]) -> list[int]:
    """The length of the longest path to each box; arrows of a circle that lead back are passed over.

    What no arrow leads to stands right before the first that it leads to.
    """
    after: list[list[int]] = [[] for _ in range(n)]
    waiting = [0] * n
    for a, b in arrows:
        after[a].append(b)
        waiting[b] += 1
    ranks = [0] * n
    given = [i for i in range(n) if not waiting[i]]
    ready = list(given)
    left = set(range(n))
    while left:
        if not ready:
            ready.append(min(left))
        i = ready.pop()
        if i not in left:
            continue
        left.discard(i)
        for b in after[i]:
            if b in left:
                ranks[b] = max(ranks[b], ranks[i] + 1)
                waiting[b] -= 1
                if waiting[b] == 0:
                    ready.append(b)
    for i in given:  # beside its first use
        ranks[i] = max(min((ranks[b] for b in after[i]), default=1) - 1, 0)
    return ranks


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
