"""What a picture needs of a graph: the nodes that are drawn, their names, formulas and derivatives."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygraph.graph import Node, pullback, serial
from tinygraph.op import Array, bare
from tinygraph.render import names as names_of
from tinygraph.render import text
from tinygraph.render.expression import Expr, read

LONGEST_FOLDED = 30.0  # in ems: a formula that several operations are folded into


@dataclass
class Gathered:
    """A graph before anything is drawn.

    `nodes` are all that lead to the roots, `boxes` those that are drawn: a folded operation stands in the formula of
    the one that uses it, which is its `owner`. `names` maps nodes, tags and the ids of bare arrays to names; `of` is
    the name of the scalar whose derivatives are in `gradients`, None where these are only what `backward` has left;
    `shares` are the parts that each use of a value adds to its derivative. `given` holds inputs that are data,
    although a derivative flows through them.
    """

    roots: list[Node]
    nodes: list[Node]
    names: Mapping[Any, str]
    given: frozenset[Node] = frozenset()
    boxes: list[Node] = field(default_factory=list)
    owner: dict[Node, Node] = field(default_factory=dict)
    formulas: dict[Node, Expr] = field(default_factory=dict)
    gradients: dict[Node, Array] = field(default_factory=dict)
    shares: dict[tuple[Node, Node], list[Array]] = field(default_factory=lambda: defaultdict(list))
    of: str | None = None
    automatic: dict[Node, str] = field(default_factory=dict)

    def raw_name(self, node: Node) -> str | None:
        """The name given by the caller, else the Tensor's own, else one made up."""
        tag = node.tag
        given = self.names.get(node) or (self.names.get(tag) if tag is not None else None)
        found = given or (tag.name if tag is not None else None)
        return (names_of.plain(found) or None if found else None) or self.automatic.get(node)

    def name(self, node: Node) -> str | None:
        """The name as a picture shows it, with marks for what is raised."""
        name = self.raw_name(node)
        return names_of.shown(name, bool(np.ndim(node.value))) if name else None

    def array_name(self, x: Array) -> str | None:
        """The name of a bare array."""
        name = names_of.plain(self.names.get(id(x), ""))
        return names_of.shown(name, bool(np.ndim(x))) if name else None

    def called(self, node: Node) -> str:
        """The name, else the formula in brackets, by which a derivative is taken; empty where neither reads well."""
        name = self.name(node)
        if name:
            return name
        said = text.spell(self.formulas[node])[0]
        return f"({said})" if text.is_short(said) else ""

    @property
    def bare(self) -> list[Array]:
        """The arrays that no Tensor holds, each once."""
        return list({id(a): a for box in self.boxes for a in self.arrays(box)}.values())

    @property
    def reads_well(self) -> bool:
        """Whether everything that is used can be told from the others in words, by its name or its whole formula."""
        used = [node for node in self.boxes if node not in self.roots and not self.name(node)]
        return all(node.op is not None and self.called(node) for node in used) and all(map(self.array_name, self.bare))

    def inputs(self, box: Node) -> list[Node]:
        """The drawn nodes that the formula of a box is made of, each once, in the order of use."""
        found: dict[Node, None] = {}
        stack = list(reversed(box.inputs or ()))
        while stack:
            x = stack.pop()
            if x is None:
                continue
            if x in self.owner:
                stack.extend(reversed(x.inputs or ()))
            else:
                found[x] = None
        return list(found)

    def arrays(self, box: Node) -> list[Array]:
        """The bare arrays, which no Tensor holds, that the formula of a box is made of."""
        found: dict[int, Array] = {}
        stack = [box]
        while stack:
            node = stack.pop()
            for x, a in zip(node.inputs or (), node.args or (), strict=True):
                if x is None and not text.is_scalar(a):
                    found.setdefault(id(a), a)
                elif x is not None and x in self.owner:
                    stack.append(x)
        return list(found.values())


def gather(
    roots: Sequence[Node],
    names: Mapping[Any, str],
    max_nodes: int,
    *,
    fold: bool | None = None,
    given: frozenset[Node] = frozenset(),
    automatic: bool = False,
    made: Mapping[Node, str] | None = None,
) -> Gathered:
    """Everything that leads to the roots, a formula for each box, and the derivatives of a root that is one number.

    Args:
        roots: the nodes of the results.
        names: by node, tag and id of a bare array.
        max_nodes: how many nodes there may be.
        fold: whether an operation without a name stands in the formula of the one that uses it; None does so where
            the caller has named steps between inputs and result.
        given: leaves that are data, although they require a gradient.
        automatic: give names to the boxes and bare arrays that have none.
        made: names that nobody gave, marked for pictures.

    Raises:
        ValueError: more than `max_nodes` nodes.
        RuntimeError: backward has released the graph.
    """
    nodes = reached(roots)
    if len(nodes) > max_nodes:
        raise ValueError(
            f"the graph has {len(nodes):,} nodes and a picture of values holds {max_nodes:,}: view='network' folds "
            "them; or render a Tensor nearer to the inputs, or raise max_nodes (Graphviz is slow on large graphs)"
        )
    graph = Gathered(list(roots), nodes, names, given, automatic=dict(made or {}))
    if fold is None:
        fold = any(node.op is not None and node not in roots and graph.raw_name(node) for node in nodes)
    _write(graph, fold, automatic)
    _differentiate(graph)
    return graph


def reached(roots: Sequence[Node]) -> list[Node]:
    """All nodes behind the roots, constants too, in the order of recording.

    Raises:
        RuntimeError: backward has released the graph.
    """
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


def _write(graph: Gathered, fold: bool, automatic: bool) -> None:
    """Choose the boxes and write their formulas, in the order of recording."""
    uses = Counter(x for node in graph.nodes for x in node.inputs or () if x is not None)
    consumer = {x: node for node in graph.nodes for x in node.inputs or () if x is not None}
    taken = {graph.raw_name(node) for node in graph.nodes} | set(graph.names.values())
    if automatic:
        graph.names = {**_constants(graph.nodes, taken), **graph.names}
    spare = (f"t{i}" for i in range(1, len(graph.nodes) + len(taken) + 2))
    for node in graph.nodes:
        graph.formulas[node] = formula = _formula(graph, node)
        nameless = not graph.raw_name(node) and uses[node] > 0 and node not in graph.roots
        number = node.op is None and not node.requires_grad and text.is_scalar(node.value)
        step = node.op is not None and uses[node] == 1 and fold and text.ems(text.spell(formula)[0]) <= LONGEST_FOLDED
        if nameless and (number or step):
            graph.owner[node] = consumer[node]
            continue
        if automatic and not graph.raw_name(node):
            graph.automatic[node] = next(name for name in spare if name not in taken)
        graph.boxes.append(node)
    for node in reversed(graph.nodes):  # the one that is drawn, not one that is folded itself
        if node in graph.owner:
            graph.owner[node] = graph.owner.get(graph.owner[node], graph.owner[node])


def _constants(nodes: Sequence[Node], taken: Collection[str | None]) -> dict[int, str]:
    """Names for the arrays that no Tensor holds: c1 and so on."""
    pairs = ((x, a) for node in nodes for x, a in zip(node.inputs or (), node.args or (), strict=True))
    found = dict.fromkeys(id(a) for x, a in pairs if x is None and not text.is_scalar(a))
    spare = (name for i in range(1, len(found) + len(taken) + 1) if (name := f"c{i}") not in taken)
    return dict(zip(found, spare, strict=False))


def _formula(graph: Gathered, node: Node) -> Expr:
    """The formula of a node in terms of names; a nameless box is written out again where that is short."""

    def leaf(x: Node | Array) -> Expr | None:
        if not isinstance(x, Node):
            return Expr(x, name=graph.array_name(x) or "")
        if x is node:
            return None
        name = graph.name(x)
        if name:
            return Expr(x.value, name=name)
        written = graph.formulas[x]
        if x.op is None and x.requires_grad:
            return Expr(x.value)
        short = x in graph.owner or text.is_short(text.spell(written)[0])
        return written if short else Expr(x.value, name=text.HIDDEN)

    return read(node, leaf)


def _differentiate(graph: Gathered) -> None:
    """The derivatives of a single scalar root, by the reverse pass; of anything else, what `backward` has left."""
    root = graph.roots[0] if len(graph.roots) == 1 else None
    if root is not None and root.requires_grad and root.op is not None and np.size(root.value) == 1:

        def watch(node: Node, x: Node, g: Array) -> None:
            graph.shares[graph.owner.get(node, node), x].append(g)

        wanted = {node for node in graph.nodes if node.requires_grad}
        with np.errstate(all="ignore"):
            found = pullback(root, np.ones_like(root.value), wanted, watch=watch)
        learned = _depends(graph)
        graph.gradients = {node: g for node, g in found.items() if learned(node)}
        graph.shares = defaultdict(list, {pair: g for pair, g in graph.shares.items() if learned(pair[1])})
        graph.of = graph.name(root) or ""
        return
    for node in graph.nodes:
        if node.tag is not None and node.tag.grad is not None:
            graph.gradients[node] = bare(node.tag.grad)


def _depends(graph: Gathered) -> Callable[[Node], bool]:
    """Whether something that is not data stands behind a node."""
    found: dict[Node, bool] = {}
    for node in graph.nodes:
        own = node.requires_grad and node not in graph.given
        found[node] = own if node.op is None else any(found[x] for x in node.inputs or () if x is not None)
    return found.__getitem__
