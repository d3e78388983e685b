"""checkpoint: the same derivatives of every order in less memory, whatever the call closes over or draws."""

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import nn

X, V = np.array([0.5, 0.7]), np.array([1.0, -2.0])


def block(x: Any, w: Any) -> Any:
    return np.tanh(np.sin(x) * w + x), {"w": w * 2.0, "count": 3}


def twice(part: Callable[..., Any]) -> Callable[..., Any]:
    def f(x: Any, w: Any) -> Any:
        y, aux = part(x, w)
        z, other = part(x=y, w=aux["w"])
        return (z * other["w"]).sum() * other["count"]

    return f


def test_derivatives_of_every_order_are_the_same() -> None:
    f, g = twice(tg.checkpoint(block)), twice(block)
    for take in (
        lambda f: tg.value_and_grad(f, (0, 1))(X, V)[1],
        lambda f: tg.jvp(f, (X, V), (V, X)),
        lambda f: tg.hessian(f)(X, V),
        lambda f: tg.jacrev(tg.grad(f, 1), 1)(X, V),
        lambda f: tg.grad(lambda x: tg.grad(lambda w: tg.grad(f)(x, w).sum())(V).sum())(X),
    ):
        np.testing.assert_allclose(np.ravel(take(f)), np.ravel(take(g)), rtol=1e-13)


def test_what_it_closes_over_gets_its_gradient() -> None:
    found = []
    for wrap in (tg.checkpoint, lambda f: f):
        w = tg.Tensor(V)
        scaled = w * 3.0
        deeper = np.sin(scaled)  # closed over too, and behind it is what is closed over
        part = wrap(lambda x, s=scaled, d=deeper: np.tanh(x * s) + d * s)
        part(part(X)).sum().backward()
        found.append(w.grad)
        found.append(tg.grad(lambda x: tg.grad(lambda x: part(x).sum())(x)[0])(X).numpy())  # noqa: B023
    np.testing.assert_allclose(found[0], found[2], rtol=1e-13)
    np.testing.assert_allclose(found[1], found[3], rtol=1e-13)
    w = tg.Tensor(V)
    tg.checkpoint(lambda: w)().sum().backward()
    np.testing.assert_array_equal(w.grad, [1.0, 1.0])


def test_an_outer_transform_reaches_what_is_closed_over() -> None:
    def f(wrap: Any) -> Any:
        return tg.grad(lambda w: tg.grad(wrap(lambda x: (w * x**3).sum()))(X)[0] * w.sum())

    np.testing.assert_allclose(f(tg.checkpoint)(V), f(lambda f: f)(V), rtol=1e-14)


def network() -> Any:
    noise = nn.Dropout(rng=0), nn.Dropout()
    return nn.Sequential(nn.Linear(3, 4, rng=0), nn.BatchNorm1d(4), *noise, nn.Linear(4, 2, rng=1))


def test_a_module_draws_the_same_and_moves_its_averages_once() -> None:
    x = np.random.default_rng(0).normal(size=(5, 3))
    nets = network(), network()
    for call in (tg.checkpoint(nets[0]), nets[1]):
        nn.manual_seed(1)
        for _ in range(2):
            loss = (call(x) ** 2).sum()
            nn.init.generator().random()  # others draw before the reverse pass
            loss.backward()
    for p, q in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
        np.testing.assert_allclose(p.grad, q.grad, rtol=1e-12)
    for (name, a), b in zip(nets[0].state_dict().items(), nets[1].state_dict().values(), strict=True):
        np.testing.assert_array_equal(a, b, err_msg=name)


def test_checkpoints_nest() -> None:
    rng = np.random.default_rng(0)
    drop = nn.Dropout(rng=rng)
    inner = tg.checkpoint(lambda x: drop(np.sin(x)))
    outer = tg.checkpoint(lambda x: inner(inner(x)) * x)
    x = tg.Tensor(np.linspace(0.1, 2.0, 50))
    y = outer(x)
    y.sum().backward()
    rng = np.random.default_rng(0)
    drop = nn.Dropout(rng=rng)
    z = tg.Tensor(x.data)
    (drop(np.sin(drop(np.sin(z)))) * z).sum().backward()
    np.testing.assert_allclose(x.grad, z.grad, rtol=1e-13)
    assert 0 < np.count_nonzero(x.grad == 0.0) < 50


@pytest.mark.parametrize("how", ["argument", "closure", "numpy"])
def test_generators_are_set_back(how: str) -> None:
    rng = np.random.default_rng(0) if how != "numpy" else np.random.mtrand._rand
    part = tg.checkpoint((lambda x, rng: x * rng.random(2)) if how == "argument" else (lambda x: x * rng.random(2)))
    x = tg.Tensor(X)
    y = part(x, rng) if how == "argument" else part(x)
    state = rng.get_state()[1].copy() if how == "numpy" else rng.bit_generator.state
    y.sum().backward()
    np.testing.assert_allclose(x.grad * X, y.data)
    after = rng.get_state()[1] if how == "numpy" else rng.bit_generator.state
    assert np.array_equal(after, state) if how == "numpy" else after == state


def test_a_call_that_does_not_repeat_itself_is_told() -> None:
    class Counter:
        count = 0

        def __call__(self, x: Any) -> Any:
            self.count += 1
            return x * self.count

    with pytest.raises(RuntimeError, match="gives other numbers than at first"):
        tg.checkpoint(Counter())(tg.Tensor(X)).sum().backward()
    shapes = iter([1, 2])
    with pytest.raises(RuntimeError, match="other shapes than at first"):
        tg.checkpoint(lambda x: x[: next(shapes)])(tg.Tensor(X)).sum().backward()
    others = iter([tg.Tensor(2.0), tg.Tensor(2.0)])
    with pytest.raises(RuntimeError, match="a Tensor that it did not use at first"):
        tg.checkpoint(lambda x: x * next(others))(tg.Tensor(X)).sum().backward()


def test_without_a_gradient_it_is_the_function_itself() -> None:
    part = tg.checkpoint(block)
    assert type(part(X, V)[0]) is np.ndarray
    with tg.no_grad():
        assert not part(tg.Tensor(X), V)[0].requires_grad
    assert tg.checkpoint(np.sin)(tg.Tensor(X)).requires_grad
    assert part.__name__ == "block"


def peak(part: Callable[[Any], Any], parts: int = 16, length: int = 16) -> tuple[float, Any]:
    """Megabytes that a chain of parts × length operations on 20,000 numbers takes at most, and its gradient."""

    def chain(x: Any) -> Any:
        for _ in range(length):
            x = np.tanh(x)
        return x

    run, x = part(chain), tg.Tensor(np.linspace(-1.0, 1.0, 20_000))
    tracemalloc.start()
    try:
        y = x
        for _ in range(parts):
            y = run(y)
        y.sum().backward()
        return tracemalloc.get_traced_memory()[1] / 1e6, x.grad
    finally:
        tracemalloc.stop()


def test_a_deep_chain_takes_the_memory_of_two_roots() -> None:
    """256 results of 0.16 MB each: all of them, or 16 at the checkpoints and 16 between two of them."""
    whole, g = peak(lambda f: f)
    parts, h = peak(tg.checkpoint)
    np.testing.assert_array_equal(g, h)
    assert whole > 256 * 0.16
    assert parts < (16 + 16 + 8) * 0.16


def test_a_compiled_function_may_hold_a_checkpoint() -> None:
    f = twice(tg.checkpoint(block))
    slope = tg.compile(tg.grad(f, (0, 1)), strict=True)
    for x in (X, V, X * V):
        for a, b in zip(slope(x, V), tg.grad(f, (0, 1))(x, V), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-14)
