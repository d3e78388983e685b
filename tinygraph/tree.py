"""Nested dicts, lists, tuples and dataclasses of arrays, seen as a flat list of leaves."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from copy import copy
from typing import Any

Rebuild = Callable[[Sequence[Any]], Any]


def flatten(tree: Any) -> tuple[list[Any], Rebuild]:
    """The leaves of a tree, in order, and the function that builds the same tree of other leaves.

    Branches are dicts, lists, tuples, named tuples and dataclasses; None is a tree without leaves. A field of a
    dataclass made by `field(metadata={"static": True})` is no branch: it stays as it is.

    Example:
        >>> leaves, rebuild = flatten({"W": 1.0, "b": (2.0, 3.0)})
        >>> leaves
        [1.0, 2.0, 3.0]
        >>> rebuild([10.0, 20.0, 30.0])
        {'W': 10.0, 'b': (20.0, 30.0)}
    """
    branches = branches_of(tree)
    if branches is None:
        return [tree], lambda leaves: leaves[0]
    parts = [flatten(branch) for branch in branches.values()]
    sizes = [len(leaves) for leaves, _ in parts]

    def rebuild(leaves: Sequence[Any]) -> Any:
        built, start = [], 0
        for (_, make), size in zip(parts, sizes, strict=True):
            built.append(make(leaves[start : start + size]))
            start += size
        return _joined(tree, dict(zip(branches, built, strict=True)))

    return [leaf for leaves, _ in parts for leaf in leaves], rebuild


def branches_of(tree: Any) -> dict[Any, Any] | None:
    """What a tree consists of, by key, place or name; None for a leaf."""
    if isinstance(tree, dict):
        return tree
    if isinstance(tree, list | tuple):
        return dict(enumerate(tree))
    if tree is None:
        return {}
    if dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        fields = (f for f in dataclasses.fields(tree) if not f.metadata.get("static"))
        return {f.name: getattr(tree, f.name) for f in fields}
    return None


def _joined(like: Any, branches: dict[Any, Any]) -> Any:
    """The same tree of other branches. A dataclass is not initialised again: its leaves may be anything."""
    if dataclasses.is_dataclass(like) and all(getattr(like, name) is branch for name, branch in branches.items()):
        return like
    if type(like) is dict:
        return branches
    if isinstance(like, dict):  # an ordered one stays that
        made = copy(like)
        dict.update(made, branches)
        return made
    if isinstance(like, list | tuple):
        return type(like)(*branches.values()) if hasattr(like, "_fields") else type(like)(branches.values())
    made = copy(like)
    for name, branch in branches.items():
        object.__setattr__(made, name, branch)  # also where it is frozen
    return made


def flatten_like(tree: Any, like: Any, what: str) -> list[Any]:
    """The leaves of a tree in the order of another one of the same structure, dicts matched by their keys.

    Raises:
        ValueError: the structures differ; `what` names the tree.

    Example:
        >>> flatten_like({"b": 2.0, "a": 1.0}, {"a": 0.0, "b": 0.0}, "tangents")
        [1.0, 2.0]
    """
    wanted, given = branches_of(like), branches_of(tree)
    if wanted is None:
        return [tree]
    same = given is not None and given.keys() == wanted.keys() and _alike(tree, like)
    if given is None or not same:
        raise ValueError(f"{what}: {_outline(like, wanted)} is needed, got {_outline(tree, given)}")
    return [leaf for key in wanted for leaf in flatten_like(given[key], wanted[key], what)]


def _alike(tree: Any, like: Any) -> bool:
    """Whether two trees are of one kind: a list may stand for a tuple."""
    if isinstance(like, list | tuple):
        return isinstance(tree, list | tuple)
    return isinstance(tree, dict) if isinstance(like, dict) else type(tree) is type(like)


def _outline(tree: Any, branches: dict[Any, Any] | None) -> str:
    if isinstance(tree, dict):
        return f"a dict with the keys {list(tree)}"
    if isinstance(tree, list | tuple):
        return f"a sequence of {len(tree)}"
    return "None" if tree is None else f"a {type(tree).__name__}"
