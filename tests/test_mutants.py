"""The laws can fail: wrong rules are planted in a copy of every operation, and each one is caught."""

import copy
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import numpy as np
import pytest
from laws import checks, table
from laws.cases import Case, recipe_for
from mutations.faults import Rule, after, changed, detached, transposed

from tinygraph.op import Each, Joint, Op
from tinygraph.ops.shape import sum_to

CASES, LONG = 16, 4  # an operation with a loop is slow, and each of its inputs holds many numbers


def exchanged(rule: Rule) -> Rule:
    return lambda g, ans, x, y, *rest, **params: rule(g, ans, y, x, *rest, **params)


FAULTS: dict[str, Callable[[int], Callable[[Rule], Rule]]] = {
    "zeroed": after(lambda gx, x, g: gx * 0.0),
    "sign flipped": after(lambda gx, x, g: -gx),
    "scaled by 1.001": after(lambda gx, x, g: gx * 1.001),
    "off by a little": after(lambda gx, x, g: gx + 0.001),
    "transposed": after(transposed),
    "halved": after(lambda gx, x, g: gx / 2),
    "gradient squared": lambda i: lambda rule: lambda g, ans, *args, **params: rule(g * g, ans, *args, **params),
    "blind to its arguments": detached,
}


def places(op: Op) -> list[int]:
    return [0, 1] if isinstance(op.vjps, Each) else [i for i, rule in enumerate(op.vjps) if rule is not None]


def mutants(op: Op) -> Iterator[tuple[str, Op]]:
    for i in places(op):
        for fault, fault_at in FAULTS.items():
            yield f"rule {i} {fault}", changed(op, i, fault_at(i))
        if op.arity == 2:
            yield f"rule {i} with its arguments exchanged", changed(op, i, exchanged)
    if op.arity >= 2 and None not in op.vjps[:2]:
        other = copy.copy(op)
        other.vjps = [op.vjps[1], op.vjps[0], *op.vjps[2:]]
        yield "rules of the arguments exchanged", other
    for kind in ("linear", "elementwise", "multilinear"):
        if kind != op.kind:
            other = copy.copy(op)
            other.kind = kind
            yield f"declared {kind}", other
    if op.kind == "elementwise":
        other = copy.copy(op)
        other.kind = "general"
        yield "broadcasting not undone", other
        first = copy.copy(op)
        first.kind = "general"
        first.vjps = [rule and unsummed(rule, i) for i, rule in enumerate(op.vjps)]
        yield "broadcasting undone by taking one part", first


def unsummed(rule: Rule, i: int) -> Rule:
    def one_part(g: Any, ans: Any, *args: Any, **params: Any) -> Any:
        gx, shape = rule(g, ans, *args, **params), np.shape(args[i])
        count = gx.size // max(int(np.prod(shape)), 1)
        return sum_to(gx, shape=shape) / count

    return one_part


Law = Callable[[Op, Case], None]
LAWS: tuple[Law, ...] = (checks.check_rule, checks.check_modes, checks.check_second_order)
ERRORS = (AssertionError, ValueError, TypeError, IndexError, AttributeError)


def broken_law(op: Op, cases: list[Case], first: int) -> tuple[Law, int] | None:
    """A law that an op breaks, and the case, from the first on; to raise, or to give another shape, is to break it."""
    for k in (*range(first, len(cases)), *range(first)):
        for law in LAWS:
            try:
                law(op, cases[k])
            except ERRORS:
                return law, k
    return None


def observed(op: Op, case: Case) -> Iterator[Any]:
    """All that the rules of an op can do to anybody: gradients, their derivatives, tangents, or what they raise."""
    for look in (first_order, second_order, tangents):
        try:
            yield look(op, case)
        except ERRORS as error:
            yield type(error)


def difference(seen: list[list[Any]], other: Op, cases: list[Case]) -> int | None:
    """The first case on which anybody could tell an operation from the one that has been seen."""
    told = (not all(map(same, was, observed(other, case))) for was, case in zip(seen, cases, strict=True))
    return next((k for k, apart in enumerate(told) if apart), None)


def first_order(op: Op, case: Case) -> Any:
    return checks.gradients(op, case)


def second_order(op: Op, case: Case) -> Any:
    outs = checks.values(op, case)
    g, u = checks.directions(outs, 1), checks.directions(case.arrays, 3)
    return checks.second_order(op, case, g, u)


def tangents(op: Op, case: Case) -> Any:
    t = checks.directions(case.arrays, 2)
    return [checks.tangents(op, case, d) for d in (t, *checks.one_at_a_time(t))]


def same(x: Any, y: Any) -> bool:
    """Equal but for the last digits."""
    if isinstance(x, type) or isinstance(y, type):
        return x is y
    if isinstance(x, list):
        return len(x) == len(y) and all(map(same, x, y))
    return np.shape(x) == np.shape(y) and bool(np.allclose(x, y, rtol=1e-9, atol=1e-12, equal_nan=True))


@pytest.mark.parametrize("op", table.RULED, ids=lambda o: o.name)
def test_every_wrong_rule_is_caught(op: Op) -> None:
    r = Random(op.name)
    cases = [recipe_for(op)(r) for _ in range(LONG if isinstance(op.vjps, Joint) else CASES)]
    different, missed, broken = 0, [], set()
    with np.errstate(all="ignore"):  # exchanged arguments lie outside the domain
        seen = [list(observed(op, case)) for case in cases]
        for fault, mutant in mutants(op):
            first = difference(seen, mutant, cases)
            if first is None:
                continue  # the fault changes nothing that anybody could see: add with its arguments exchanged
            different += 1
            found = broken_law(mutant, cases, first)
            if found is None:
                missed.append(fault)
            else:
                broken.add(found)
    for law, k in broken:
        law(op, cases[k])  # the right rules keep it there; test_laws tries them on many more
    assert not missed
    assert different >= 2 * len(places(op)), "hardly any fault makes a difference on these inputs"


@pytest.mark.parametrize("op", [o for o in table.RULED if o.kind == "linear"], ids=lambda o: o.name)
def test_the_exact_law_of_adjoints_alone_catches_wrong_linear_rules(op: Op) -> None:
    r = Random(op.name)
    cases = [recipe_for(op)(r) for _ in range(CASES)]
    for i in places(op):
        for fault in ("zeroed", "sign flipped", "scaled by 1.001", "off by a little"):
            with pytest.raises(AssertionError):
                check_all_adjoint(changed(op, i, FAULTS[fault](i)), cases)


def check_all_adjoint(op: Op, cases: list[Case]) -> None:
    for case in cases:
        checks.check_adjoint(op, case, jointly=True)


def test_a_forward_function_that_writes_to_its_input_is_caught() -> None:
    def writes(x: np.ndarray) -> np.ndarray:
        x += 1
        return x

    with pytest.raises(ValueError, match="read-only"):
        checks.check_layouts(Op(writes, vjps=[lambda g, ans, x: g]), Case([np.ones(2)]))


def test_a_gradient_of_another_dtype_is_seen() -> None:
    op = Op(lambda x: x.astype(np.float64), vjps=[lambda g, ans, x: g], name="upcast")
    checks.check_alike(op, Case([np.ones(2)], dtypes=[np.float32]))  # the engine brings it back
    with pytest.raises(AssertionError):
        checks.check_alike(Widening(), Case([np.ones(2)], dtypes=[np.float32]))


class Widening:
    """A function whose result on recording arrays has another dtype than on bare ones."""

    def __call__(self, x: Any) -> Any:
        return x.astype(np.float64) if hasattr(x, "backward") else x
