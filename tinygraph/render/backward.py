"""The reverse pass as a graph: the same rules, run on Tensors, record what they do."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from tinygraph.graph import Node, leaf, pullback
from tinygraph.render import text
from tinygraph.render.chain import undisturbed
from tinygraph.render.content import Gathered, gather, reached
from tinygraph.render.subject import Subject
from tinygraph.tensor import handle


def both(found: Subject, max_nodes: int, fold: bool | None = None) -> tuple[Gathered, dict[Node, str]]:
    """The graph of a number together with that of its derivatives, and what the latter's nodes are called besides.

    Raises:
        ValueError: several results, or one that is no number or has no derivative.
    """
    if len(found.roots) != 1 or np.size(found.roots[0].value) != 1 or not found.roots[0].requires_grad:
        raise ValueError("render: backward=True needs one result, a number that something learned is behind")
    (root,) = found.roots
    alone = gather([root], found.names, max_nodes, fold=False, given=found.given)
    forward = set(reached([root]))
    learned = [node for node in alone.boxes if node in alone.gradients and node is not root]
    wanted = [node for node in learned if node.op is None or alone.raw_name(node)]
    seed = leaf(np.ones_like(root.value), True)
    with undisturbed():
        slopes = pullback(root, handle(seed), wanted, lift=handle)
    called: dict[Node, list[str]] = defaultdict(list)
    of = alone.name(root) or ""
    called[seed].append(text.derivative(of, of) if of else "1")
    for node in sorted(wanted, key=lambda node: -node.serial):
        called[slopes[node]._node].append(text.derivative(of, alone.called(node) or "·"))
    roots = [root, *(slopes[node]._node for node in wanted)]
    first = {node: names[0] for node, names in called.items()}
    graph = gather(list(dict.fromkeys(roots)), found.names, max_nodes, fold=fold, given=found.given, made=first)
    others = {node: "".join(f" = {name}" for name in names[1:]).strip() for node, names in called.items()}
    reverse = {node: others.get(node, "") for node in graph.nodes if node not in forward}
    return graph, reverse
