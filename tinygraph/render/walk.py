"""The walk through a graph, forward and then backward, in words: one equation for each value and each derivative."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from tinygraph.graph import Node
from tinygraph.render import chain, numbers, text
from tinygraph.render.chain import Term
from tinygraph.render.content import Gathered
from tinygraph.render.expression import Expr


class Notation(Protocol):
    """How things are written: the modules `text` and `latex`."""

    @property
    def TIMES(self) -> str: ...  # noqa: N802  the name that both modules have

    def spell(self, x: Expr) -> tuple[str, int]: ...
    def atom(self, name: str) -> tuple[str, int]: ...
    def constant(self, value: Any) -> tuple[str, int]: ...
    def number(self, value: Any) -> str: ...
    def value(self, x: Any) -> str: ...
    def bound(self, operand: tuple[str, int], bond: int) -> str: ...
    def derivative(self, of: str, by: str, d: str = "d") -> str: ...
    def total(self, parts: Iterable[str]) -> str: ...
    def finished(self, written: str) -> str: ...


class Walk:
    """The equations of a graph: of each the parts that stand between its signs of equality, the name first.

    Args:
        graph: what was gathered.
        notation: `text` or `latex`.
        with_numbers: whether the equations end in numbers.
        short: whether a derivative is written dW, as in the course's code, and not dJ/dW.
    """

    def __init__(
        self,
        graph: Gathered,
        notation: Notation = text,
        *,
        with_numbers: bool = True,
        short: bool = False,
        terms: Mapping[tuple[Node, Node], Term] | None = None,
    ) -> None:
        self.graph, self.notation, self.with_numbers, self.short = graph, notation, with_numbers, short
        if terms is None:
            terms = {(term.box, term.x): term for box in graph.boxes for term in chain.terms(graph, box)}
        self.terms = terms
        self.by_placeholder = {chain.upstream(node): node for node in graph.boxes}

    def called(self, node: Node) -> str:
        """The name of a node, or its formula; "·" where it has none that reads well."""
        name = self.graph.name(node)
        return self.notation.atom(name)[0] if name else self.graph.called(node) or "·"

    @cached_property
    def of(self) -> str:
        return self.notation.atom(self.graph.of)[0] if self.graph.of else ""

    def symbol(self, node: Node) -> str:
        """The derivative by a node, as the course writes it."""
        by = self.called(node)
        return f"d{by}" if self.short else self.notation.derivative(self.of, by)

    def given(self) -> list[list[str]]:
        """The equations of the arrays that no Tensor holds."""
        named = [(self.graph.array_name(a), np.asarray(a)) for a in self.graph.bare]
        return [_different([self.notation.atom(name)[0], self.notation.value(a)]) for name, a in named if name]

    def value(self, node: Node) -> list[str]:
        """The equation of a value: its name, its formula, the formula with its numbers, and what it comes to."""
        formula = self.graph.formulas[node]
        parts = [self.called(node) if self.graph.name(node) else ""]
        if node.op is not None:
            parts.append(self.notation.spell(formula)[0])
            if self.with_numbers and _all_numbers(formula):
                parts.append(self.notation.spell(_numbered(formula))[0])
        return _different([*parts, self.notation.value(node.value) if self.with_numbers or node.op is None else ""])

    def term(self, term: Term) -> list[str]:
        """The chain rule along one arrow."""
        return _different([self.symbol(term.x), *self._product(term), self._value(term.share)])

    def derivative(self, node: Node) -> list[str]:
        """The equation of a derivative, the sum where several arrows come back."""
        terms = [self.terms[c, node] for c in self.graph.boxes if (c, node) in self.terms]
        if len(terms) == 1:
            return self.term(terms[0])
        parts = [self._product(t, "∂") for t in terms]
        rows = max(map(len, parts), default=0)
        said = [self.notation.total(p[min(i, len(p) - 1)] for p in parts) for i in range(rows)]
        if self.with_numbers and terms and all(text.is_scalar(t.share) for t in terms):
            said.append(self.notation.total(self.notation.number(t.share) for t in terms))
        return _different([self.symbol(node), *said, self._value(self.graph.gradients[node])])

    def backward(self) -> list[Node]:
        """The nodes in the order in which a person differentiates: back from the result, each box's own inputs next."""
        first = {x: box for box in reversed(self.graph.boxes) for x in self.graph.inputs(box)}
        order = []
        for box in reversed(self.graph.boxes):
            if box.op is not None:
                order.append(box)
            order += [x for x in self.graph.inputs(box) if x.op is None and first[x] is box]
        return [node for node in order if node in self.graph.gradients and node not in self.graph.roots]

    def about(self, node: Node) -> list[str]:
        """What there is to say of one node: its equation, and that of its derivative."""
        lines = [self.line(self.value(node))]
        g = self.graph.gradients.get(node)
        if g is not None and self.graph.of is None:
            lines.append(f"gradient = {numbers.short(g)}")
        elif g is not None and node not in self.graph.roots:
            lines.append(self.line(self.derivative(node)))
        return lines

    def outline(self) -> str:
        """All of the walk, a line for each step."""
        given = [self.line(parts) for parts in self.given()]
        if self.graph.of is None:
            return "\n".join([*given, *(line for node in self.graph.boxes for line in self.about(node))])
        forward = [*given, *(self.line(self.value(node)) for node in self.graph.boxes)]
        return "\n".join([*forward, *(self.line(self.derivative(node)) for node in self.backward())])

    def line(self, parts: list[str]) -> str:
        """An equation in one line."""
        return self.notation.finished(" = ".join(parts))

    def _product(self, term: Term, d: str = "d") -> list[str]:
        """dJ/dv · dv/du; the same with the formula of dv/du; the same with its numbers. Of arrays one formula."""
        if term.local is None:
            return [self.notation.spell(self._renamed(term.whole))[0]]
        ways = [(self.notation.derivative(self.called(term.box), self.called(term.x), d), 9)]
        ways.append(self.notation.spell(term.local) if term.local.number is None else ways[0])
        if self.with_numbers or term.local.number is not None:
            ways.append(self.notation.constant(term.local.value))
        if term.box in self.graph.roots:
            return [said for said, _ in ways]
        g = self.notation.number(self.graph.gradients[term.box]) if self.with_numbers else self.symbol(term.box)
        before = [self.symbol(term.box), self.symbol(term.box), g]
        return [f"{g}{self.notation.TIMES}{self.notation.bound(way, 3)}" for g, way in zip(before, ways, strict=False)]

    def _renamed(self, x: Expr) -> Expr:
        """A formula in which what stands for the derivative by a box is called so."""
        node = self.by_placeholder.get(x.name)
        if node is not None:
            return replace(x, name=self.symbol(node))
        return replace(x, operands=tuple(map(self._renamed, x.operands)))

    def _value(self, x: Any) -> str:
        return self.notation.value(x) if self.with_numbers else ""


def _different(parts: list[str]) -> list[str]:
    """Without what is empty, or the same as what stands before it."""
    return list(dict.fromkeys(filter(None, parts)))


def _numbered(x: Expr) -> Expr:
    """A formula with its numbers in place of its names."""
    return Expr(x.value) if x.op is None else replace(x, operands=tuple(map(_numbered, x.operands)))


def _all_numbers(x: Expr) -> bool:
    """Whether all that stands in a formula is a number."""
    return np.ndim(x.value) == 0 if x.op is None else all(map(_all_numbers, x.operands))
