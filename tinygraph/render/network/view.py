"""Which parts of a network are drawn, and which of them are open at first."""

from __future__ import annotations

from collections import deque

from tinygraph.render.network.measure import Figures
from tinygraph.render.network.parts import NETWORK, OPERATION, REPEAT, SCOPE, Part, Tree

COPIES = 12  # of a repeat, up to which all are drawn
FIRST, LAST = 2, 1  # else so many at either end
SEEN_AT_FIRST = 24  # boxes
FEW = 2  # so few that what is in them is shown as well
STILL = 300  # boxes of a still picture, however deep it is to be
ROOM = 1000  # boxes of a page, open and closed


def children(group: Part) -> list[Part]:
    """The parts of an open group that are drawn."""
    if group.kind == REPEAT and len(group.children) > COPIES:
        return [*group.children[:FIRST], *group.children[-LAST:]]
    return group.children


def opens(part: Part, figures: dict[Part, Figures], parameters: bool) -> bool:
    """Whether there is anything to see in a part."""
    if part.kind == OPERATION or not part.children:
        return False
    only = part.children[0] if len(part.children) == 1 else None
    return only is None or only.kind != OPERATION or (parameters and figures[part].parameters > 0)


def foldable(tree: Tree, figures: dict[Part, Figures], parameters: bool) -> dict[Part, list[Part]]:
    """The groups that a page can open, and what each then shows: the outer ones first, as far as there is room."""
    shown: dict[Part, list[Part]] = {}
    queue, taken = deque([tree.root]), 0
    while queue:
        group = queue.popleft()
        inside = children(group)
        if group is not tree.root and taken + len(inside) > ROOM:
            continue
        taken += len(inside)
        shown[group] = inside
        queue.extend(part for part in inside if opens(part, figures, parameters))
    return shown


def at_first(shown: dict[Part, list[Part]], tree: Tree, depth: int | None, coloured: bool = False) -> set[Part]:
    """The groups that are open at first.

    To a given depth of scopes; or, where it is None, as deep as the picture stays small. Layers, the scopes without
    scopes in them, and repeats stay closed, except where there is nothing else to see: a strip of colours is something.
    """
    opened, level, seen = {tree.root}, [tree.root], len(shown[tree.root])
    while level:
        inner = [part for group in level for part in shown[group] if part in shown]
        alone = depth is None and not coloured and seen <= FEW
        level = [part for part in inner if alone or _is_opened(part, depth)]
        more = sum(len(shown[part]) - 1 for part in level)
        if not alone and seen + more > (SEEN_AT_FIRST if depth is None else STILL):
            break
        seen += more
        opened.update(level)
    return opened


def _is_opened(part: Part, depth: int | None) -> bool:
    if part.kind != SCOPE:
        return False
    if depth is None:
        return any(child.kind != OPERATION for child in part.children)
    levels, around = 0, part.parent
    while around is not None:
        levels += around.kind in (SCOPE, NETWORK)
        around = around.parent
    return levels < depth
