"""Scopes: which part of a computation an operation belongs to."""

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import nn
from tinygraph.mode import MODE


def test_scopes_nest_and_end() -> None:
    x = tg.Tensor(2.0)
    with tg.scope("encoder"):
        y = x * x
        with tg.scope("0", "Linear"):
            z = np.sin(y) + x
    w = z * 1.0
    assert (y.scope, z.scope, w.scope, x.scope) == ("encoder", "encoder/0", None, None)
    assert MODE.get() is None


def test_each_call_is_a_scope_of_its_own() -> None:
    layer = nn.Linear(2, 2, rng=0)
    first = layer(np.ones((1, 2)))
    second = layer(first)
    inner = first._node.tag.scope, second._node.tag.scope
    assert inner[0] is not inner[1]
    assert inner[0].path == inner[1].path == ("Linear",)
    assert inner[0].kind == "Linear"


def test_a_scope_ends_when_it_raises() -> None:
    with pytest.raises(ZeroDivisionError), tg.scope("a"):
        1 / 0  # noqa: B018
    assert MODE.get() is None
    with pytest.raises(ValueError, match="linear"):
        nn.Linear(2, 2)(np.ones((1, 3)))
    assert MODE.get() is None


def test_a_scope_within_no_grad_and_debug() -> None:
    x = tg.Tensor(2.0)
    with tg.no_grad(), tg.scope("a"):
        assert not (x * x).requires_grad
    with tg.scope("a"), tg.no_grad():
        assert not (x * x).requires_grad
        assert MODE.get() is not None
    with tg.scope("a"), tg.debug(), pytest.raises(FloatingPointError, match="log"):
        np.log(x - 2.0)


def test_gradients_do_not_change_within_a_scope() -> None:
    x = tg.Tensor(np.arange(3.0))
    with tg.scope("a"):
        ((x * x).sum() * np.sin(x).sum()).backward()
    inside = x.grad
    x.zero_grad()
    ((x * x).sum() * np.sin(x).sum()).backward()
    np.testing.assert_array_equal(inside, x.grad)


def test_assigning_keeps_scope_and_name() -> None:
    with tg.scope("a"):
        x = tg.Tensor(np.ones(3)) * 1.0
        x.name = "x"
        x[0] = 2.0
    assert (x.scope, x.name) == ("a", "x")


def test_grad_within_a_scope_and_a_scope_within_grad() -> None:
    def f(x: tg.Tensor) -> tg.Tensor:
        with tg.scope("inner"):
            return x * x

    with tg.scope("outer"):
        assert tg.grad(f)(3.0) == 6.0
        assert tg.grad(tg.grad(f))(3.0) == 2.0


def test_a_name_that_is_no_text() -> None:
    with pytest.raises(TypeError, match="a name is text"), tg.scope(3):  # type: ignore[arg-type]
        pass
