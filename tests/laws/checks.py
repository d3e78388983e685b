"""The laws, each as a function that takes any operation, so that wrong ones can be shown to be caught.

A check takes a function (an `Op`, or a composition of ops) and a `Case`, and raises AssertionError where the law is
broken.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import tinygraph as tg
from laws.cases import Case
from tinygraph.check import Estimate, numeric_grad

Arrays = Sequence[np.ndarray]
EPS = float(np.finfo(np.float64).eps)
STEP = 2.0**-7
PLACES = [s * k / 8 for s in (-1.0, 1.0) for k in (1, 2, 4, 6, 8)]


def directions(arrays: Arrays, seed: int) -> list[np.ndarray]:
    """Arrays of the same shapes with elements of different sizes, at most 1, and with few digits: steps are exact."""
    rng = np.random.default_rng((seed, *(a.size for a in arrays)))
    return [(distinct(a.size, rng) * rng.choice([-1.0, 1.0], a.size)).reshape(a.shape) for a in arrays]


def distinct(n: int, rng: np.random.Generator) -> np.ndarray:
    return rng.permutation(np.arange(1.0, n + 1)) / 2.0 ** np.ceil(np.log2(max(n, 1)))


def dot(xs: Arrays, ys: Arrays) -> float:
    return math.fsum(float(p) for x, y in zip(xs, ys, strict=True) for p in np.ravel(np.float64(x) * y))


def size(xs: Arrays, ys: Arrays) -> float:
    return math.fsum(abs(float(p)) for x, y in zip(xs, ys, strict=True) for p in np.ravel(np.float64(x) * y))


def closed(function: Callable[..., Any], case: Case) -> Callable[..., Any]:
    """The function of the case's arrays alone, its results as a list."""

    def of(*arrays: Any) -> list[Any]:
        out = case.call(function, *arrays, **case.kwargs)
        return list(out) if isinstance(out, list | tuple) else [out]

    return of


def values(function: Callable[..., Any], case: Case, arrays: Arrays | None = None) -> list[np.ndarray]:
    with tg.no_grad():
        out = closed(function, case)(*map(tg.Tensor, case.arrays if arrays is None else arrays))
    return [np.array(y.data) for y in out]


def gradients(
    function: Callable[..., Any], case: Case, g: Arrays | None = None, arrays: Arrays | None = None
) -> list[np.ndarray]:
    arrays = case.arrays if arrays is None else arrays
    outs, pull = tg.vjp(closed(function, case), *arrays)
    return list(pull(list(directions(outs, 1) if g is None else g)))


def path(case: Case, t: Arrays) -> float:
    """The longest step along t, in halves of `STEP`, that meets none of the declared kinks."""
    h = STEP
    while h > 2.0**-30:
        here = case.margins(case.arrays)
        moved = [case.margins([x + s * h * d for x, d in zip(case.arrays, t, strict=True)]) for s in PLACES]
        if all(np.all(np.abs(m) >= np.abs(a) / 2) for there in moved for m, a in zip(there, here, strict=True)):
            return h
        h /= 2
    raise AssertionError(f"a case at a kink: {case}")


def flat(arrays: Arrays) -> np.ndarray:
    return np.concatenate([np.ravel(a) for a in arrays])


def slope(along: Callable[[float], Arrays], weights: Arrays, h: float) -> Estimate:
    """The two-sided difference at 0 of a function of one number, on a line that is free of kinks up to h."""
    shrink = h / STEP
    found = numeric_grad(lambda s: flat(along(float(s) * shrink)), 0.0, cotangent=flat(weights))
    return found._replace(value=found.value / shrink, bound=found.bound / shrink)


def agree(found: float, estimate: Estimate, rounding: float, what: str) -> None:
    assert abs(found - estimate.value) <= estimate.bound + rounding, (
        f"{what}: {found!r}, by differences {estimate.value!r} ± {estimate.bound + rounding:.1e}"
    )


def round_off(case: Case) -> float:
    """What the order of a sum may change, where its terms are products of two arguments and may cancel."""
    largest = max((float(np.abs(a).max(initial=0.0, where=np.isfinite(a))) for a in case.arrays), default=0.0)
    return EPS * (8 + case.size) * (1.0 + largest) ** 2


def one_at_a_time(t: Arrays) -> list[list[np.ndarray]]:
    return [[d if i == j else np.zeros_like(d) for j, d in enumerate(t)] for i in range(len(t))]


def check_rule(function: Callable[..., Any], case: Case) -> None:
    """Each rule agrees with the two-sided difference."""
    outs = values(function, case)
    g = directions(outs, 1)
    found = gradients(function, case, g)
    for i, t in enumerate(one_at_a_time(directions(case.arrays, 2))):

        def along(s: float, t: Arrays = t) -> Arrays:
            return values(function, case, [x + s * d for x, d in zip(case.arrays, t, strict=True)])

        rounding = EPS * (8 + case.size) * size(found, t)
        agree(dot(found, t), slope(along, g, path(case, t)), rounding, f"rule {i} on {case}")


def second_order(function: Callable[..., Any], case: Case, g: Arrays, u: Arrays) -> list[np.ndarray]:
    """The gradient of <u, gradient of <g, f>>."""

    def first(*xs: Any) -> Any:
        _, pull = tg.vjp(closed(function, case), *xs)
        return sum((gx * d).sum() for gx, d in zip(pull(list(g)), u, strict=True))

    return list(tg.grad(first, tuple(range(len(case.arrays))))(*case.arrays))


def check_second_order(function: Callable[..., Any], case: Case) -> None:
    """The derivative of each rule agrees with the difference of the rules."""
    g, u = directions(values(function, case), 1), directions(case.arrays, 3)
    found = second_order(function, case, g, u)
    for i, t in enumerate(one_at_a_time(directions(case.arrays, 2))):

        def along(s: float, t: Arrays = t) -> Arrays:
            return gradients(function, case, g, [x + s * d for x, d in zip(case.arrays, t, strict=True)])

        rounding = EPS * (8 + case.size) * size(found, t)
        agree(dot(found, t), slope(along, u, path(case, t)), rounding, f"second order {i} on {case}")


def tangents(function: Callable[..., Any], case: Case, t: Arrays) -> list[np.ndarray]:
    return list(tg.jvp(closed(function, case), tuple(case.arrays), tuple(t))[1])


def check_modes(function: Callable[..., Any], case: Case) -> None:
    """Forward and reverse mode are transposes: <g, J t> = <J' g, t>."""
    outs = values(function, case)
    g, together = directions(outs, 1), directions(case.arrays, 2)
    back = gradients(function, case, g)
    for t in (together, *one_at_a_time(together)):
        ahead = tangents(function, case, t)
        rounding = EPS * (8 + case.size) * (size(g, ahead) + size(back, t) + size(outs, g) + 1.0)
        assert abs(dot(g, ahead) - dot(back, t)) <= rounding, f"forward {dot(g, ahead)}, reverse {dot(back, t)}, {case}"


def check_alike(function: Callable[..., Any], case: Case) -> None:
    """A gradient has the shape and the dtype of its argument, for every mixture of dtypes that the case allows.

    The numbers are exact in each of them, so that the gradient of an argument in float64 knows nothing of the others.
    """
    precise = gradients(function, case, [np.ones_like(y) for y in values(function, case)])
    for dtypes in itertools.product(case.dtypes, repeat=min(len(case.arrays), 2)):
        kinds = [dtypes[i % len(dtypes)] for i in range(len(case.arrays))]
        arrays = [frozen(a.astype(k)) for a, k in zip(case.arrays, kinds, strict=True)]
        raw = closed(function, case)(*arrays)
        outs, pull = tg.vjp(closed(function, case), *arrays)
        assert [np.result_type(y) for y in outs] == [np.result_type(y) for y in raw]
        found = pull([np.ones_like(y) for y in outs])
        assert [(g.shape, g.dtype) for g in found] == [(a.shape, a.dtype) for a in arrays], f"{kinds} {case}"
        for one, full in zip(found, precise, strict=True):
            if one.dtype == np.float64:
                rounding = EPS * (8 + case.size)
                np.testing.assert_allclose(one, full, rtol=rounding, atol=rounding, err_msg=f"{kinds} {case}")
        _, ahead = tg.jvp(closed(function, case), tuple(arrays), tuple(np.ones_like(a) for a in arrays))
        assert [(t.shape, t.dtype) for t in ahead] == [(y.shape, y.dtype) for y in outs], f"{kinds} {case}"


def check_broadcasting(function: Callable[..., Any], case: Case) -> None:
    """A broadcast argument's gradient is that of the spread one, summed over what repeated it."""
    spread = [frozen(a.copy()) for a in np.broadcast_arrays(*case.arrays)]
    (there,), (here,) = values(function, case, spread), values(function, case)
    np.testing.assert_array_equal(here, there)
    g = directions([there], 1)
    for one, full in zip(gradients(function, case, g), gradients(function, case, g, spread), strict=True):
        want, scale = summed(full, one.shape), summed(np.abs(full), one.shape)
        assert one.shape == want.shape
        assert np.all(np.abs(one - want) <= EPS * (8 + full.size) * scale), f"{one} != {want} on {case}"


def summed(full: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """An array summed to a shape that broadcasts to its own, written out."""
    out = np.zeros(shape)
    for place in np.ndindex(full.shape):
        tail = place[full.ndim - len(shape) :]
        out[tuple(0 if n == 1 else k for k, n in zip(tail, shape, strict=True))] += full[place]
    return out


def check_adjoint(function: Callable[..., Any], case: Case, jointly: bool) -> None:
    """On whole numbers, <A x, y> = <x, A' y> and A (x + 2z) = A x + 2 A z hold to the last digit."""
    places = [tuple(range(len(case.arrays)))] if jointly else [(i,) for i in range(len(case.arrays))]
    xs = whole(case.arrays, 1)
    f = closed(function, case)
    outs = values(function, case, xs)
    g = whole(outs, 2)
    found = gradients(function, case, g, xs)
    for held in places:
        assert dot(outs, g) == dot([xs[i] for i in held], [found[i] for i in held]), f"<Ax, y> on {case}"
        zs = [z if i in held else np.zeros_like(z) for i, z in enumerate(whole(case.arrays, 3))]
        moved = values(function, case, [x + 2 * z for x, z in zip(xs, zs, strict=True)])
        alone = values(function, case, [z if i in held else x for i, (x, z) in enumerate(zip(xs, zs, strict=True))])
        for a, b, c in zip(moved, outs, alone, strict=True):
            np.testing.assert_array_equal(a, b + 2 * c, err_msg=f"linearity on {case}")
    # the rule is linear in g as well, and what it records is the operation itself
    _, pull_back = tg.vjp(lambda *g: list(tg.vjp(f, *xs)[1](list(g))), *g)
    for held in places:
        back = pull_back([x if i in held else np.zeros_like(x) for i, x in enumerate(xs)])
        for a, b in zip(back, outs, strict=True):
            np.testing.assert_array_equal(a, b, err_msg=f"the adjoint's adjoint on {case}")


LAYOUTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "Fortran order": np.asfortranarray,
    "strided": lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    "reversed": lambda a: np.flip(np.flip(a).copy()),
    "transposed": lambda a: a.T.copy().T,
    "unaligned": lambda a: np.frombuffer(b"." + a.tobytes(), np.uint8)[1:].view(a.dtype).reshape(a.shape),
}


def check_layouts(function: Callable[..., Any], case: Case) -> None:
    """However an array lies in memory, results and gradients are the same, and it is left as it was."""
    outs = values(function, case)
    g = directions(outs, 1)
    found = gradients(function, case, g)
    for layout, lay in LAYOUTS.items():
        arrays = [lay(a) if a.ndim else a for a in case.arrays]
        before = [a.copy() for a in arrays]
        for a in arrays:
            a.flags.writeable = False
        lain = [lay(c) if c.ndim else c for c in g]
        pairs = [(values(function, case, arrays), outs), (gradients(function, case, lain, arrays), found)]
        for got, want in pairs:
            rounding = round_off(case) + EPS * (8 + case.size) * size(want, want) ** 0.5
            assert all(np.all(np.abs(x - y) <= rounding) for x, y in zip(got, want, strict=True)), f"{layout}, {case}"
        assert all(np.array_equal(x, y, equal_nan=True) for x, y in zip(before, arrays, strict=True)), (
            f"{layout}: changed, {case}"
        )


def whole(arrays: Arrays, seed: int) -> list[np.ndarray]:
    """Multiples of 216: a mean over axes of up to three elements is a whole number too."""
    rng = np.random.default_rng((seed, *(a.size for a in arrays)))
    return [frozen(216.0 * rng.integers(-9, 10, a.shape)) for a in arrays]


def frozen(a: np.ndarray) -> np.ndarray:
    a = np.array(a)
    a.flags.writeable = False
    return a
