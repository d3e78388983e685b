"""The derivation of a result and its derivatives, as a student would write it: text and LaTeX."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygraph.render import latex as latex_notation
from tinygraph.render import text as text_notation
from tinygraph.render.content import gather
from tinygraph.render.subject import subject
from tinygraph.render.walk import Walk


@dataclass(frozen=True)
class Derivation:
    """Equations in order: `values` forward, `derivatives` backward, each the parts between its signs of equality.

    `str()` gives text, `latex` LaTeX that KaTeX and MathJax set, which a notebook shows.
    """

    values: tuple[tuple[str, ...], ...]
    derivatives: tuple[tuple[str, ...], ...]
    latex: str = field(repr=False)
    as_latex: bool = field(default=False, repr=False)

    def __str__(self) -> str:
        if self.as_latex:
            return self.latex
        parts = [[" = ".join(parts) for parts in several] for several in (self.values, self.derivatives)]
        return "\n\n".join("\n".join(lines) for lines in parts if lines)

    def __repr__(self) -> str:
        return str(self)

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex}\n$$"

    def _repr_markdown_(self) -> str:
        return self._repr_latex_()


def derivation(
    x: Any,
    *,
    inputs: Sequence[Any] | Mapping[str, Any] = (),
    names: Mapping[str, Any] | None = None,
    numbers: bool = True,
    latex: bool = False,
    short: bool | None = None,
    max_nodes: int = 400,
) -> Derivation:
    r"""Write down how a result is computed, and its derivative by everything behind it, by the chain rule.

    The equations are read off the graph and off the rules of its operations, none is written down beforehand. An
    operation without a name stands in the formula of the one that uses it; where that would be too long, it is called
    t1, t2 and so on.

    Args:
        x: a Tensor, or a function, which is called on `inputs`.
        inputs: the arguments of a function, in order or by name.
        names: names for Tensors and arrays, as `names=locals()`.
        numbers: whether each equation ends in its numbers.
        latex: whether `str()` gives LaTeX.
        short: dW for dJ/dW, as in the course's code; None does so where there are arrays.
        max_nodes: how many operations there may be.

    Raises:
        TypeError: x is neither; or several results.
        ValueError: an array as the result, which has no derivative that is one array; or too large a graph.

    Example:
        >>> import tinygraph as tg
        >>> a, b, c = tg.Tensor(5.0), tg.Tensor(3.0), tg.Tensor(2.0)
        >>> u = b * c
        >>> v = a + u
        >>> J = 3 * v
        >>> found = derivation(J, names=dict(a=a, b=b, c=c, u=u, v=v, J=J))
        >>> print(found)
        a = 5
        b = 3
        c = 2
        u = b × c = 3 × 2 = 6
        v = a + u = 5 + 6 = 11
        J = 3 × v = 3 × 11 = 33
        <BLANKLINE>
        dJ/dv = 3
        dJ/da = dJ/dv · dv/da = 3 · 1 = 3
        dJ/du = dJ/dv · dv/du = 3 · 1 = 3
        dJ/db = dJ/du · du/db = dJ/du · c = 3 · 2 = 6
        dJ/dc = dJ/du · du/dc = dJ/du · b = 3 · 3 = 9
        >>> print(derivation(J, names=dict(b=b, c=c, J=J, v=v), numbers=False).latex.splitlines()[-2])
        \frac{dJ}{dc} &= \frac{dJ}{dv} \cdot \frac{dv}{dc} = \frac{dJ}{dv} \cdot b
    """
    found = subject(x, inputs, names)
    if len(found.roots) != 1:
        raise TypeError(f"derivation: one result is differentiated, not {len(found.roots)}")
    (root,) = found.roots
    if np.size(root.value) != 1:
        raise ValueError(f"derivation: a result of shape {np.shape(root.value)} is no number; differentiate its sum")
    graph = gather([root], found.names, max_nodes, fold=True, given=found.given, automatic=True)
    if short is None:
        short = any(not text_notation.is_scalar(node.value) for node in graph.boxes)
    plain = Walk(graph, text_notation, with_numbers=numbers, short=short)
    typeset = Walk(graph, latex_notation, with_numbers=numbers, short=short, terms=plain.terms)
    return Derivation(
        tuple(_values(plain)),
        tuple(_lines(plain, plain.derivative, plain.backward())),
        _aligned(typeset),
        latex,
    )


def _values(walk: Walk) -> list[tuple[str, ...]]:
    given = [tuple(map(walk.notation.finished, parts)) for parts in walk.given()]
    return [*given, *_lines(walk, walk.value, walk.graph.boxes)]


def _lines(walk: Walk, equation: Any, nodes: Any) -> list[tuple[str, ...]]:
    return [tuple(map(walk.notation.finished, equation(node))) for node in nodes]


def _aligned(walk: Walk) -> str:
    """One block of equations, their first signs of equality under each other."""
    found = [*_values(walk), *_lines(walk, walk.derivative, walk.backward())]
    lines = [f"{first} &= {' = '.join(rest)}" if rest else rf"{first} &" for first, *rest in found]
    return "\n".join([r"\begin{aligned}", *(f"{line} \\\\" for line in lines[:-1]), *lines[-1:], r"\end{aligned}"])
