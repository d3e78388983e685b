"""Nested dicts, lists and tuples of arrays, seen as a flat list of leaves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

Rebuild = Callable[[Sequence[Any]], Any]


def flatten(tree: Any) -> tuple[list[Any], Rebuild]:
    """The leaves of a tree, in order, and the function that builds the same tree of other leaves.

    Example:
        >>> leaves, rebuild = flatten({"W": 1.0, "b": (2.0, 3.0)})
        >>> leaves
        [1.0, 2.0, 3.0]
        >>> rebuild([10.0, 20.0, 30.0])
        {'W': 10.0, 'b': (20.0, 30.0)}
    """
    if isinstance(tree, dict):
        keys, branches = list(tree), list(tree.values())
    elif isinstance(tree, list | tuple):
        keys, branches = [], list(tree)
    else:
        return [tree], lambda leaves: leaves[0]
    parts = [flatten(branch) for branch in branches]
    sizes = [len(leaves) for leaves, _ in parts]

    def rebuild(leaves: Sequence[Any]) -> Any:
        built, start = [], 0
        for (_, make), size in zip(parts, sizes, strict=True):
            built.append(make(leaves[start : start + size]))
            start += size
        if isinstance(tree, dict):
            return dict(zip(keys, built, strict=True))
        return type(tree)(*built) if hasattr(tree, "_fields") else type(tree)(built)

    return [leaf for leaves, _ in parts for leaf in leaves], rebuild


def flatten_like(tree: Any, like: Any, what: str) -> list[Any]:
    """The leaves of a tree in the order of another one of the same structure, dicts matched by their keys.

    Raises:
        ValueError: the structures differ; `what` names the tree.

    Example:
        >>> flatten_like({"b": 2.0, "a": 1.0}, {"a": None, "b": None}, "tangents")
        [1.0, 2.0]
    """
    if isinstance(like, dict):
        if not isinstance(tree, dict) or tree.keys() != like.keys():
            raise ValueError(f"{what}: a dict with the keys {list(like)} is needed, got {_outline(tree)}")
        return [leaf for key in like for leaf in flatten_like(tree[key], like[key], what)]
    if isinstance(like, list | tuple):
        if not isinstance(tree, list | tuple) or len(tree) != len(like):
            raise ValueError(f"{what}: a sequence of {len(like)} is needed, got {_outline(tree)}")
        return [leaf for branch, shape in zip(tree, like, strict=True) for leaf in flatten_like(branch, shape, what)]
    return [tree]


def _outline(tree: Any) -> str:
    if isinstance(tree, dict):
        return f"a dict with the keys {list(tree)}"
    return f"{len(tree)} of them" if isinstance(tree, list | tuple) else f"a {type(tree).__name__}"
