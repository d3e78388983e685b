"""The chain rule along each arrow, read off the reverse pass itself.

The rules of the operations are run on Tensors, and what they record is the formula of the derivative: no derivative is
written down a second time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygraph.graph import Node, leaf, pullback, serial
from tinygraph.mode import MODE, recording
from tinygraph.op import Array, Mapped, whole
from tinygraph.render.content import Gathered
from tinygraph.render.expression import Expr, read, simplify
from tinygraph.render.text import HIDDEN, is_scalar
from tinygraph.tensor import Tensor, handle


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


@contextmanager
def undisturbed() -> Iterator[None]:
    """Record as usual, whatever mode the caller is in: a graph that holds a NaN is drawn also under `debug`."""
    token = MODE.set(None)
    try:
        with recording(), np.errstate(all="ignore"):
            yield
    finally:
        MODE.reset(token)


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
    scalars = [x for x in graph.inputs(box) if is_scalar(x.value) and is_scalar(box.value)]
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
    """The formulas of what the box's rules make of g, by input: the box is computed once more, and differentiated.

    Of a rule that only knows bare arrays there is the number, and no formula.
    """
    fresh = {x: leaf(x.value, np.asarray(whole(x.value)).dtype.kind in "fc") for x in graph.inputs(box)}
    seed = leaf(g)
    arrays = [a for a in graph.arrays(box) if not isinstance(a, Mapped)]
    bare = [(a, leaf(np.asarray(a))) for a in arrays if np.asarray(a).dtype.kind in "fc"]
    with undisturbed():
        root = _again(box, fresh, bare)
        wanted = [node for x, node in fresh.items() if x.requires_grad]
        try:
            found = pullback(root, handle(seed), wanted, lift=handle)
        except (TypeError, ValueError, AttributeError, ArithmeticError, RuntimeError):
            found = pullback(root, g, wanted)
    if not all(isinstance(y, Tensor) for y in found.values()):  # or what has several results has several gradients
        name = "" if np.ndim(g) == 0 else HIDDEN
        return {x: Expr(found[node], name=name) for x, node in fresh.items() if node in found}
    known = {node: Expr(node.value, name=names[x]) for x, node in fresh.items()}
    known |= {node: Expr(node.value, name=graph.array_name(a) or HIDDEN) for a, node in bare}
    known[root] = Expr(root.value, name=names[box])
    known[seed] = Expr(g) if is_scalar(g) and g == 1 else Expr(g, name=upstream(box))

    def stop(x: Node | Array) -> Expr | None:
        if isinstance(x, Node):
            return known.get(x)
        name = graph.array_name(x)
        return Expr(x, name=name) if name else None

    return {x: simplify(read(found[node]._node, stop)) for x, node in fresh.items() if node in found}


def _again(box: Node, fresh: Mapping[Node, Node], bare: Iterable[tuple[Array, Node]]) -> Node:
    """The box, and what is folded into it, computed from fresh inputs; bare arrays are recorded too, to be named."""
    made: dict[Node, Any] = {x: handle(node) for x, node in fresh.items()}
    recorded = {id(a): handle(node) for a, node in bare}
    steps, stack = {box}, [box]
    while stack:
        for x in stack.pop().inputs or ():
            if x is not None and x not in fresh and x.op is not None and x not in steps:
                steps.add(x)
                stack.append(x)
    for node in sorted(steps, key=serial):
        pairs = zip(node.inputs or (), node.args or (), strict=True)
        args = [recorded.get(id(a), a) if x is None else made.get(x, x.value) for x, a in pairs]
        assert node.op is not None
        made[node] = node.op(*args, **(node.params or {}))
    found: Node = made[box]._node
    return found
