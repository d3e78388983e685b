"""Compiled, scan is a `for`, while_loop a `while` and cond an `if`; a program holds no count and no choice."""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import nn
from tinygraph.tree import flatten

RNG = np.random.default_rng(0)
W, XS, H0 = RNG.normal(size=(3, 3)) / 2, RNG.normal(size=(6, 3)), RNG.normal(size=3)


def agree(f: Callable[..., Any], compiled: Any, *args: Any) -> None:
    """The compiled function gives what f gives, to the last bit."""
    wanted, found = flatten(f(*args))[0], flatten(compiled(*args))[0]
    for want, got in zip(wanted, found, strict=True):
        want, got = (y.data if isinstance(y, tg.Tensor) else y for y in (want, got))
        assert (type(want), want.shape, want.dtype) == (type(got), got.shape, got.dtype)
        np.testing.assert_array_equal(want, got)


def follows(f: Callable[..., Any], *calls: tuple[Any, ...]) -> Any:
    """f, compiled on the first call, gives the same on that and on all others, by one program that is run alone."""
    compiled = tg.compile(f, strict=True)
    for args in (*calls, *calls):
        agree(f, compiled, *args)
    assert [s.endswith(": compiled") for s in compiled.signatures] == [True]
    space: dict[str, Any] = {}
    exec(compiled.source, space)  # noqa: S102  it needs nothing but NumPy
    return compiled


def rollout(w: Any, h: Any, xs: Any, **options: Any) -> Any:
    def step(h: Any, x: Any) -> tuple[Any, Any]:
        h = np.tanh(w @ h + x)
        return h, (h * h).sum()

    last, ys = tg.scan(step, h, xs, **options)
    return (last * np.arange(3.0)).sum() + (ys * ys).sum()


@pytest.mark.parametrize("options", [{}, {"reverse": True}, {"checkpoint": True}], ids=str)
def test_scan_is_one_for_loop_and_its_gradient_another(options: dict[str, bool]) -> None:
    def loss(w: Any, h: Any, xs: Any) -> Any:
        return rollout(w, h, xs, **options)

    compiled = follows(tg.value_and_grad(loss, (0, 1, 2)), (W, H0, XS), (W.T.copy(), XS[0], XS + 1.0))
    there, back = ("reversed(range(6))", "range(6)") if options.get("reverse") else ("range(6)", "reversed(range(6))")
    assert compiled.source.count("    for t in ") == 2
    assert compiled.source.index(f"for t in {there}:") < compiled.source.index(f"for t in {back}:")
    assert "h_new = np.tanh(W @ h + x)" in compiled.source.replace("w @", "W @")
    assert len(compiled.source.splitlines()) < 70


def test_a_scan_of_arrays_and_all_orders_of_derivative() -> None:
    follows(lambda h, xs: tg.scan(lambda h, x: (h * x, (h, {"x": x + 1.0})), h, xs), (H0, XS), (H0 + 1.0, XS * 2.0))
    follows(tg.grad(tg.grad(lambda s: rollout(s * W, H0, s * XS))), (np.array(0.7),), (np.array(0.3),))
    follows(lambda x, v: tg.hvp(lambda x: rollout(W, H0, x), (x,), (v,)), (XS, XS.copy()), (XS + 1.0, XS * 2.0))
    follows(lambda x, v: tg.jvp(lambda x: rollout(W, H0, x), (x,), (v,)), (XS, XS.copy()), (XS + 1.0, XS * 2.0))


def test_float32_counters_trees_and_scans_within_scans() -> None:
    def f(w: Any, xs: Any) -> Any:
        def inner(c: Any, x: Any) -> tuple[Any, Any]:
            return {"h": np.tanh(c["h"] * w + x), "n": c["n"] + 1}, c["n"]

        def outer(c: Any, x: Any) -> tuple[Any, Any]:
            return tg.scan(inner, c, x)

        last, counts = tg.scan(outer, {"h": np.float32(0.5), "n": 0}, xs)
        return (last["h"] ** 2).sum() + (counts * last["h"]).sum()

    xs = XS.astype(np.float32)
    compiled = follows(tg.value_and_grad(f, (0, 1)), (np.float32(0.5)[...], xs), (np.float32(0.9)[...], xs + 1))
    assert compiled(np.float32(0.5)[...], xs)[1][1].dtype == np.float32


def test_parameters_of_a_module_are_read_afresh() -> None:
    cell = nn.RNNCell(3, 3, rng=0)

    def loss(params: Any, xs: Any) -> Any:
        last, _ = tg.scan(lambda h, x: (nn.functional_call(cell, params, x, h), None), np.zeros((1, 3)), xs)
        return (last * last).sum()

    def forward(xs: Any) -> Any:
        with tg.no_grad():
            return tg.scan(lambda h, x: (cell(x, h), None), np.zeros((1, 3)), xs)[0]

    params = {name: p.data for name, p in cell.named_parameters()}
    follows(tg.grad(loss), (params, XS[:, None]), ({k: v * 0.5 for k, v in params.items()}, XS[:, None]))
    compiled = tg.compile(forward, strict=True)
    for _ in range(3):
        agree(forward, compiled, XS[:, None])
        for p in cell.parameters():
            p.data *= 0.9


def newton(a: Any) -> Any:
    return tg.while_loop(lambda x: abs(x * x - a) > 1e-9, lambda x: 0.5 * (x + a / x), a)


@pytest.mark.parametrize("first", [2.0, 1.0], ids=["some steps", "no step"])
def test_while_loop_counts_anew_on_each_call(first: float) -> None:
    calls = [(np.array(a),) for a in (first, 3.0, 1.0, 1e6)]
    compiled = follows(tg.value_and_grad(newton), *calls)
    assert "while True:" in compiled.source
    assert "for t in reversed(range(len(" in compiled.source
    follows(tg.grad(tg.grad(newton)), *calls)
    follows(lambda a: tg.jvp(newton, (a,), (a,)), *calls)


def choice(x: Any, w: Any) -> Any:
    return tg.cond((x > 0.0).all(), lambda x: np.log(x).sum() * w.sum(), lambda x: ((x * w) ** 2).sum(), x)


@pytest.mark.parametrize("flip", [False, True])
def test_cond_chooses_anew_on_each_call(flip: bool) -> None:
    calls = [(np.array([1.0, 2.0]), H0[:2]), (np.array([-1.0, 2.0]), H0[:2]), (np.array([0.0, 0.0]), H0[1:])]
    calls = calls[::-1] if flip else calls
    compiled = follows(tg.value_and_grad(choice, (0, 1)), *calls)
    assert "if pred:" in compiled.source
    follows(choice, *calls)
    follows(lambda x, w: tg.hvp(choice, (x, w), (w, x)), *calls)
    follows(lambda x, w: tg.jvp(choice, (x, w), (w, x)), *calls)


def test_cond_within_scan_and_a_while_loop_within_cond() -> None:
    def f(w: Any, xs: Any) -> Any:
        def step(h: Any, x: Any) -> tuple[Any, Any]:
            return tg.cond(h < x, lambda h: h * w + x, lambda h: newton(h * h + 1.0), h), h

        last, hs = tg.scan(step, 0.5, xs)
        return last + (hs * hs).sum()

    rows = XS.ravel()
    compiled = follows(tg.value_and_grad(f, (0, 1)), (np.array(0.5), rows), (np.array(0.8), -rows))
    assert all(word in compiled.source for word in ("for t in range(18):", "while True:", "if pred:"))


def test_what_no_loop_can_follow_stays_as_it_is() -> None:
    rng = np.random.default_rng(0)
    seen = np.zeros(3)

    def decides(h: Any, x: Any) -> tuple[Any, Any]:
        return (h + x if x.sum() > 0 else h - x), None

    def draws(h: Any, x: Any) -> tuple[Any, Any]:
        return h + x * rng.random(), None

    def writes(h: Any, x: Any) -> tuple[Any, Any]:
        seen[...] = x
        return h + x, None

    for body, reason in (
        (decides, "becomes a Python value by bool"),
        (draws, "they draw random numbers"),
        (writes, "is made a plain array"),
    ):

        def f(xs: Any, body: Any = body) -> Any:
            return tg.scan(body, np.zeros(3), xs)[0]

        compiled = tg.compile(f)
        with pytest.warns(RuntimeWarning, match=reason):
            compiled(XS)
        if body is not draws:
            agree(f, compiled, -XS)


def test_steps_that_differ_are_not_compiled() -> None:
    rates = iter(np.linspace(0.1, 0.9, 60))

    def f(xs: Any) -> Any:
        return tg.scan(lambda h, x: (h * next(rates) + x, None), np.zeros(3), xs)[0]

    compiled = tg.compile(f)
    with pytest.warns(RuntimeWarning, match="steps that are not alike"):
        compiled(XS)


def counting(W: Any, xs: Any) -> Any:
    """A recurrence whose steps are numbered from outside."""
    n = [0]

    def step(h: Any, x: Any) -> Any:
        n[0] += 1
        return np.tanh(W @ h) * n[0] + x, None

    return tg.scan(step, np.zeros(2), xs)[0].sum()


@pytest.mark.parametrize("how", [lambda f: f, tg.grad, tg.value_and_grad])
@pytest.mark.parametrize("first", [np.zeros((3, 2)), np.arange(6.0).reshape(3, 2)])
def test_steps_that_count_are_found_out_whatever_their_numbers(how: Any, first: np.ndarray) -> None:
    W = np.array([[0.1, 0.2], [0.3, 0.4]])
    f = how(counting)
    compiled = tg.compile(f)
    with pytest.warns(RuntimeWarning, match="steps that are not alike"):
        begun = compiled(W, first)
    for got, want in ((begun, f(W, first)), (compiled(W, first + 1.0), f(W, first + 1.0))):
        for a, b in zip(flatten(got)[0], flatten(want)[0], strict=True):
            np.testing.assert_array_equal(a, b)


def test_arrays_that_a_step_makes_are_alike() -> None:
    def f(xs: Any) -> Any:
        def outer(h: Any, x: Any) -> Any:
            inner, _ = tg.scan(lambda a, b: (a @ np.diag([0.5, 1.0, 2.0]) + b, None), h, xs)
            return inner + x[[2, 0, 1]] + np.eye(3)[0], None

        return tg.scan(outer, np.zeros(3), xs)[0].sum()

    compiled = tg.compile(tg.grad(f), strict=True)
    for xs in (np.zeros((4, 3)), np.arange(12.0).reshape(4, 3)):
        np.testing.assert_array_equal(compiled(xs), tg.grad(f)(xs))


def test_a_training_step_through_steps_that_count() -> None:
    def made() -> tuple[Any, Any]:
        W = tg.Tensor(np.array([[0.1, 0.2], [0.3, 0.4]]), requires_grad=True)
        opt = tg.optim.Momentum([W], lr=0.1)

        def step(xs: Any) -> float:
            opt.zero_grad()
            loss = counting(W, xs)
            loss.backward()
            opt.step()
            return loss.item()

        return W, step

    (W, step), (twin, other) = made(), made()
    compiled = tg.compile(step)
    xs = np.arange(6.0).reshape(3, 2)
    with pytest.warns(RuntimeWarning, match="steps that are not alike"):
        losses = [compiled(xs) for _ in range(3)]
    assert losses == [other(xs) for _ in range(3)]
    np.testing.assert_array_equal(W.data, twin.data)


@pytest.mark.skipif(sys.gettrace() is not None, reason="a debugger, or a measurement of coverage, is at work")
def test_steps_that_are_computed_and_not_recorded_run_unwatched() -> None:
    watched = []

    def step(h: Any, x: Any) -> tuple[Any, None]:
        watched.append(sys.gettrace() is not None)
        return np.tanh(h + x), None

    tg.compile(lambda xs: tg.scan(step, np.zeros(2), xs)[0], strict=True)(np.ones((9, 2)))
    assert watched[0]  # its names are the program's
    assert not any(watched[2:])


def test_the_remedy_is_named() -> None:
    with pytest.raises(TypeError, match=r"write it with np\.where, cond, scan or while_loop"):
        tg.compile(lambda x: x if x.sum() > 0 else -x, strict=True)(H0)


def test_a_whole_training_step_through_a_scan() -> None:
    def made() -> tuple[Any, Any]:
        cell = nn.RNNCell(3, 5, rng=0)
        opt = tg.optim.Adam(cell.parameters(), lr=0.01)

        def step(xs: Any, y: Any) -> float:
            opt.zero_grad()
            last, _ = tg.scan(lambda h, x: (cell(x, h), None), np.zeros((4, 5)), xs)
            loss = ((last - y) ** 2).mean()
            loss.backward()
            opt.step()
            return loss.item()

        return cell, step

    xs, y = RNG.normal(size=(20, 4, 3)), RNG.normal(size=(4, 5))
    (cell, step), (twin, other) = made(), made()
    compiled = tg.compile(other, strict=True)
    assert [step(xs, y) for _ in range(4)] == [compiled(xs, y) for _ in range(4)]
    for p, q in zip(cell.parameters(), twin.parameters(), strict=True):
        np.testing.assert_array_equal(p.data, q.data)
    assert "for t in reversed(range(20)):" in compiled.source
