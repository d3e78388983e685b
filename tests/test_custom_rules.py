"""custom_vjp and custom_jvp: the author's rule is used, in both modes and to any order, and its faults are told."""

from typing import Any

import numpy as np
import pytest

import tinygraph as tg
from tinygraph.check import GradientError

X, Y = np.array([0.5, 0.7]), np.array([1.0, 2.0])


def plain(x: Any, y: Any) -> Any:
    return {"product": x * y, "sine": [np.sin(x)]}


def by_vjp() -> Any:
    f = tg.custom_vjp(plain)
    f.defvjp(
        lambda x, y: (plain(x, y), (x, y)),
        lambda kept, g: (g["product"] * kept[1] + np.cos(kept[0]) * g["sine"][0], kept[0] * g["product"]),
    )
    return f


def by_jvp() -> Any:
    f = tg.custom_jvp(plain)

    @f.defjvp
    def rule(primals: Any, tangents: Any) -> Any:
        (x, y), (tx, ty) = primals, tangents
        return f(x, y), {"product": tx * y + x * ty, "sine": [np.cos(x) * tx]}

    return f


def scalar(f: Any) -> Any:
    return lambda x, y: (f(x, y)["product"] ** 2 * f(x, y)["sine"][0]).sum()


@pytest.mark.parametrize("make", [by_vjp, by_jvp])
def test_derivatives_of_every_order_are_those_of_the_plain_function(make: Any) -> None:
    f, g = scalar(make()), scalar(plain)
    for take in (
        lambda f: tg.grad(f, (0, 1))(X, Y),
        lambda f: tg.jvp(f, (X, Y), (Y, X)),
        lambda f: tg.jacfwd(f, (0, 1))(X, Y),
        lambda f: tg.hvp(f, (X, Y), (Y, X)),
        lambda f: tg.hessian(f)(X, Y),
        lambda f: tg.grad(lambda x: tg.grad(lambda y: tg.grad(f)(x, y).sum())(Y).sum())(X),
    ):
        for a, b in zip(np.ravel(take(f)), np.ravel(take(g)), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-13)
    tg.check.check_grads(f, X, Y, order=2)


@pytest.mark.parametrize("make", [by_vjp, by_jvp])
def test_arrays_in_arrays_out_without_the_rule(make: Any) -> None:
    found = make()(X, y=Y)
    assert type(found["product"]) is np.ndarray
    with tg.no_grad():
        assert not make()(tg.Tensor(X), Y)["product"].requires_grad


def test_the_authors_rule_is_used_instead_of_the_functions() -> None:
    through = tg.custom_vjp(np.round)
    through.defvjp(lambda x: (np.round(x), None), lambda kept, g: (g,))
    x = tg.Tensor([0.2, 1.7])
    (through(x) * Y).sum().backward()
    np.testing.assert_array_equal(x.grad, Y)
    np.testing.assert_array_equal(tg.jvp(through, (X,), (Y,))[1], Y)
    assert tg.grad(lambda x: through(x).sum())(np.ones(2, np.float32)).dtype == np.float32


def test_reverse_only_rules_tell_forward_mode_what_is_wrong() -> None:
    opaque = tg.custom_vjp(np.sin)
    opaque.defvjp(lambda x: (np.sin(x), x), lambda x, g: (np.asarray(g) * np.cos(x),))
    np.testing.assert_array_equal(tg.grad(lambda x: opaque(x).sum())(X), np.cos(X))
    with pytest.raises(TypeError, match="does not turn into an ndarray"):
        tg.jvp(opaque, (X,), (X,))


def test_arguments_without_derivative_come_first() -> None:
    f = tg.custom_vjp(lambda g, x, n: g(x) * n, nondiff_argnums=(0, 2))
    f.defvjp(lambda g, x, n: (g(x) * n, x), lambda g, n, x, c: (c * n * np.cos(x),))
    np.testing.assert_allclose(tg.grad(lambda x: f(np.sin, x, 3).sum())(X), 3 * np.cos(X))
    h = tg.custom_jvp(lambda x, n: x**n, nondiff_argnums=1)
    h.defjvp(lambda n, p, t: (p[0] ** n, n * p[0] ** (n - 1) * t[0]))
    np.testing.assert_allclose(tg.grad(lambda x: h(x, 3).sum())(X), 3 * X**2)
    with pytest.raises(TypeError, match="would lose its gradient"):
        h(X, tg.Tensor(3.0))


def test_integers_and_unused_arguments() -> None:
    f = tg.custom_vjp(lambda x, i, y: (x[i] * 2.0, np.argmax(i)))
    f.defvjp(lambda x, i, y: (f(x, i, y), i), lambda i, g: (2.0 * g[0] * (np.arange(2) == i[0]), None, None))
    gx, gy = tg.grad(lambda x, y: f(x, np.array([1]), y)[0].sum(), (0, 1))(X, Y)
    np.testing.assert_array_equal(gx, [0.0, 2.0])
    np.testing.assert_array_equal(gy, [0.0, 0.0])
    h = tg.custom_jvp(lambda x, y: x * 1.0)
    h.defjvps(lambda t, ans, x, y: 5.0 * t, None)
    assert [float(g) for g in tg.grad(h, (0, 1))(1.0, 2.0)] == [5.0, 0.0]
    h.defjvps(None, None)
    assert [float(g) for g in tg.grad(h, (0, 1))(1.0, 2.0)] == [0.0, 0.0]


def test_methods_may_have_rules() -> None:
    class Scaled:
        @tg.custom_jvp
        def f(self, x: Any) -> Any:
            return x * 2.0

    Scaled.f.nondiff_argnums = (0,)
    Scaled.f.defjvp(lambda self, p, t: (p[0] * 2.0, t[0] * 7.0))
    assert float(tg.grad(Scaled().f)(1.0)) == 7.0


def wrong(bwd: Any = None, fwd: Any = lambda x: (x * 2.0, None), f: Any = lambda x: x * 2.0) -> Any:
    made = tg.custom_vjp(f)
    if bwd is not None:
        made.defvjp(fwd, bwd)
    return lambda: tg.grad(lambda x: made(x).sum())(X)


def wrong_jvp(rule: Any) -> Any:
    made = tg.custom_jvp(lambda x: x * 2.0)
    made.defjvp(rule)
    return lambda: tg.grad(lambda x: made(x).sum())(X)


W = tg.Tensor(2.0)


@pytest.mark.parametrize(
    ("use", "kind", "message"),
    [
        (wrong(), AttributeError, "no rule yet"),
        (wrong(lambda kept, g: g), TypeError, "returns a tuple of 1"),
        (wrong(lambda kept, g: (g.sum(),)), ValueError, r"a gradient by bwd has shape \(\), and not \(2,\)"),
        (wrong(lambda kept, g: ({"x": g},)), ValueError, "gradient by bwd has shape"),
        (wrong(lambda kept, g: (g,), fwd=lambda x: x * 2.0), TypeError, "fwd of <lambda> returns a pair"),
        (wrong(lambda kept, g: (g,), fwd=lambda x: (x * W, None)), TypeError, "closes over a Tensor"),
        (wrong_jvp(lambda p, t: t[0]), TypeError, "returns a pair"),
        (wrong_jvp(lambda p, t: (p[0], t[0].sum())), ValueError, r"has shape \(\), and not \(2,\)"),
        (lambda: tg.custom_vjp(3.0), TypeError, "a function is needed"),
        (lambda: tg.custom_vjp(np.sin, nondiff_argnums=2)(tg.Tensor(X)), AttributeError, "no rule"),
    ],
)
def test_a_wrong_rule_is_told(use: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        use()


def test_check_grads_finds_a_rule_of_the_wrong_size_and_names_it() -> None:
    @tg.custom_vjp
    def forgetful(x: Any) -> Any:
        return x**2

    forgetful.defvjp(lambda x: (x**2, x), lambda x, g: (x * g,))
    with pytest.raises(GradientError, match="derivative of forgetful for its argument 0 is 2 times too small"):
        tg.check.check_grads(lambda x: np.sin(forgetful(x)), X)


def test_a_compiled_function_uses_the_rule() -> None:
    through = tg.custom_vjp(np.round)
    through.defvjp(lambda x: (np.round(x), x), lambda x, g: (g * x,))
    slope = tg.compile(tg.grad(lambda x: (through(x * 1.5) ** 2).sum()), strict=True)
    for x in (X, Y, X + Y):
        np.testing.assert_array_equal(slope(x), tg.grad(lambda x: (through(x * 1.5) ** 2).sum())(x))


def test_rules_of_complex_functions_follow_the_convention_of_all_others() -> None:
    """A holomorphic rule is g f'(z), without conjugation."""
    z = np.array([1.0 + 2.0j, 0.5 - 1.0j])
    reverse = tg.custom_vjp(np.square)
    reverse.defvjp(lambda z: (z * z, z), lambda z, g: (2.0 * z * g,))
    ahead = tg.custom_jvp(np.square)
    ahead.defjvp(lambda p, t: (p[0] ** 2, 2.0 * p[0] * t[0]))
    for take in (
        lambda f: tg.grad(lambda z: np.abs(f(z)).sum())(z),
        lambda f: tg.jvp(f, (z,), (1j * z,))[1],
        lambda f: tg.grad(lambda x: np.real(f(x * (1 + 1j)) * 1j).sum())(X),
        lambda f: tg.hessian(lambda x: np.abs(f(x * (1 + 1j)) * (x + 1j)).sum())(X),
    ):
        for f in (reverse, ahead):
            np.testing.assert_allclose(take(f), take(np.square), rtol=1e-13)


def newton(f: Any, x: Any) -> Any:
    for _ in range(8):
        x = x - f(x) / tg.grad(lambda x: f(x).sum())(x)
    return x


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "f",
    [
        lambda x, y: by_vjp()(x, y)["product"],
        lambda x, y: by_jvp()(x, y)["product"],
        tg.checkpoint(lambda x, y: np.tanh(x * y)),
        lambda x, y: tg.custom_root(lambda z: z**3 + z * (1.0 + y * y) - x, 0.0 * X, newton),
    ],
    ids=["custom_vjp", "custom_jvp", "checkpoint", "custom_root"],
)
def test_inside_vmap_each_example_has_its_own(f: Any) -> None:
    x = np.stack([X, Y, X * Y])
    for take in (f, tg.jacobian(f, 1), tg.hessian(lambda x, y: (f(x, y) ** 2).sum())):
        got = tg.vmap(take, in_axes=(0, None))(x, Y)
        np.testing.assert_allclose(got, np.stack([take(row, Y) for row in x]), rtol=1e-12)
