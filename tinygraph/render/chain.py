"""The chain rule along each arrow, read off the reverse pass itself.

The rules of the operations are run on Tensors, and what they record is the formula of the derivative: no derivative is
written down a second time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from tinygraph.graph import Node, leaf, pullback
from tinygraph.mode import recording
from tinygraph.op import Array
from tinygraph.render import numbers, text
from tinygraph.render.content import Gathered
from tinygraph.render.expression import Expr, read, simplify
from tinygraph.render.names import unmarked
from tinygraph.render.text import HIDDEN
from tinygraph.tensor import handle


@dataclass(frozen=True)
class Term:
    """What the use of x in a box adds to the derivative by x.

    `local` is the derivative of the box by x, where both are numbers: the term is the box's own derivative times that;
    else `whole` is the term itself. The box's own derivative stands in the formula as the name `upstream`.
    """

    box: Node
    x: Node
    share: Array
    local: Expr | None
    whole: Expr


def upstream(box: Node) -> str:
    """A name that stands for the derivative by a box until a notation writes it."""
    return f"\ue003{box.serial}\ue004"


def terms(graph: Gathered, box: Node) -> list[Term]:
    """The terms of all that a box is computed from, in the order of its inputs.

    Example:
        >>> import tinygraph as tg
        >>> from tinygraph.render.content import gather
        >>> from tinygraph.render.text import spell
        >>> b, c = tg.Tensor(3.0, name="b"), tg.Tensor(2.0, name="c")
        >>> J = (b * c)._node
        >>> [spell(term.local)[0] for term in terms(gather([J], {}, 10), J)]
        ['c', 'b']
    """
    g = graph.gradients.get(box)
    if g is None and box in graph.roots and graph.of is not None:
        g = np.ones_like(box.value)
    if g is None or box.op is None:
        return []
    found = []
    names = _names(graph, box)
    scalars = [x for x in graph.inputs(box) if np.ndim(x.value) == 0 and np.ndim(box.value) == 0]
    if scalars:
        locals_ = _pulled(graph, box, np.ones_like(box.value), names)
    if len(scalars) < len(graph.inputs(box)):
        wholes = _pulled(graph, box, g, names)
    for x in graph.inputs(box):
        shares = graph.shares.get((box, x))
        if not shares:
            continue
        share = _total(shares)
        if x in scalars:
            local = locals_[x]
            whole = Expr(share, name="")
        else:
            local, whole = None, wholes[x]
        found.append(Term(box, x, share, local, whole))
    return found


def _total(shares: list[Array]) -> Array:
    total = shares[0]
    for share in shares[1:]:
        total = total + share
    return total


def _names(graph: Gathered, box: Node) -> dict[Node, str]:
    """How each input is written; one without a name is the number that it is."""
    inputs = {x: "" if x.op is None and not graph.name(x) else graph.called(x) or HIDDEN for x in graph.inputs(box)}
    return {**inputs, box: graph.called(box) or HIDDEN}


def _pulled(graph: Gathered, box: Node, g: Array, names: Mapping[Node, str]) -> dict[Node, Expr]:
    """The formulas of what the box's rules make of g, by input: the box is computed once more, and differentiated."""
    fresh = {x: leaf(x.value, np.asarray(x.value).dtype.kind == "f") for x in graph.inputs(box)}
    made: dict[Node, Any] = {x: handle(node) for x, node in fresh.items()}
    steps, stack = [], [box]
    while stack:
        node = stack.pop()
        steps.append(node)
        stack.extend(x for x in node.inputs or () if x is not None and x not in fresh and x.op is not None)
    seed = leaf(g)
    with recording(), np.errstate(all="ignore"):
        for node in sorted(set(steps), key=lambda node: node.serial):
            args = [
                a if x is None else made.get(x, x.value)
                for x, a in zip(node.inputs or (), node.args or (), strict=True)
            ]
            assert node.op is not None
            made[node] = node.op(*args, **(node.params or {}))
        root = made[box]._node
        wanted = [node for x, node in fresh.items() if x.requires_grad]
        found = pullback(root, handle(seed), wanted, lift=handle)
    known = {node: Expr(node.value, name=names[x]) for x, node in fresh.items()}
    known[root] = Expr(root.value, name=names[box])
    known[seed] = Expr(g) if np.ndim(g) == 0 and g == 1 else Expr(g, name=upstream(box))

    def stop(x: Node | Array) -> Expr | None:
        if isinstance(x, Node):
            return known.get(x)
        name = graph.array_name(x)
        return Expr(x, name=name) if name else None

    return {x: simplify(read(found[node]._node, stop)) for x, node in fresh.items() if node in found}


class Words:
    """The walk forward and backward in words: what each box and each arrow says to a pointer that rests on it."""

    def __init__(self, graph: Gathered, found: Mapping[tuple[Node, Node], Term]) -> None:
        self.graph, self.terms = graph, found

    def symbol(self, node: Node) -> str:
        """The derivative by a node, as the course writes it."""
        return text.derivative(self.graph.of or "", self.graph.called(node) or "·")

    def value(self, node: Node) -> str:
        """A value: its name, its formula, the formula with its numbers, and what it comes to."""
        formula = self.graph.formulas[node]
        said = [self.graph.name(node) or ""]
        if node.op is not None:
            written = text.spell(formula)[0]
            filled = text.spell(numbered(formula))[0] if all_numbers(formula) else written
            said += [written] + [filled] * (filled != written)
        return unmarked(" = ".join(filter(None, dict.fromkeys([*said, numbers.short(node.value)]))))

    def term(self, term: Term) -> str:
        """The chain rule along one arrow."""
        return " = ".join(dict.fromkeys([self.symbol(term.x), *self.product(term), numbers.short(term.share)]))

    def product(self, term: Term, d: str = "d") -> list[str]:
        """dJ/dv · dv/du; the same with the formula of dv/du; the same with its numbers. Of arrays one formula."""
        if term.local is None:
            return [self.expanded(term.whole)]
        local = text.derivative(self.graph.called(term.box) or "·", self.graph.called(term.x) or "·", d)
        ways = [(local, 9), text.spell(term.local), text.constant(term.local.value)]
        if term.local.number is not None:
            ways[1] = ways[0]
        if term.box in self.graph.roots:
            return [said for said, _ in ways]
        before = [self.symbol(term.box)] * (len(ways) - 1) + [text.number(self.graph.gradients[term.box])]
        return [f"{g} · {text.bound(way, 3)}" for g, way in zip(before, ways, strict=True)]

    def expanded(self, x: Expr) -> str:
        """A formula with the names of derivatives written out."""
        return re.sub("\ue003(\\d+)\ue004", lambda m: self.symbol(self.by_serial[int(m[1])]), text.spell(x)[0])

    @cached_property
    def by_serial(self) -> dict[int, Node]:
        return {node.serial: node for node in self.graph.boxes}

    def derivative(self, node: Node) -> list[str]:
        """The chain rule at a node: one line, and the sum where several arrows come back."""
        if node not in self.graph.gradients:
            return []
        if self.graph.of is None:
            return [f"gradient = {numbers.short(self.graph.gradients[node])}"]
        if node in self.graph.roots:
            return []
        return [unmarked(" = ".join(self.sum(node)))]

    def sum(self, node: Node) -> list[str]:
        """The equation of a derivative, a list of what stands between its signs of equality."""
        terms = [self.terms[c, node] for c in self.graph.boxes if (c, node) in self.terms]
        if len(terms) == 1:
            said = self.product(terms[0])
        else:
            parts = [self.product(t, "∂") for t in terms]
            rows = range(max(map(len, parts), default=0))
            said = [text.total(p[min(i, len(p) - 1)] if i < len(rows) - 1 else p[-1] for p in parts) for i in rows]
            if all(text.is_scalar(t.share) for t in terms):
                said.append(text.total(text.number(t.share) for t in terms))
        return list(dict.fromkeys([self.symbol(node), *said, numbers.short(self.graph.gradients[node])]))

    def backward(self) -> list[Node]:
        """The nodes in the order in which a person differentiates: back from the result, each box's own inputs next."""
        first = {x: box for box in reversed(self.graph.boxes) for x in self.graph.inputs(box)}
        order = []
        for box in reversed(self.graph.boxes):
            if box.op is not None:
                order.append(box)
            order += [x for x in self.graph.inputs(box) if x.op is None and first[x] is box]
        return [node for node in order if node in self.graph.gradients and node not in self.graph.roots]

    def outline(self) -> str:
        """All of the picture in words, a line for each step."""
        lines = [self.value(node) for node in self.graph.boxes]
        order = self.backward() if self.graph.of is not None else self.graph.boxes
        return "\n".join([*lines, *(line for node in order for line in self.derivative(node))])


def numbered(x: Expr) -> Expr:
    """A formula with its numbers in place of its names."""
    if x.op is None:
        return Expr(x.value)
    return replace(x, operands=tuple(map(numbered, x.operands)))


def all_numbers(x: Expr) -> bool:
    """Whether all that stands in a formula is a number."""
    return np.ndim(x.value) == 0 if x.op is None else all(map(all_numbers, x.operands))
