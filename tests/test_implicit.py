"""custom_root: derivatives of a root to any order, whoever solves it, and of whatever the equation closes over."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygraph as tg

A, B = np.array([[3.0, 1.0], [1.0, 2.0]]), np.array([1.0, 2.0])
T = np.array([1.0, 2.0])


def newton(f: Callable[..., Any], x: Any) -> Any:
    for _ in range(8):
        x = x - np.linalg.solve(tg.jacobian(f)(x), f(x))
    return x


def iterated(f: Callable[..., Any], x: Any) -> Any:
    """A fixed point, by nothing but values."""
    for _ in range(200):
        assert type(x) is np.ndarray
        x = x - 0.2 * f(x)
    return x


def conjugate_gradients(g: Callable[[Any], Any], y: Any) -> Any:
    """Plain NumPy that works on arrays alone."""
    u, r = np.zeros_like(y), np.asarray(y)
    d = r
    for _ in range(4):
        if r @ r < 1e-30:
            break
        q = g(d)
        alpha = (r @ r) / (d @ q)
        u, before, r = u + alpha * d, r, r - alpha * q
        d = r + (r @ r) / (before @ before) * d
    return u


def root(solve: Any, tangent_solve: Any = None, w: Any = 0.5) -> Callable[[Any], Any]:
    return lambda t: tg.custom_root(lambda x: A @ x + t * np.tanh(x) * w - B, np.zeros(2), solve, tangent_solve)


def unrolled(w: Any = 0.5) -> Callable[[Any], Any]:
    """Newton's method, differentiated through all its steps."""

    def f(t: Any) -> Any:
        x = np.zeros(2)
        for _ in range(8):
            slope = A + np.diag(np.ones(2)) * (t * w / np.cosh(x) ** 2)
            x = x - np.linalg.solve(slope, A @ x + t * np.tanh(x) * w - B)
        return x

    return f


ORDERS = [
    tg.jacrev,
    tg.jacfwd,
    lambda f: tg.hessian(lambda t: (f(t) ** 2).sum()),
    lambda f: tg.jacrev(tg.jacrev(f)),
    lambda f: tg.grad(lambda t: tg.grad(lambda t: tg.grad(lambda t: (f(t) ** 3).sum())(t)[0])(t)[1]),
]


@pytest.mark.parametrize("tangent_solve", [None, conjugate_gradients])
@pytest.mark.parametrize("solve", [newton, iterated])
def test_derivatives_are_those_of_the_root_not_of_the_solver(solve: Any, tangent_solve: Any) -> None:
    f = root(solve, tangent_solve)
    np.testing.assert_allclose(f(T), unrolled()(T), rtol=1e-12)
    for take in ORDERS:
        np.testing.assert_allclose(take(f)(T), take(unrolled())(T), rtol=1e-9, atol=1e-12)


def test_tensors_that_the_equation_closes_over_get_their_gradients() -> None:
    found = []
    for make in (lambda w: root(newton, w=w), unrolled):
        w = tg.Tensor(0.5)
        (make(w * 1.0)(T) ** 2).sum().backward()
        found.append(w.grad)
    np.testing.assert_allclose(*found, rtol=1e-12)


def test_trees_and_aux() -> None:
    def pair(a: Any) -> Any:
        def equations(p: Any) -> Any:
            return {"x": p["x"] ** 2 - a, "y": [p["y"][0] * p["x"] - np.ones(2)]}

        def solve(f: Any, p: Any) -> Any:
            x = np.sqrt(tg.stop_gradient(a))
            return {"x": x, "y": [np.ones(2) / x]}, "seen"

        p, aux = tg.custom_root(equations, {"x": 1.0, "y": [np.ones(2)]}, solve, has_aux=True)
        assert aux == "seen"
        return p["y"][0].sum() + p["x"]

    def known(a: Any) -> Any:
        return 2.0 / np.sqrt(a) + np.sqrt(a)

    for take in (tg.grad, tg.jacfwd, tg.hessian, lambda f: tg.grad(tg.grad(tg.grad(f)))):
        np.testing.assert_allclose(take(pair)(4.0), take(known)(4.0), rtol=1e-12)


def test_without_anything_to_differentiate_the_root_is_an_array() -> None:
    assert type(root(newton)(T)) is np.ndarray
    with tg.no_grad():
        assert type(root(newton)(tg.Tensor(T))) is np.ndarray
    w = tg.Tensor(0.5)
    assert tg.custom_root(lambda x: x - w, 0.0, lambda f, x: f(0.0) * -1.0).requires_grad
    f32 = tg.custom_root(lambda x: x - w, np.zeros(2, np.float32), lambda f, x: x + 0.5)
    assert f32.dtype == np.float32


def test_what_is_no_square_equation_is_told() -> None:
    w = tg.Tensor(1.0)
    with pytest.raises(ValueError, match="an equation for each unknown"):
        tg.custom_root(lambda x: (x * w).sum(), np.zeros(2), lambda f, x: x)
    with pytest.raises(ValueError, match=r"custom_root: f\(x\): a dict with the keys"):
        tg.custom_root(lambda p: [p["x"] * w], {"x": 0.0}, lambda f, x: x)
    with pytest.raises(ValueError, match="custom_root: the root: a dict with the keys"):
        tg.custom_root(lambda p: {"x": p["x"] * w}, {"x": 0.0}, lambda f, x: [0.0])
    with pytest.raises(np.linalg.LinAlgError, match="Singular"):
        tg.custom_root(lambda x: x * x * w, 0.0, lambda f, x: 0.0).backward()


def test_a_compiled_function_gives_the_same_whether_it_can_be_compiled_or_not() -> None:
    slope = tg.grad(lambda t: root(newton)(t).sum())
    compiled = tg.compile(slope)
    for t in (T, 2.0 * T, 3.0 * T):
        np.testing.assert_allclose(compiled(t), slope(t), rtol=1e-14)
