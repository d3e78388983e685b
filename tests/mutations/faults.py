"""The kinds of fault: each makes a wrong rule of a right one, or a wrong operation, where it applies."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from laws.cases import Case

from tinygraph.op import Each, Op, bare
from tinygraph.ops.shape import sum_to

Rule = Callable[..., Any]


@dataclass(frozen=True)
class Mutant:
    """A wrong operation: which fault, in which rule."""

    fault: str
    i: int | None  # which rule; None for all of them, or for the forward one
    op: Op


def changed(op: Op, i: int, change: Callable[[Rule], Rule], **fields: Any) -> Op:
    """A copy of an op in which rule i is changed."""
    other = copy.copy(op)
    if isinstance(op.vjps, Each):
        right = op.vjps
        other.vjps = Each(lambda j, *args, **params: (change(right[j]) if j == i else right[j])(*args, **params))
    else:
        other.vjps = [change(rule) if j == i else rule for j, rule in enumerate(op.vjps)]
    for name, value in fields.items():
        setattr(other, name, value)
    return other


def after(wrong: Callable[..., Any]) -> Callable[[int], Callable[[Rule], Rule]]:
    """A rule for argument i whose result is put through `wrong(gx, x, g)`, x the bare argument."""
    return lambda i: (
        lambda rule: lambda g, ans, *args, **params: wrong(rule(g, ans, *args, **params), np.asarray(bare(args[i])), g)
    )


def transposed(gx: Any, x: Any, g: Any) -> Any:
    """The elements in the order of the transpose; reversed where only one axis is longer than 1."""
    long = sum(n > 1 for n in gx.shape)
    return (gx.reshape(-1)[::-1] if long == 1 else gx.transpose()).reshape(gx.shape)


def without_mean(gx: Any, x: Any, g: Any) -> Any:
    return gx * float(x.shape[0] if x.ndim else 1)


def rolled(gx: Any, x: Any, g: Any) -> Any:
    return np.roll(gx, 1, axis=-1) if gx.ndim else gx


def detached(i: int) -> Callable[[Rule], Rule]:
    """Right once, but blind to how the rule itself depends on the arguments."""

    def wrong(rule: Rule) -> Rule:
        def blind(g: Any, ans: Any, *args: Any, **params: Any) -> Any:
            def still(a: Any) -> Any:
                return getattr(a, "detach", lambda: a)()

            return rule(g, still(ans), *map(still, args), **params)

        return blind

    return wrong


def doubled_later(gx: Any, x: Any, g: Any) -> Any:
    """The right value, and twice its derivative."""
    return 2.0 * gx - gx.detach() if hasattr(gx, "detach") else gx


def ans_for_x(i: int) -> Callable[[Rule], Rule]:
    def wrong(rule: Rule) -> Rule:
        def confused(g: Any, ans: Any, *args: Any, **params: Any) -> Any:
            swap = np.shape(ans) == np.shape(args[i])
            return rule(g, ans, *(ans if swap and j == i else a for j, a in enumerate(args)), **params)

        return confused

    return wrong


def x_for_ans(i: int) -> Callable[[Rule], Rule]:
    def wrong(rule: Rule) -> Rule:
        def confused(g: Any, ans: Any, *args: Any, **params: Any) -> Any:
            return rule(g, args[i] if np.shape(ans) == np.shape(args[i]) else ans, *args, **params)

        return confused

    return wrong


AXES = {"axis", "source", "axis1", "axes"}


def wrong_axis(i: int) -> Callable[[Rule], Rule]:
    """The next axis instead of the one that was asked for, wherever an axis is among the params."""

    def wrong(rule: Rule) -> Rule:
        def beside(g: Any, ans: Any, *args: Any, **params: Any) -> Any:
            return rule(g, ans, *args, **_next_axes(params, max(np.ndim(args[i]), 1)))

        return beside

    return wrong


def _next_axes(params: dict[str, Any], ndim: int) -> dict[str, Any]:
    def moved(axis: Any) -> Any:
        if isinstance(axis, tuple):
            return tuple(map(moved, axis))
        return axis if axis is None else (axis + 1) % ndim

    return {k: moved(v) if k in AXES and not isinstance(v, list) else v for k, v in params.items()}


def exchanged(i: int) -> Callable[[Rule], Rule]:
    return lambda rule: lambda g, ans, x, y, *rest, **params: rule(g, ans, y, x, *rest, **params)


def one_part(i: int) -> Callable[[Rule], Rule]:
    """Broadcasting undone by a mean in place of a sum."""

    def wrong(rule: Rule) -> Rule:
        def unsummed(g: Any, ans: Any, *args: Any, **params: Any) -> Any:
            gx, shape = rule(g, ans, *args, **params), np.shape(args[i])
            return sum_to(gx, shape=shape) / (gx.size // max(int(np.prod(shape)), 1))

        return unsummed

    return wrong


FAULTS: dict[str, Callable[[int], Callable[[Rule], Rule]]] = {
    "zero": after(lambda gx, x, g: gx * 0.0),
    "sign": after(lambda gx, x, g: -gx),
    "factor 2": after(lambda gx, x, g: gx * 2.0),
    "factor 1/2": after(lambda gx, x, g: gx * 0.5),
    "factor 1.001": after(lambda gx, x, g: gx * 1.001),
    "off by 0.001": after(lambda gx, x, g: gx + 0.001),
    "1/m missing": after(without_mean),
    "transposed": after(transposed),
    "off by one slice": after(rolled),
    "cotangent squared": lambda i: lambda rule: lambda g, ans, *args, **params: rule(g * g, ans, *args, **params),
    "cotangent forgotten": lambda i: (
        lambda rule: lambda g, ans, *args, **params: rule(g * 0.0 + 1.0, ans, *args, **params)
    ),
    "ans for x": ans_for_x,
    "x for ans": x_for_ans,
    "wrong axis": wrong_axis,
    "wrong dtype": after(
        lambda gx, x, g: gx.astype("F" if gx.dtype.kind == "c" else "f").astype(np.result_type(gx, "d"))
    ),
    "wrong for negative x": after(lambda gx, x, g: gx * np.where(x < 0.0, 1.25, 1.0)),
    "wrong in second order: blind": detached,
    "wrong in second order: doubled": after(doubled_later),
}


def places(op: Op) -> list[int]:
    """Which rules of an op there are; the first two of those on any number of arrays."""
    return [0, 1] if isinstance(op.vjps, Each) else [i for i, rule in enumerate(op.vjps) if rule is not None]


def mutants(op: Op, cases: Sequence[Case]) -> Iterator[Mutant]:
    """Every fault in every rule of an op."""
    for i in places(op):
        for fault, change in FAULTS.items():
            if fault == "wrong axis" and not AXES & set(op.params):
                continue
            yield Mutant(fault, i, changed(op, i, change(i)))
        limit = large(cases, i)
        far = after(lambda gx, x, g, limit=limit: gx * np.where(np.abs(x) > limit, 1.25, 1.0))
        yield Mutant("wrong for large x", i, changed(op, i, far(i)))
        if op.arity == 2:
            yield Mutant("arguments exchanged", i, changed(op, i, exchanged(i)))
        if op.kind == "elementwise" and op.arity > 1:
            yield Mutant("broadcast sum missing", i, changed(op, i, one_part(i), kind="general"))
        if op.kinks:
            yield Mutant("wrong at ties", i, changed(op, i, at_kinks(op)))
        if op.name in ("max", "min"):
            yield Mutant("wrong at ties: first takes all", i, changed(op, i, first_takes_all))
    if op.arity >= 2 and None not in op.vjps[:2]:
        other = copy.copy(op)
        other.vjps = [op.vjps[1], op.vjps[0], *op.vjps[2:]]
        yield Mutant("rules exchanged", None, other)
    if op.kind == "elementwise" and op.arity > 1:
        other = copy.copy(op)
        other.kind = "general"
        yield Mutant("broadcast sum missing", None, other)
    if op.jvp is not None:
        right = op.jvp
        for fault, factor in (("zero", 0.0), ("sign", -1.0), ("factor 2", 2.0), ("factor 1.001", 1.001)):
            other = copy.copy(op)
            other.jvp = lambda *args, factor=factor, **params: right(*args, **params) * factor
            yield Mutant(fault, None, other)


def large(cases: Sequence[Case], i: int) -> float:
    """Three quarters of the largest number that the cases hold."""
    sizes = [np.max(np.abs(c.arrays[i]), initial=0.0) for c in cases if i < len(c.arrays)]
    return 0.75 * max(sizes, default=0.0)


def at_kinks(op: Op) -> Callable[[Rule], Rule]:
    """Right but for the places of the declared kinks, where the cotangent is added once and a half."""

    def wrong(rule: Rule) -> Rule:
        def more(g: Any, ans: Any, *args: Any, **params: Any) -> Any:
            there = [k.margin(*map(bare, args), **params) == 0.0 for k in op.kinks]
            gx = rule(g, ans, *args, **params)
            if op.kind == "elementwise":
                return gx + 1.5 * g * np.logical_or.reduce(np.broadcast_arrays(*there))
            return gx * 4.0 + (1.5 if op.name == "std" else 0.0) if np.any(there[0]) else gx

        return more

    return wrong


def first_takes_all(rule: Rule) -> Rule:
    """What ties share goes to the first of them."""

    def first(g: Any, ans: Any, x: Any, axis: Any = None, **params: Any) -> Any:
        gx = rule(g, ans, x, axis=axis, **params)
        if axis is not None and not isinstance(axis, int):
            return gx
        at = np.asarray(bare(gx)) != 0.0
        count = at.cumsum(axis=axis).reshape(at.shape)
        return gx * ((count == 1) & at) * count.max(axis=axis, keepdims=True)

    return first
