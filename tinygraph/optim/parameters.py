"""What may be given to an optimizer: Tensors, with or without names, in one group or several."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tinygraph.tensor import Tensor

Named = list[tuple[str | None, Tensor]]


def grouped(params: Any) -> list[tuple[Named, dict[str, Any]]]:
    """Groups of (name, Tensor), each with its own settings: the name is None where none was given.

    `params` is an iterable of Tensors or of (name, Tensor), a dict of Tensors by name, or a list of groups: dicts with
    "params", any of these, and settings.

    Raises:
        TypeError: something else.
        ValueError: nothing, the same Tensor twice, or one that cannot be a parameter.
    """
    given = params if isinstance(params, Mapping) else _listed(params)
    if isinstance(given, list) and given and all(isinstance(g, Mapping) for g in given):
        for i, group in enumerate(given):
            if "params" not in group:
                raise ValueError(f'group {i} of the parameters has no "params", only {list(group)}')
        groups = [(named(g["params"]), {k: v for k, v in g.items() if k != "params"}) for g in given]
    else:
        groups = [(named(given), {})]
    _check(groups)
    return groups


def flat(params: Any) -> list[tuple[str, Tensor]]:
    """All Tensors of `params`, each with a name of its own."""
    return labelled([pair for named, _ in grouped(params) for pair in named])


def labelled(named: Named) -> list[tuple[str, Tensor]]:
    """A name for each, none twice: the given one, else the Tensor's own, else its number."""
    names = [name or p.name for name, p in named]
    if None in names or len(set(names)) < len(names):
        given = [name for name, _ in named]
        names = [str(i) if name is None or given.count(name) > 1 else name for i, name in enumerate(given)]
    return [(str(name), p) for name, (_, p) in zip(names, named, strict=True)]


def _listed(params: Any) -> list[Any]:
    if isinstance(params, Tensor):
        raise TypeError("parameters: this is one Tensor; give a list of them, [p]")
    if not isinstance(params, Iterable):
        hint = ": give its .parameters()" if hasattr(params, "parameters") else ""
        raise TypeError(f"parameters: Tensors in a list or a dict are needed, not a {type(params).__name__}{hint}")
    return list(params)


def named(params: Any) -> Named:
    """(name, Tensor) of what may stand in one group; nothing is checked."""
    if isinstance(params, Tensor):
        return [(None, params)]
    if isinstance(params, Mapping):
        return [(str(name), p) for name, p in params.items()]
    return [p if isinstance(p, tuple) and len(p) == 2 else (None, p) for p in _listed(params)]


def _check(groups: list[tuple[Named, dict[str, Any]]]) -> None:
    seen: set[Tensor] = set()
    pairs = [pair for named, _ in groups for pair in named]
    if not pairs or not all(named for named, _ in groups):
        raise ValueError("parameters: an empty list; was the generator used up before, or is the model frozen?")
    for i, (name, p) in enumerate(pairs):
        what = f"parameter {i if name is None else repr(name)}"
        if not isinstance(p, Tensor):
            raise TypeError(f"{what} is a {type(p).__name__}, not a Tensor")
        if p in seen:
            raise ValueError(f"{what} is given twice; give each Tensor once")
        if p.dtype.kind == "c":
            raise TypeError(f"{what} is complex; make its real and its imaginary part two parameters")
        if not p.is_leaf:
            raise ValueError(f"{what} is a result, not a leaf; optimize the Tensors that it was computed from")
        if not p.requires_grad:
            kind = f"an array of {p.dtype}" if p.dtype.kind != "f" else "made with requires_grad=False"
            raise ValueError(f"{what} is a constant ({kind}); leave it out")
        seen.add(p)
