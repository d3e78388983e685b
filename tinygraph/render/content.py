"""What a picture needs of a graph: its nodes in order, their names, formulas and derivatives."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygraph.graph import Node, pullback, serial
from tinygraph.op import Array, bare
from tinygraph.render import text


@dataclass
class Gathered:
    """A graph before a line of DOT is written.

    `names` maps nodes, tags and the ids of bare arrays to names; `of` is the name of the scalar whose derivatives are
    in `gradients`, None where these are only what `backward` has left; `shares` are the parts that each use of a value
    adds to its derivative.
    """

    roots: list[Node]
    nodes: list[Node]
    names: Mapping[Any, str]
    formulas: dict[Node, text.Formula] = field(default_factory=dict)
    gradients: dict[Node, Array] = field(default_factory=dict)
    shares: dict[tuple[Node, Node], list[Array]] = field(default_factory=lambda: defaultdict(list))
    of: str | None = None

    def name(self, node: Node) -> str | None:
        """The name given by the caller, else the Tensor's own."""
        tag = node.tag
        given = self.names.get(node) or (self.names.get(tag) if tag is not None else None)
        found = given or (tag.name if tag is not None else None)
        return text.plain(found) or None if found else None

    def operand(self, x: Node | Array) -> text.Formula:
        """A node's input, as it stands in the formula of that node."""
        if x.__class__ is not Node:
            name = self.names.get(id(x))
            return text.atom(text.plain(name)) if name else text.constant(x)
        name = self.name(x)
        return text.atom(name) if name else text.shortened(self.formulas[x])


def operands(node: Node) -> list[Node | Array]:
    """What an operation was done to: nodes, and the bare constants between them."""
    return [a if x is None else x for x, a in zip(node.inputs or (), node.args or (), strict=True)]


def gather(roots: Sequence[Node], names: Mapping[Any, str], max_nodes: int) -> Gathered:
    """Everything that leads to the roots, a formula for each, and the derivatives of a root that is one number.

    Raises:
        ValueError: more than `max_nodes` nodes.
        RuntimeError: backward has released the graph.
    """
    nodes = _reached(roots)
    if len(nodes) > max_nodes:
        raise ValueError(
            f"the graph has {len(nodes):,} nodes and a picture holds {max_nodes:,}: render a Tensor nearer to the "
            "inputs or a smaller model, or raise max_nodes (Graphviz is slow on large graphs)"
        )
    graph = Gathered(list(roots), nodes, names)
    for node in nodes:
        given = [graph.operand(x) for x in operands(node)]
        graph.formulas[node] = (
            text.constant(node.value) if node.op is None else text.formula(node.op, node.params, given)
        )
    _differentiate(graph)
    return graph


def _reached(roots: Sequence[Node]) -> list[Node]:
    """All nodes behind the roots, constants too, in the order of recording."""
    seen = set(roots)
    stack = list(seen)
    while stack:
        inputs = stack.pop().inputs
        if inputs is None:
            raise RuntimeError(
                "backward has released this graph (retain_graph=False) and nothing is left to draw: render it before, "
                "or leave retain_graph=True"
            )
        for x in inputs:
            if x is not None and x not in seen:
                seen.add(x)
                stack.append(x)
    return sorted(seen, key=serial)


def _differentiate(graph: Gathered) -> None:
    """The derivatives of a single scalar root, by the reverse pass; of anything else, what `backward` has left."""
    root = graph.roots[0]
    if len(graph.roots) == 1 and root.requires_grad and root.op is not None and np.size(root.value) == 1:

        def watch(consumer: Node, x: Node, g: Array) -> None:
            graph.shares[consumer, x].append(g)

        wanted = {node for node in graph.nodes if node.requires_grad}
        with np.errstate(all="ignore"):
            graph.gradients = pullback(root, np.ones_like(root.value), wanted, watch=watch)
        graph.of = graph.name(root) or ""
        return
    for node in graph.nodes:
        if node.tag is not None and node.tag.grad is not None:
            graph.gradients[node] = bare(node.tag.grad)
