"""Laws beyond differences: what every derivative obeys, checked to rounding error, where differences see 1e-7.

Each law is a function of a `Subject`: it returns what breaks it, in words, or None; it raises `NotApplicable` where it
says nothing. J is the derivative of f at the arguments, J' its transpose, u, w and t are random.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np

from tinygraph.check.kinks import subgradients
from tinygraph.check.outcome import BROKEN, HELD, SILENT, LawError, LawReport, Outcome
from tinygraph.check.subject import Array, Arrays, NotApplicable, Subject, apart
from tinygraph.tensor import Tensor
from tinygraph.transforms import grad

_SHARP32 = 1e-2  # the part of a gradient that single precision leaves
_ERRORS = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
Law = Callable[[Subject], str | None]


def repeatable(s: Subject) -> str | None:
    """The same input twice gives the same values, and the same gradient, to the last digit."""
    y, again = s.values(), s.values()
    if not _same(y, again):
        return "two calls with the same arguments gave different values; fix the seed, switch dropout off"
    u = s.random(y, 1)
    return None if _same(s.pulled(u), s.pulled(u)) else "two calls with the same arguments gave different gradients"


def pure(s: Subject) -> str | None:
    """f and its rules write neither to the inputs nor to the cotangent, and gradients share no memory."""
    leaves, u = [x.copy() for x in s.leaves], s.random(s.values(), 1)
    given = [c.copy() for c in u]
    found = s.pulled_on(u, leaves)
    for x, before, name in zip(leaves, s.leaves, s.names, strict=True):
        if not np.array_equal(x, before, equal_nan=True):
            return f"{name} was written to"
    if not _same(u, given):
        return "the gradient of the output was written to"
    for g, name in zip(found, s.names, strict=True):
        if any(np.shares_memory(g, other) for other in (*u, *leaves)):
            return f"the gradient of {name} shares its memory with an argument or with the gradient of the output"
    for (g, name), (h, other) in combinations(zip(found, s.names, strict=True), 2):
        if np.shares_memory(g, h):
            return f"the gradients of {name} and {other} share their memory"
    return None


def transposes(s: Subject) -> str | None:
    """Forward and reverse mode are transposes: <u, J t> = <J' u, t>."""
    u, t = s.random(s.values(), 1), s.random(s.leaves, 2)

    def both(leaves: Arrays) -> list[Any]:
        return [*(a * b for a, b in zip(s.pulled(u, leaves), t, strict=True)), *_products(u, s.pushed(t, leaves))]

    slack = float(sum(np.sum(e) for e in s.slack(both, u)))
    ahead, back = (sum(float(np.sum(p)) for p in ps) for ps in (_products(u, s.pushed(t)), _products(s.pulled(u), t)))
    return apart([ahead], [back], [np.asarray(slack)], ["<u, Jt> against <J'u, t>"])


def linear_pullback(s: Subject) -> str | None:
    """J' is linear: J'(a u + b w) = a J'u + b J'w."""
    y, (a, b) = s.values(), (1.375, -0.8125)
    u, w = s.random(y, 1), s.random(y, 3)
    whole = s.pulled([a * c + b * d for c, d in zip(u, w, strict=True)])
    parts = [a * g + b * h for g, h in zip(s.pulled(u), s.pulled(w), strict=True)]
    return apart(whole, parts, _slack(s, u, w), s.names)


def sums(s: Subject) -> str | None:
    """The gradient of a sum is the sum of the gradients: of <u, f> + <w, f>, in one graph."""
    y = s.values()
    u, w = s.random(y, 1), s.random(y, 3)

    def total(*leaves: Any) -> Any:
        return _dot(u, s.outputs(*leaves)) + _dot(w, s.outputs(*leaves))

    with np.errstate(all="ignore"):
        whole = grad(total, tuple(range(len(s.leaves))))(*s.leaves)
    parts = [g + h for g, h in zip(s.pulled(u), s.pulled(w), strict=True)]
    return apart(whole, parts, _slack(s, u, w), s.names)


def symmetric(s: Subject) -> str | None:
    """Second derivatives are symmetric: <a, H b> = <b, H a> for the Hessian H of <u, f>."""
    u, a, b = s.random(s.values(), 1), s.random(s.leaves, 4), s.random(s.leaves, 5)
    numbers = tuple(range(len(s.leaves)))
    first = grad(lambda *leaves: _dot(u, s.outputs(*leaves)), numbers)

    def product(leaves: Arrays, v: Arrays, w: Arrays) -> Arrays:
        with np.errstate(all="ignore"):
            return _products(w, grad(lambda *xs: _dot(v, first(*xs)), numbers)(*leaves))

    try:
        one, other = product(s.leaves, a, b), product(s.leaves, b, a)
        slack = [*s.slack(lambda xs: product(xs, a, b), u, order=2), *s.slack(lambda xs: product(xs, b, a), u, order=2)]
    except _ERRORS as error:
        raise NotApplicable(f"there are no second derivatives: {error}") from None
    room = np.asarray(sum(float(np.sum(e)) for e in slack))
    return apart([sum(map(np.sum, one))], [sum(map(np.sum, other))], [room], ["<b, Ha> against <a, Hb>"])


def broadcasting(s: Subject) -> str | None:
    """The gradient of a broadcast argument is that of its explicit copies, summed."""
    try:
        spread = [np.array(x) for x in np.broadcast_arrays(*s.leaves)]
        if all(x.shape == y.shape for x, y in zip(spread, s.leaves, strict=True)):
            raise NotApplicable("no argument is broadcast")
        y, copied = s.values(), s.values(spread)
    except _ERRORS:
        raise NotApplicable("the arguments do not broadcast") from None
    u = s.random(y, 1)
    if len(y) != len(copied) or not all(
        a.shape == b.shape and np.allclose(a, b) for a, b in zip(y, copied, strict=True)
    ):
        raise NotApplicable("copies of the arguments give other values: f does not broadcast")
    try:
        pulled = s.pulled(u, spread)
    except _ERRORS:
        raise NotApplicable("the rules take the arguments in their own shapes alone") from None
    parts = [_summed(g, x.shape) for g, x in zip(pulled, s.leaves, strict=True)]
    return apart(s.pulled(u), parts, _slack(s, u), s.names)


def permuted_batch(s: Subject) -> str | None:
    """Permuting a batch permutes the gradients of its samples, and leaves all others as they are."""
    if s.batch is None:
        raise NotApplicable("no batch axis was given")
    order = np.random.default_rng((s.seed, 6)).permutation(s.samples)
    moved = s.point.with_values([_taken(v, order, a) for v, a in zip(s.point.values, s.batch, strict=True)])
    other = Subject(moved.f, moved.args, seed=s.seed)
    axes = [s.batch[i] for i in s.point.places]
    y, there, u = s.values(), other.values(), s.random(s.values(), 1)
    along = [_equivariant(a, b, order) for a, b in zip(y, there, strict=True)]
    if None in along:
        return "the outputs neither stay the same nor permute with the samples"
    u = [c if a in (-1, None) else _leveled(c, v, order, a) for c, v, a in zip(u, y, along, strict=True)]
    found = other.pulled([_taken(c, order, None if axis == -1 else axis) for c, axis in zip(u, along, strict=True)])
    want = [_taken(g, order, a) for g, a in zip(s.pulled(u), axes, strict=True)]
    return apart(found, want, [np.max(e, initial=0.0) for e in _slack(s, u)], s.names)


def single_precision(s: Subject) -> str | None:
    """float32 agrees with float64 within its precision, and the gradient of a float32 argument is a float32."""
    eps = float(np.finfo(np.float32).eps)
    narrow = [x.astype(np.float32) for x in s.leaves]
    wide = [x.astype(np.float64) for x in narrow]
    u = s.random(s.values(wide), 1)
    found = s.pulled(u, narrow)
    for g, name in zip(found, s.names, strict=True):
        if g.dtype != np.float32:
            return f"the gradient of {name}, a float32, is a {g.dtype}"
        if not np.isfinite(g).all():
            raise NotApplicable(f"the gradient of {name} has no value in single precision")
    return apart(found, s.pulled(u, wide), s.slack(lambda xs: s.pulled(u, xs), u, eps), s.names, _SHARP32)


LAWS: dict[str, Law] = {
    "the same input twice gives the same gradient": repeatable,
    "inputs are not written to, gradients share no memory": pure,
    "forward and reverse mode are transposes": transposes,
    "the pullback is linear": linear_pullback,
    "the gradient of a sum is the sum of the gradients": sums,
    "second derivatives are symmetric": symmetric,
    "broadcasting equals explicit copies": broadcasting,
    "permuting a batch permutes its gradients": permuted_batch,
    "at a kink the gradient lies between the slopes": subgradients,
    "float32 agrees with float64": single_precision,
}


def compare_laws(f: Callable[..., Any], *args: Any, batch: Any = None, seed: int = 0) -> LawReport:
    """Look whether the derivatives of f at args obey the laws that hold for every function.

    Args:
        f: a function of arrays and trees of arrays; integers are held constant.
        args: checked in float64.
        batch: the axis of the samples in the first argument, or a sequence with an axis or None for each argument.
        seed: of the random directions.

    Raises:
        TypeError: no argument is real.
        ValueError: batch axes of other lengths than each other, or for another number of arguments.

    Example:
        >>> x, b = np.array([[1.0, 2.0], [0.5, -3.0]]), np.array([0.1, 0.2])
        >>> report = compare_laws(lambda x, b: np.tanh(x + b), x, b, batch=(0, None))
        >>> print(report)
        laws of derivatives: 9 held, 0 broken, 1 not applicable
          not applicable: at a kink the gradient lies between the slopes: there is no kink here
    """
    subject, outcomes = Subject(f, args, batch, seed), []
    for name, law in LAWS.items():
        try:
            with np.errstate(all="ignore"):
                why = law(subject)
        except NotApplicable as reason:
            outcomes.append(Outcome(name, SILENT, str(reason)))
            continue
        except _ERRORS as error:
            if law is repeatable:
                raise
            why = f"{type(error).__name__}: {error}"
        outcomes.append(Outcome(name, BROKEN if why else HELD, why or ""))
        if why and law is repeatable:
            break  # nothing can be said of what changes from call to call
    return LawReport(tuple(outcomes))


def check_laws(f: Callable[..., Any], *args: Any, batch: Any = None, seed: int = 0) -> None:
    """Raise if a law of derivatives is broken; the arguments are those of `compare_laws`.

    Raises:
        LawError: a law is broken, or none could be applied; the message names it, `.report` has all of them.

    Example:
        >>> import tinygraph as tg
        >>> check_laws(lambda x, y: np.sin(x) * y, np.array([1.0, 2.0]), 3.0)
        >>> forgot = tg.op(lambda x: x**2, vjps=[lambda g, ans, x: 2 * x], name="forgot_the_cotangent")
        >>> check_laws(forgot, 3.0)  # doctest: +IGNORE_EXCEPTION_DETAIL
        Traceback (most recent call last):
        LawError: laws of derivatives: ...
    """
    __tracebackhide__ = True
    report = compare_laws(f, *args, batch=batch, seed=seed)
    if not report.ok:
        raise LawError(report)


def _slack(s: Subject, *cotangents: Arrays) -> Arrays:
    """The rounding error of gradients for these cotangents, together."""
    each = [s.slack(partial(s.pulled, u), u) for u in cotangents]
    return [np.sum(parts, axis=0) for parts in zip(*each, strict=True)]


def _products(xs: Sequence[Any], ys: Sequence[Any]) -> list[Any]:
    return [x * y for x, y in zip(xs, ys, strict=True)]


def _dot(weights: Sequence[Any], ys: Sequence[Any]) -> Any:
    return sum(((y * w).sum() for w, y in zip(weights, ys, strict=True)), Tensor(0.0, requires_grad=False))


def _same(xs: Sequence[Array], ys: Sequence[Array]) -> bool:
    return all(np.array_equal(x, y, equal_nan=True) for x, y in zip(xs, ys, strict=True))


def _summed(g: Array, shape: tuple[int, ...]) -> Array:
    """An array summed to a shape that broadcasts to its own."""
    g = g.sum(axis=tuple(range(g.ndim - len(shape))))
    return np.asarray(g.sum(axis=tuple(i for i, n in enumerate(shape) if n == 1), keepdims=True)).reshape(shape)


def _taken(value: Any, order: Array, axis: int | None) -> Any:
    return value if axis is None else np.take(value, order, axis=axis)


def _equivariant(y: Array, there: Array, order: Array) -> int | None:
    """The axis along which an output is permuted as the batch is; -1 if it stays the same, None for neither."""
    if y.shape != there.shape:
        return None
    axes = [a for a, n in enumerate(y.shape) if n == len(order) and np.allclose(np.take(y, order, axis=a), there)]
    return axes[0] if axes else -1 if np.allclose(y, there) else None


def _leveled(c: Array, y: Array, order: Array, axis: int | None) -> Array:
    """A cotangent that is the same for all samples, where these have the same values and so cannot be told apart."""
    if axis is None or not np.allclose(np.take(y, order, axis=axis), y):
        return c
    return np.broadcast_to(c.mean(axis=axis, keepdims=True), c.shape).copy()
