"""What a compiled function returns, put together of what its program returns: the same tuples, lists and dicts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tinygraph.graph import Node, leaf
from tinygraph.program.variable import value_of
from tinygraph.tensor import Tensor, handle
from tinygraph.tree import Rebuild

Spots = Sequence[tuple[str, Any]]  # "array" or "tensor" of the program, an "argument", a "copy", the "same"
KEYS = (str, int, bool, bytes)  # of dicts that are written out


def rebuilt(spots: Spots, put_together: Rebuild) -> tuple[str, dict[str, Any]]:
    """How code makes of a program's results r, and of arguments a0, a1, ..., what the function returned.

    An expression, and what it names: `(r[0], {"W": r[1]})` where brackets can write it, a call of `rebuild` elsewhere.
    """
    leaves = list(_leaves(spots))
    space = {"tensor": _tensor, "rebuild": put_together, "same": [place for _, place in spots]}
    written = _expression(put_together(list(range(len(spots)))), leaves)
    return written or f"rebuild([{', '.join(leaves)}])", space


def regain(tensors: Iterable[Tensor], given: Mapping[Node, Node], oldest: int) -> None:
    """Arrays in place of the variables in the graph behind Tensors, as far back as the nodes that were `given`.

    Where there is no program the first call returns what every later one does: Tensors that can be differentiated.
    """
    seen: set[Node] = set()
    for tensor in tensors:
        tensor._node = given.get(tensor._node, tensor._node)
        stack = [tensor._node]
        while stack:
            node = stack.pop()
            if node in seen or node.serial <= oldest:
                continue
            seen.add(node)
            node.value, node.args, node.params = map(value_of, (node.value, node.args, node.params))
            if node.inputs:
                node.inputs = tuple(given.get(x, x) for x in node.inputs)
                stack += [x for x in node.inputs if x is not None]
        tensor._data = tensor._node.value


def _tensor(value: Any) -> Tensor:
    return handle(leaf(value, False))


def _leaves(spots: Spots) -> Any:
    """How each result is got: of the results, of the arguments, or it is the same each time."""
    n = 0
    for i, (kind, place) in enumerate(spots):
        if kind in ("array", "tensor"):
            yield f"tensor(r[{n}])" if kind == "tensor" else f"r[{n}]"
            n += 1
        else:
            yield f"a{place}" if kind == "argument" else f"same[{i}]{'.copy()' if kind == 'copy' else ''}"


def _expression(tree: Any, leaves: Sequence[str]) -> str | None:
    """The expression of a tree whose leaves are numbered; None of one that Python's own brackets do not make."""
    kind = type(tree)
    if kind is int or tree is None:
        return "None" if tree is None else str(leaves[tree])
    if kind not in (tuple, list, dict):
        return None
    parts = [_expression(part, leaves) for part in (tree.values() if kind is dict else tree)]
    if any(part is None for part in parts) or (kind is dict and not all(type(key) in KEYS for key in tree)):
        return None
    if kind is dict:
        return "{" + ", ".join(f"{key!r}: {part}" for key, part in zip(tree, parts, strict=True)) + "}"
    inside = "".join(f"{part}, " for part in parts)
    return f"({inside})" if kind is tuple else f"[{inside}]"
