"""The phrases of random programs: lines of Python on arrays, smooth near numbers of moderate size, or with kinks.

A phrase is a template. {t} stands for the new variable, {0} and {1} for those it is made of. A function that makes
phrases is told the shapes of the variables and chooses what depends on them; None where nothing fits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from tinygraph.check.choose import Choose, Shape, pick, shuffled
from tinygraph.check.indexing import index

Maker = Callable[[Choose, Sequence[Shape]], str | None]

UNARY = (
    "np.tanh({0})",
    "np.sin({0})",
    "np.cos({0})",
    "-{0}",
    "{0} * 0.5",
    "{0} * {0}",
    "{0} ** 3",
    "1.0 - {0}",
    "np.exp({0})",
    "np.exp(-{0} * {0})",
    "np.expm1({0})",
    "np.exp2({0})",
    "np.sinh({0})",
    "np.cosh({0})",
    "np.arctan({0})",
    "np.tan(np.arctan({0}) * 0.5)",
    "np.arcsinh({0})",
    "np.arcsin(0.5 * np.tanh({0}))",
    "np.arccos(0.5 * np.tanh({0}))",
    "np.arctanh(0.5 * np.sin({0}))",
    "np.arccosh({0} * {0} + 1.5)",
    "np.log({0} * {0} + 0.5)",
    "np.log1p({0} * {0})",
    "np.log2({0} * {0} + 0.5)",
    "np.log10({0} * {0} + 0.5)",
    "np.sqrt({0} * {0} + 0.5)",
    "np.cbrt({0} * {0} + 0.5)",
    "np.square({0})",
    "np.reciprocal({0} * {0} + 0.5)",
    "np.positive({0})",
    "np.logaddexp({0}, 0.25)",
    "np.hypot({0}, 1.5)",
    "tg.sigmoid({0})",
    "tg.softplus({0})",
)
BINARY = (
    "{0} + {1}",
    "{0} * {1}",
    "{0} - {1}",
    "{0} / ({1} * {1} + 0.5)",
    "({0} * {0} + 0.5) ** {1}",
    "np.hypot({0}, {1} * {1} + 0.5)",
    "np.arctan2({0}, {1} * {1} + 0.5)",
    "np.logaddexp({0}, {1})",
    "np.logaddexp2({0}, {1})",
)
KINKED = (
    "np.abs({0})",
    "np.maximum({0}, {1})",
    "np.minimum({0}, {1})",
    "np.where({0} > {1}, {0}, {1})",
    "np.where({0} > 0.0, np.sin({0}), {1})",
    "np.clip({0}, -0.5, 0.5)",
    "np.hypot({0}, {1})",
    "np.sign({0}) * {1}",
    "np.floor({0}) + {1}",
    "np.mod({0}, {1} * {1} + 0.5)",
    "np.max({0})",
    "np.min({0})",
    "np.std({0})",
    "tg.relu({0})",
    "tg.leaky_relu({0})",
)


def elementwise(choose: Choose, of: Sequence[Shape]) -> str | None:
    """A function of each element."""
    return pick(choose, UNARY)


def together(choose: Choose, of: Sequence[Shape]) -> str | None:
    """An operation on two arrays that broadcast."""
    return pick(choose, BINARY) if _together(of) is not None else None


def kinked(choose: Choose, of: Sequence[Shape]) -> str | None:
    """A function with kinks."""
    phrase = pick(choose, KINKED)
    return phrase if "{1}" not in phrase or _together(of) is not None else None


def reduced(choose: Choose, of: Sequence[Shape]) -> str | None:
    """A sum, a mean, a variance, ... over all axes or some."""
    ndim = len(of[0])
    axis: Any = None
    if ndim and choose(3):
        axes = shuffled(choose, range(ndim))[: 1 + choose(ndim)]
        signed = tuple(i - ndim * choose(2) for i in axes)
        axis = signed[0] if len(signed) == 1 else signed
    keep = ", keepdims=True" if choose(3) == 2 else ""
    name = pick(choose, ("np.sum", "np.mean", "np.var", "tg.logsumexp", "np.prod"))
    if isinstance(axis, tuple) and name == "np.prod":
        axis = axis[0]
    return f"{name}({{0}}, axis={axis}{keep})"


def along(choose: Choose, of: Sequence[Shape]) -> str | None:
    """What keeps the shape and works along an axis."""
    ndim = len(of[0])
    if not ndim:
        return None
    axis = choose(ndim) - ndim * choose(2)
    return pick(
        choose,
        (
            f"np.cumsum({{0}}, axis={axis})",
            f"tg.softmax({{0}}, axis={axis})",
            f"tg.log_softmax({{0}}, axis={axis})",
            f"np.flip({{0}}, axis={axis})",
            f"np.roll({{0}}, {1 + choose(3)}, axis={axis})",
        ),
    )


def reshaped(choose: Choose, of: Sequence[Shape]) -> str | None:
    """The same elements in another shape, or most of them."""
    shape, size = of[0], math.prod(of[0])
    phrases = [
        "{0}.ravel()",
        "{0}.T",
        "{0}[None]",
        f"{{0}}.reshape({(*shape[::-1],)})",
        f"{{0}}.reshape({(1, size, 1)})",
    ]
    if shape:
        order = shuffled(choose, range(len(shape)))
        phrases += [
            f"np.transpose({{0}}, {tuple(order)})",
            f"np.swapaxes({{0}}, 0, {-1 - choose(len(shape))})",
            "np.expand_dims({0}, -1)",
            f"np.repeat({{0}}, 2, axis={choose(len(shape))})",
            "np.pad({0}, 1)",
            "np.tile({0}, 2)",
        ]
    if len(shape) == 2:
        phrases += ["np.tril({0})", "np.triu({0}, 1)", "np.diagonal({0})", "np.trace({0})"]
    return pick(choose, phrases) if size else None


def indexed(choose: Choose, of: Sequence[Shape]) -> str | None:
    """Some elements, picked by any index expression."""
    if not of[0]:
        return None
    parts = index(choose, of[0])
    return f"{{0}}[{spelled(parts)}]"


def joined(choose: Choose, of: Sequence[Shape]) -> str | None:
    """Two arrays in one."""
    a, b = of
    if a == b:
        return pick(choose, ("np.stack([{0}, {1}])", "np.stack([{0}, {1}, {0}], axis=-1)"))
    if len(a) == len(b) and a[1:] == b[1:]:
        return "np.concatenate([{0}, {1}])"
    return None


def product(choose: Choose, of: Sequence[Shape]) -> str | None:
    """Matrix products and contractions."""
    a, b = of
    phrases = []
    if a and b and a[-1] == b[max(len(b) - 2, 0)]:
        phrases = ["{0} @ {1}", "np.dot({0}, {1})"] if len(a) < 3 and len(b) < 3 else ["np.dot({0}, {1})"]
    if len(a) == len(b) == 2:
        if a[1] == b[0]:
            phrases += ['np.einsum("ij,jk->ik", {0}, {1})', "np.tensordot({0}, {1}, 1)"]
        if a == b:
            phrases += ['np.einsum("ij,ij->i", {0}, {1})', "{0} @ {1}.T", "np.inner({0}, {1})"]
    if len(a) == len(b) == 1:
        phrases += ["np.outer({0}, {1})", 'np.einsum("i,j->ji", {0}, {1})']
    return pick(choose, phrases) if phrases else None


def branched(choose: Choose, of: Sequence[Shape]) -> str | None:
    """A choice that no number of the graph has a say in."""
    first, second = pick(choose, UNARY), pick(choose, UNARY)
    mask = [bool(choose(2)) for _ in range(of[0][-1] if of[0] else 1)]
    if choose(2) and _together(of) is not None:
        return f"np.where({mask if of[0] else mask[0]}, {first}, {{1}})"
    return f"if {{0}}.ndim == {choose(3)}:\n    {{t}} = {first}\nelse:\n    {{t}} = {second}"


def looped(choose: Choose, of: Sequence[Shape]) -> str | None:
    """A few turns that each use what the last one made."""
    if _together(of) != of[0]:
        return None
    phrase = pick(choose, ("np.arctan({t} + {1})", "np.sin({t} * {1})", "{t} * 0.5 + {1}", "np.cos({t}) * {1} + {0}"))
    return f"{{t}} = {{0}}\nfor _ in range({2 + choose(2)}):\n    {{t}} = {phrase}"


def written(choose: Choose, of: Sequence[Shape]) -> str | None:
    """Part of a copy is replaced."""
    to, given = of
    if not to:
        return None
    where = index(choose, to, advanced=False) if choose(2) else choose(to[0])
    return "{t} = {0}.copy()\n{t}[" + spelled(where) + "] = " + ("{1}" if not given else "{1}.sum() * 0.25")


def spread(choose: Choose, of: Sequence[Shape]) -> str | None:
    """A larger shape."""
    out = (*(1 + choose(2) for _ in range(choose(2))), *of[0])
    return f"np.broadcast_to({{0}}, {out})"


SMOOTH: tuple[Maker, ...] = (
    elementwise,
    together,
    together,
    indexed,
    reduced,
    product,
    along,
    reshaped,
    joined,
    branched,
    looped,
    written,
    spread,
)


def spelled(part: Any) -> str:
    """An index expression as Python."""
    if isinstance(part, tuple):
        return ", ".join(map(spelled, part)) + ("," if len(part) == 1 else "") if part else "()"
    if isinstance(part, slice):
        ends = ["" if end is None else str(end) for end in (part.start, part.stop)]
        return ":".join(ends) + ("" if part.step is None else f":{part.step}")
    if part is Ellipsis:
        return "..."
    return repr(part.tolist() if hasattr(part, "tolist") else part)


def _together(of: Sequence[Shape]) -> Shape | None:
    """The shape that two shapes broadcast to; None if they do not."""
    a, b = (tuple(reversed(s)) for s in of)
    out = []
    for i in range(max(len(a), len(b))):
        n, m = (a[i] if i < len(a) else 1), (b[i] if i < len(b) else 1)
        if n != m and 1 not in (n, m):
            return None
        out.append(m if n == 1 else n)
    return tuple(reversed(out))
