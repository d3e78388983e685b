"""A formula as a tree, read off recorded operations, and the little algebra that a reverse pass leaves to be done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tinygraph.graph import Node
from tinygraph.op import Array, Op, whole
from tinygraph.ops import elementwise as e


@dataclass(frozen=True, eq=False)
class Expr:
    """An operation on expressions, or a leaf: a name, or without one a constant. `value` is what it comes to."""

    value: Array
    op: Op | None = None
    operands: tuple[Expr, ...] = ()
    params: Mapping[str, Any] | None = None
    name: str = ""

    @property
    def number(self) -> float | None:
        """The number of a real constant, None of anything else."""
        named = self.op is not None or self.name or np.iscomplexobj(self.value)
        return None if named or np.ndim(whole(self.value)) else float(self.value)


def read(node: Node, leaf: Callable[[Node | Array], Expr | None]) -> Expr:
    """The formula that made a node, down to whatever `leaf` says is one, and to constants."""
    found = leaf(node)
    if found is not None:
        return found
    operands = []
    for x, a in zip(node.inputs or (), node.args or (), strict=True):
        operands.append((leaf(a) or Expr(a)) if x is None else _base(read(x, leaf)))
    return Expr(node.value, node.op, tuple(operands), node.params)


def _base(x: Expr) -> Expr:
    """x for x¹, which the rule of x² leaves."""
    return x.operands[0] if x.op is e.power and x.operands[1].number == 1 else x


def same(a: Expr, b: Expr) -> bool:
    """Whether two formulas are written alike."""
    if a.op is None or b.op is None:
        return a.op is b.op and (
            a.name == b.name if a.name or b.name else a.number is not None and a.number == b.number
        )
    return (
        a.op is b.op
        and (a.params or {}).keys() == (b.params or {}).keys()
        and repr(a.params) == repr(b.params)
        and len(a.operands) == len(b.operands)
        and all(map(same, a.operands, b.operands))
    )


def simplify(x: Expr) -> Expr:
    """Signs in front, no factors of one, no terms of zero, numbers multiplied out, x x as x².

    Example:
        >>> import tinygraph as tg
        >>> from tinygraph.render.text import spell
        >>> a = Expr(np.float64(2.0), name="a")
        >>> product = Expr(np.float64(-2.0), tg.multiply, (Expr(np.float64(-1.0)), a))
        >>> spell(simplify(product))[0]
        '−a'
    """
    if x.op is None:
        return x
    x = replace(x, operands=tuple(map(simplify, x.operands)))
    if all(o.number is not None for o in x.operands) and np.ndim(whole(x.value)) == 0 and not x.params:
        return Expr(x.value)
    if x.op is not None and x.op.kind == "elementwise":
        x = _unspread(x)
    elif x.op is not None and x.op.name == "sum_to" and np.shape(x.operands[0].value) == np.shape(x.value):
        return x.operands[0]  # a sum along no axis
    elif x.op is not None and x.op.name in ("broadcast_to", "reshape"):
        x = replace(x, operands=(_spread(x.operands[0]),))
    rule = _RULES.get(x.op) if x.op is not None else None
    return x if rule is None else rule(x)


def _spread(x: Expr) -> Expr:
    """What was reshaped only by axes of length one, or broadcast."""
    while x.op is not None and x.op.name in ("broadcast_to", "reshape"):
        inner = x.operands[0]
        if x.op.name == "reshape" and [n for n in np.shape(inner.value) if n > 1] != [
            n for n in np.shape(x.value) if n > 1
        ]:
            break
        x = inner
    return x


def _unspread(x: Expr) -> Expr:
    """An operation whose own broadcasting makes that of its operands needless."""
    for i, operand in enumerate(x.operands):
        bare = _spread(operand)
        others = [np.shape(o.value) for j, o in enumerate(x.operands) if j != i]
        try:
            fits = np.broadcast_shapes(np.shape(bare.value), *others) == np.shape(x.value)
        except ValueError:
            fits = False
        if fits and bare is not operand:
            x = replace(x, operands=(*x.operands[:i], bare, *x.operands[i + 1 :]))
    return x


def negated(x: Expr) -> Expr:
    """−x, its sign in front."""
    if x.number is not None:
        return Expr(-x.value)
    return x.operands[0] if x.op is e.negative else Expr(-x.value, e.negative, (x,))


def _signless(x: Expr) -> tuple[bool, Expr]:
    if x.op is e.negative:
        return True, x.operands[0]
    return (True, Expr(-x.value)) if x.number is not None and x.number < 0 else (False, x)


def _scaled(x: Expr) -> Expr:
    """A product or a quotient."""
    (left_sign, left), (right_sign, right) = map(_signless, x.operands)
    if x.op is e.multiply and left.number == 1:
        found = right
    elif right.number == 1:
        found = left
    elif x.op is e.multiply and same(left, right) and left.number is None:
        found = Expr(np.square(left.value), e.square, (left,))
    elif x.op is e.multiply and left.number is not None and right.op is e.multiply and right.operands[0].number:
        product = Expr(left.value * right.operands[0].value)
        found = _scaled(Expr(x.value, e.multiply, (product, right.operands[1])))
    elif x.op is e.multiply and right.op is e.divide and right.operands[0].number == 1:
        found = Expr(x.value, e.divide, (left, right.operands[1]))
    else:
        found = replace(x, operands=(left, right))
    same_shape = np.shape(found.value) == np.shape(x.value)
    found = found if same_shape else replace(x, operands=(left, right))
    return negated(replace(found, value=-x.value)) if left_sign != right_sign else replace(found, value=x.value)


def _added(x: Expr) -> Expr:
    """A sum or a difference."""
    left, right = x.operands
    if x.op is e.add and same(left, right):
        two = Expr(np.float64(2.0))
        return Expr(x.value, e.multiply, (two, left))
    sign, bare = _signless(right)
    if right.number == 0 and np.shape(left.value) == np.shape(x.value):
        return left
    if left.number == 0 and np.shape(right.value) == np.shape(x.value):
        return right if x.op is e.add else negated(right)
    if sign:
        return replace(x, op=e.subtract if x.op is e.add else e.add, operands=(left, bare))
    return x


def _powered(x: Expr) -> Expr:
    return x.operands[0] if x.operands[1].number == 1 else x


_RULES: dict[Op, Callable[[Expr], Expr]] = {
    e.multiply: _scaled,
    e.divide: _scaled,
    e.add: _added,
    e.subtract: _added,
    e.power: _powered,
    e.negative: lambda x: negated(x.operands[0]),
    e.positive: lambda x: x.operands[0],
}
