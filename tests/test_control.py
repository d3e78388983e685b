"""scan, while_loop and cond: what a Python loop gives, with its derivatives of every order."""

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import nn
from tinygraph.tree import flatten

RNG = np.random.default_rng(0)
W, XS, H0 = RNG.normal(size=(3, 3)) / 2, RNG.normal(size=(6, 3)), RNG.normal(size=3)
Scan = Callable[..., tuple[Any, Any]]


def python_loop(f: Any, init: Any, xs: Any, reverse: bool = False, checkpoint: bool = False) -> tuple[Any, Any]:
    """What scan is, for one array of xs and one of ys."""
    carry, ys = init, []
    for x in (xs[t] for t in (reversed(range(len(xs))) if reverse else range(len(xs)))):
        carry, y = f(carry, x)
        ys.append(y)
    return carry, np.stack(ys[::-1] if reverse else ys)


def loss_by(scan: Scan, **options: Any) -> Callable[..., Any]:
    def loss(w: Any, h: Any, xs: Any) -> Any:
        def step(h: Any, x: Any) -> tuple[Any, Any]:
            h = np.tanh(w @ h + x)
            return h, (h * h).sum()

        last, ys = scan(step, h, xs, **options)
        return (last * np.arange(3.0)).sum() + (ys * ys).sum()

    return loss


def same(found: Any, wanted: Any) -> None:
    for a, b in zip(flatten(found)[0], flatten(wanted)[0], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)
        assert np.asarray(a).dtype == np.asarray(b).dtype


BOTH = pytest.mark.parametrize("checkpoint", [False, True])


@BOTH
@pytest.mark.parametrize("reverse", [False, True])
def test_scan_is_a_python_loop_with_its_derivatives(reverse: bool, checkpoint: bool) -> None:
    options = {"reverse": reverse, "checkpoint": checkpoint}
    ours, theirs = loss_by(tg.scan, **options), loss_by(python_loop, **options)
    args, along = (W, H0, XS), (XS[:3], H0 + 1.0, XS * 2.0)
    assert ours(*args) == theirs(*args)
    for a, b in zip(tg.grad(ours, (0, 1, 2))(*args), tg.grad(theirs, (0, 1, 2))(*args), strict=True):
        np.testing.assert_array_equal(a, b)
    same(tg.jvp(ours, args, along), tg.jvp(theirs, args, along))
    same(tg.hvp(ours, args, along), tg.hvp(theirs, args, along))
    for i in range(3):

        def steepness(loss: Any, x: Any, i: int = i) -> Any:
            return (tg.grad(lambda x: loss(*args[:i], x, *args[i + 1 :]))(x) ** 2).sum()

        same(tg.grad(lambda x: steepness(ours, x))(args[i]), tg.grad(lambda x: steepness(theirs, x))(args[i]))


@BOTH
def test_third_derivative_and_forward_mode_of_forward_mode(checkpoint: bool) -> None:
    def third(loss: Any) -> Any:
        return tg.grad(tg.grad(tg.grad(lambda s: loss(s * W, H0, s * XS))))(0.7)

    def twice(loss: Any) -> Any:
        def slope(s: Any) -> Any:
            return tg.jvp(lambda s: loss(s * W, s * H0, XS), (s,), (1.0,))[1]

        return tg.jvp(slope, (0.7,), (1.0,))

    ours = loss_by(tg.scan, checkpoint=checkpoint)
    same(third(ours), third(loss_by(python_loop)))
    same(twice(ours), twice(loss_by(python_loop)))


@BOTH
def test_scan_within_scan(checkpoint: bool) -> None:
    def loss(w: Any, scan: Scan) -> Any:
        def outer(h: Any, x: Any) -> tuple[Any, Any]:
            return scan(lambda h, y: (np.sin(w * h + y), h * w), h, XS[:, 0] * x, checkpoint=checkpoint)

        return scan(outer, np.array(0.5), XS[:, 1], checkpoint=checkpoint)[1].sum()

    for derivative in (tg.grad, lambda f: tg.grad(tg.grad(f))):
        same(derivative(lambda w: loss(w, tg.scan))(0.8), derivative(lambda w: loss(w, python_loop))(0.8))


@BOTH
def test_a_module_that_is_closed_over_gets_its_gradients(checkpoint: bool) -> None:
    cell = nn.RNNCell(3, 3, rng=0)

    def gradients(scan: Scan) -> list[Any]:
        for p in cell.parameters():
            p.zero_grad()
        x = tg.Tensor(XS[:, None])
        last, _ = scan(lambda h, x: ((h := cell(x, h)), h), np.zeros((1, 3)), x, checkpoint=checkpoint)
        assert isinstance(last, tg.Tensor)
        (last * last).sum().backward()
        return [p.grad for p in cell.parameters()] + [x.grad]

    same(gradients(tg.scan), gradients(python_loop))


@BOTH
def test_one_tensor_as_init_as_xs_and_closed_over(checkpoint: bool) -> None:
    def loss(a: Any, scan: Scan) -> Any:
        b = np.sin(a)
        return (scan(lambda h, x: (h * b + x * a, h), a, np.stack([a, b, a]), checkpoint=checkpoint)[0] * b).sum()

    same(tg.grad(lambda a: loss(a, tg.scan))(H0), tg.grad(lambda a: loss(a, python_loop))(H0))


@BOTH
def test_a_tensor_that_only_some_steps_use(checkpoint: bool) -> None:
    w = tg.Tensor(2.0)

    def step(carry: Any, x: Any) -> tuple[Any, None]:
        n, h = carry
        return (n + 1, h * w if n >= 2 else h + x), None

    (n, h), nothing = tg.scan(step, (0, 1.0), np.ones(4), checkpoint=checkpoint)
    assert n == 4
    assert nothing is None
    h.backward()
    assert h.item() == 12.0
    assert w.grad == 12.0


@BOTH
def test_trees_numbers_and_dtypes_stay(checkpoint: bool) -> None:
    def step(carry: Any, x: Any) -> tuple[Any, Any]:
        carry = {"h": np.tanh(carry["h"] + x["a"]), "n": carry["n"] + 1}
        return carry, (carry["h"].sum(), [carry["n"], None])

    xs = {"a": np.ones((4, 2), np.float32), "b": np.arange(4)}
    init = {"h": np.zeros(2, np.float32), "n": np.int64(0)}
    carry, (sums, [counts, none]) = tg.scan(step, init, xs, checkpoint=checkpoint)
    assert (carry["h"].dtype, carry["n"], sums.dtype, none) == (np.float32, 4, np.float32, None)
    np.testing.assert_array_equal(counts, [1, 2, 3, 4])
    slope = tg.grad(lambda a: tg.scan(step, init, {**xs, "a": a}, checkpoint=checkpoint)[1][0].sum())(xs["a"])
    assert slope.dtype == np.float32
    assert slope.shape == (4, 2)


def test_no_steps_and_arrays_of_size_zero() -> None:
    last, ys = tg.scan(lambda h, x: (h + x.sum(), {"y": np.outer(x, x)}), 1.0, np.ones((0, 2)))
    assert (last, ys["y"].shape) == (1.0, (0, 2, 2))
    assert tg.grad(lambda h: tg.scan(lambda h, x: (h * 2.0, h), h, length=0)[0])(3.0) == 1.0
    xs = tg.grad(lambda x: tg.scan(lambda h, x: (h + x.sum(), x), 1.0, x)[0])(np.ones((4, 0)))
    assert xs.shape == (4, 0)


def test_without_gradients_arrays_stay_arrays_and_tensors_tensors() -> None:
    seen = []

    def step(h: Any, x: Any) -> tuple[Any, Any]:
        seen.append(type(h))
        return h + x, h

    last, ys = tg.scan(step, 0.0, XS[:, 0])
    assert type(last) is type(ys) is np.ndarray
    assert tg.Tensor not in seen
    with tg.no_grad():
        last, ys = tg.scan(step, tg.Tensor(0.0), XS[:, 0])
    assert type(last) is type(ys) is seen[-1] is tg.Tensor
    assert not last.requires_grad


def test_backward_twice_and_with_create_graph() -> None:
    w = tg.Tensor(W)
    loss = loss_by(tg.scan)(w, H0, XS)
    loss.backward()
    once = w.grad.copy()
    loss.backward()
    np.testing.assert_allclose(w.grad, 2.0 * once)
    w.zero_grad()
    loss.backward(create_graph=True)
    np.testing.assert_allclose(w.grad.data, once, rtol=1e-12)
    w.zero_grad()


def test_checkpoint_takes_less_memory() -> None:
    x = np.ones(1000)

    def peak(checkpoint: bool) -> int:
        def step(h: Any, _: Any) -> tuple[Any, None]:
            for _ in range(10):
                h = np.sin(h)
            return h, None

        tracemalloc.start()
        tg.grad(lambda x: tg.scan(step, x, length=50, checkpoint=checkpoint)[0].sum())(x)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    states = 50 * x.nbytes
    assert peak(False) > 10 * states
    assert peak(True) < 3 * states


def test_checkpoint_finds_steps_that_do_not_repeat_themselves() -> None:
    rng = np.random.default_rng(0)

    def step(h: Any, _: Any) -> tuple[Any, None]:
        return h * rng.random(), None

    tg.grad(lambda h: tg.scan(step, h, length=3)[0])(1.0)
    with pytest.raises(RuntimeError, match="scan_step: run again, a step gives other numbers"):
        tg.grad(lambda h: tg.scan(step, h, length=3, checkpoint=True)[0])(1.0)


@BOTH
def test_complex_numbers(checkpoint: bool) -> None:
    def loss(w: Any, scan: Scan) -> Any:
        last, _ = scan(lambda h, x: (h * w * x, h), np.array(1.0 + 1.0j), XS[:, 0], checkpoint=checkpoint)
        return np.real(last * np.conj(w)) + np.abs(last)

    same(tg.grad(lambda w: loss(w, tg.scan))(0.5 + 0.3j), tg.grad(lambda w: loss(w, python_loop))(0.5 + 0.3j))


@BOTH
def test_examples_side_by_side(checkpoint: bool) -> None:
    def loss(h: Any, xs: Any) -> Any:
        return tg.scan(lambda h, x: (np.sin(h) * x, h), h, xs, checkpoint=checkpoint)[1].sum()

    hs, rows = RNG.normal(size=(4, 2)), RNG.normal(size=(4, 3, 2))
    both = tg.grad(loss, (0, 1))
    one_by_one = [both(h, xs) for h, xs in zip(hs, rows, strict=True)]
    same(tg.vmap(both)(hs, rows), tuple(np.stack(g) for g in zip(*one_by_one, strict=True)))
    same(tg.vmap(loss)(hs, rows), np.stack([loss(h, xs) for h, xs in zip(hs, rows, strict=True)]))


def test_a_graph_with_loops_is_one_node_each_drawn_and_printed() -> None:
    w, h = tg.Tensor(W, name="W"), tg.Tensor(H0, name="h0")
    loss = loss_by(tg.scan)(w, h, XS) + newton(tg.cond(h[0] > 0.0, lambda h: h[0] ** 2, lambda h: h[1] ** 2, h))
    space: dict[str, Any] = {}
    exec(tg.source(loss), space)  # noqa: S102  our own source
    loss.backward()
    same(space["program"](W=W, h0=H0), [loss.data, *(x.grad for x in (w, h))])
    drawn = tg.render(loss).dot
    assert drawn.count("scan_step") == 1
    assert "while_loop" in drawn


def test_what_scan_refuses() -> None:
    with pytest.raises(TypeError, match="a function is needed"):
        tg.scan(3, 0.0, XS)
    with pytest.raises(TypeError, match="returns a pair"):
        tg.scan(lambda h, x: h, 0.0, XS)
    with pytest.raises(TypeError, match=r"shape \(\) and dtype int64 became one of shape \(\) and dtype float64"):
        tg.scan(lambda h, x: (h + 0.5, None), 0, length=2)
    with pytest.raises(TypeError, match="carry: a sequence of 2 is needed"):
        tg.scan(lambda h, x: (h[0], None), (0.0, 1.0), length=2)
    with pytest.raises(ValueError, match="needs length="):
        tg.scan(lambda h, x: (h, None), 0.0)
    with pytest.raises(ValueError, match="no common length"):
        tg.scan(lambda h, x: (h, None), 0.0, (np.ones(3), np.ones(4)))
    with pytest.raises(ValueError, match="no common length"):
        tg.scan(lambda h, x: (h, None), 0.0, np.ones(3), length=4)
    with pytest.raises(ValueError, match="first axis"):
        tg.scan(lambda h, x: (h, None), 0.0, np.ones(()))
    growing: list[int] = []
    with pytest.raises(ValueError, match=r"step 1 gives an array of shape \(2,\)"):
        tg.scan(lambda h, x: (h, np.ones(growing.append(1) or len(growing))), 0.0, length=2)


# --- while_loop


def newton(a: Any) -> Any:
    return tg.while_loop(lambda x: abs(x * x - a) > 1e-12, lambda x: 0.5 * (x + a / x), a)


def test_while_loop_and_its_derivatives() -> None:
    assert newton(2.0) == pytest.approx(2.0**0.5, abs=1e-15)
    assert type(newton(2.0)) is np.ndarray
    assert tg.grad(newton)(2.0) == pytest.approx(0.5 * 2.0**-0.5, abs=1e-12)
    assert tg.jvp(newton, (2.0,), (1.0,))[1] == pytest.approx(0.5 * 2.0**-0.5, abs=1e-12)
    assert tg.grad(tg.grad(newton))(2.0) == pytest.approx(-0.25 * 2.0**-1.5, abs=1e-11)
    assert tg.hvp(newton, (2.0,), (1.0,)) == pytest.approx(-0.25 * 2.0**-1.5, abs=1e-11)


def test_while_loop_over_a_tree_that_makes_no_step() -> None:
    def f(a: Any) -> Any:
        return tg.while_loop(lambda s: s["n"] < 0, lambda s: {"n": s["n"] + 1, "x": s["x"] * a}, {"n": 0, "x": a})["x"]

    assert f(3.0) == 3.0
    assert tg.grad(f)(3.0) == 1.0
    assert tg.grad(tg.grad(lambda a: f(a) ** 2))(3.0) == 2.0
    assert tg.jvp(lambda a: f(a) ** 2, (3.0,), (1.0,))[1] == 6.0


def test_what_while_loop_refuses() -> None:
    with pytest.raises(TypeError, match="one boolean"):
        tg.while_loop(lambda x: x > 0, lambda x: x, np.ones(2))
    with pytest.raises(TypeError, match="while_loop: the carry must stay the same"):
        tg.while_loop(lambda x: x.sum() < 5, lambda x: x.sum(), np.ones(2))


# --- cond


def test_cond_runs_what_is_chosen() -> None:
    def f(x: Any) -> Any:
        return tg.cond(x.sum() > 1.0, lambda x: np.log(x).sum(), lambda x: (x * x).sum(), x)

    same(tg.grad(f)(np.array([2.0, 4.0])), np.array([0.5, 0.25]))
    same(tg.grad(f)(np.array([0.0, -4.0])), np.array([0.0, -8.0]))  # no logarithm of 0 is taken
    assert tg.cond(1, lambda: "yes", lambda: "no") == "yes"
    with pytest.raises(TypeError, match=r"cond: pred is one boolean, not shape \(2,\)"):
        tg.cond(np.ones(2) > 0, f, f, np.ones(2))
