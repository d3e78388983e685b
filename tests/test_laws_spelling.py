"""A Python operator, a NumPy function, a method and a function of tinygraph are one and the same operation."""

import operator
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import numpy as np
import pytest
from laws import checks, table
from laws.cases import Case, recipe_for

import tinygraph as tg
from tinygraph.op import OPS, Op
from tinygraph.tensor import Tensor

COMPOSITIONS = sorted(set(table.COMPOSED.values()), key=lambda f: f.__name__)
OPERATORS: dict[str, Callable[..., Any]] = {
    "abs": operator.abs,
    "add": operator.add,
    "divide": operator.truediv,
    "floor_divide": operator.floordiv,
    "getitem": lambda x, index: x[index],
    "matmul": operator.matmul,
    "mod": operator.mod,
    "multiply": operator.mul,
    "negative": operator.neg,
    "positive": operator.pos,
    "power": operator.pow,
    "subtract": operator.sub,
}
LOOSE = {"reshape", "transpose"}  # methods that take their argument unnamed, as NumPy's do


def spellings(function: Any) -> Iterator[tuple[str, Callable[..., Any]]]:
    name = function.name if isinstance(function, Op) else function.__name__
    if name in OPERATORS:
        yield f"operator {name}", OPERATORS[name]
    for key in [k for k, v in OPS.items() if v is function or getattr(v, "wider", None) is function]:
        other = table.located(key) if isinstance(key, str) else key
        if other is not None:
            yield f"numpy.{name}", other
    method = getattr(Tensor, name, None)
    if callable(method) and name != "compress":  # which takes its condition first
        if name in LOOSE:
            yield f"method {name}", lambda x, **params: getattr(x, name)(*params.values())
        else:
            yield f"method {name}", lambda x, *rest, **params: getattr(x, name)(*rest, **params)
    if hasattr(tg, name):
        yield f"tinygraph.{name}", getattr(tg, name)


def walk(function: Any, case: Case) -> tuple[list[Any], list[Any], list[list[Op]]]:
    """Values, gradients, and the operations recorded between the results and the arrays."""
    xs = [Tensor(a) for a in case.arrays]
    outs = checks.closed(function, case)(*xs)
    recorded = []
    for y in outs:
        ops, node = [], y._node
        while node.op is not None:
            ops.append(node.op)
            node = next(x for x in node.inputs if x is not None)
        recorded.append(ops)
    for y, g in zip(outs, checks.directions([y.data for y in outs], 1), strict=True):
        y.backward(g)
    return [y.data for y in outs], [x.grad for x in xs], recorded


INNER = {"conv", "conv_transpose", "conv_weight", "max_pool", "sum_pool", "tap_add"}  # of any number of axes
INNER |= {"cross_entropy_of_distributions", "squared_error"}  # what losses are made of
INNER |= {"p_norm"}  # and norms


def private(function: Any) -> bool:
    """Whether the public function takes its own arguments, not those of the private op behind it."""
    if isinstance(function, Op) and function.name in INNER:
        return not hasattr(tg, function.name)
    return isinstance(function, Op) and getattr(tg, function.name, function) is not function


PUBLIC = [f for f in (*table.RULED, *COMPOSITIONS) if not private(f)]


@pytest.mark.parametrize("function", PUBLIC, ids=lambda f: f.name if isinstance(f, Op) else f.__name__)
def test_all_spellings_are_one_operation(function: Any) -> None:
    r = Random(1)
    for _ in range(5):
        case = recipe_for(function)(r)
        values, gradients, recorded = walk(function, case)
        for spelling, other in spellings(function):
            found = walk(other, case)
            np.testing.assert_equal(found[0], values, err_msg=f"{spelling} on {case}")
            np.testing.assert_equal(found[1], gradients, err_msg=f"{spelling} on {case}")
            assert found[2] == recorded, f"{spelling} records {found[2]}, not {recorded}"


def test_most_operations_have_several_spellings() -> None:
    counts = {getattr(f, "name", f.__name__): len(list(spellings(f))) for f in PUBLIC}
    assert not [name for name, n in counts.items() if n == 0 and not name.startswith("_")]
    assert counts["add"] == 3
    assert counts["sum"] == 3
    assert counts["getitem"] == 2


OTHERS = [2.0, 3, np.float64(2.0), np.array([2.0, 3.0]), [2.0, 3.0], np.float32(2.0)]
BINARY = [n for n in OPERATORS if n not in ("abs", "getitem", "negative", "positive")]


@pytest.mark.parametrize(
    ("name", "other"), [(n, other) for n in BINARY for other in OTHERS if n != "matmul" or np.ndim(other)], ids=repr
)
def test_reflected_operators_are_the_same_operation(name: str, other: Any) -> None:
    op = OPERATORS[name]
    x = Tensor([1.5, 2.5])
    y = op(other, x)
    want = op(np.array(other) if isinstance(other, list) else other, x.data)
    assert isinstance(y, Tensor)
    np.testing.assert_array_equal(y.data, want)
    assert y._node.op.name == name
    y.sum().backward()
    expected = tg.grad(lambda x: getattr(np, name)(np.asarray(other, dtype=float), x).sum())(x.data)
    np.testing.assert_array_equal(x.grad, expected)


PAIRWISE = {"equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "logical_and", "logical_or"}
PAIRWISE |= {"logical_xor", "allclose", "isclose", "array_equal", "searchsorted", "full_like"}


PAIRWISE |= {"array_equiv", "isin", "may_share_memory", "shares_memory", "digitize"}
WHOLE = {"bitwise_and", "bitwise_or", "bitwise_xor", "gcd", "lcm", "left_shift", "right_shift"}
SQUARE = {"diag_indices_from", "tril_indices_from", "triu_indices_from"}
GIVEN: dict[str, list[Any]] = {name: [np.array([6, 2]), np.array([2, 3])] for name in WHOLE}
GIVEN |= {name: [np.ones((2, 2))] for name in SQUARE} | {
    name: [np.array([1, 2])] for name in ("bitwise_count", "invert")
}
GIVEN |= {"unravel_index": [np.array([1, 3]), (2, 2)], "argpartition": [np.array([3.0, 1.0, 2.0]), 1]}
GIVEN |= {"can_cast": [np.dtype(np.float64), np.float32]}


@pytest.mark.parametrize("op", table.CONSTANT, ids=lambda o: o.name)
def test_functions_without_a_derivative_give_plain_results(op: Op) -> None:
    function = op.numpy[0]
    arrays = [np.array([1.0, 0.0, 3.0]), np.array([1.0, 2.0, 3.0])]
    count = 2 if op.name in PAIRWISE else 1
    if op.name == "full_like":
        arrays[1] = np.array(7.0)
    given = GIVEN.get(op.name, arrays[:count])
    found = function(*(Tensor(a) if isinstance(a, np.ndarray) else a for a in given))
    want = function(*given)
    for y in found if isinstance(found, tuple) else [found]:
        assert not isinstance(y, Tensor)
    if op.name != "empty_like":
        np.testing.assert_equal(found, want)


def test_numbers_beside_a_float32_tensor_keep_it_float32() -> None:
    x = Tensor(np.ones(3, np.float32))
    for op in (operator.add, operator.sub, operator.mul, operator.truediv, operator.pow, operator.mod):
        for y in (op(x, 2), op(x, 2.0), op(2.0, x), op(2, x)):
            assert y.dtype == np.float32, f"{op} {y}"
            x.zero_grad()
            y.sum().backward()
            assert x.grad.dtype == np.float32
