"""Every operation of the table as a program: its printed source gives what it gives, and its gradient, to the bit."""

import inspect
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
import pytest
from laws import checks, table
from laws.cases import recipe_for

import tinygraph as tg
from tinygraph.op import Op

SIZED_BY_VALUES = {"unique", "roots"}  # how many elements come out depends on them: `compile` raises, and says so
ON_THE_HOST = {"expm", "solve_triangular"}  # SciPy's, which makes plain arrays of its arguments: both say so
COMPOSITIONS = sorted(set(table.COMPOSED.values()), key=lambda f: f.__name__)
RULED = [f for f in table.RULED if f.name not in ON_THE_HOST]
FUNCTIONS: list[Callable[..., Any]] = [*RULED, *(f for f in COMPOSITIONS if f.__name__ not in SIZED_BY_VALUES)]
SEEDS = range(2)


def label(function: Any) -> str:
    return f"op-{function.name}" if isinstance(function, Op) else function.__name__


def same(found: Any, wanted: Any) -> None:
    assert np.shape(found) == np.shape(wanted)
    assert np.asarray(found).dtype == np.asarray(wanted).dtype
    np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(np.signbit(found), np.signbit(wanted))  # 0 and -0


def run(text: str, known: dict[str, Any]) -> Any:
    """The printed function on the arrays of these names, with nothing but NumPy at hand."""
    space: dict[str, Any] = {}
    exec(text, space)  # noqa: S102  what is printed is what is run
    return space["program"](**{name: known[name] for name in inspect.signature(space["program"]).parameters})


@pytest.mark.parametrize("function", FUNCTIONS, ids=label)
def test_compiled_value_and_gradient_are_the_eager_ones_to_the_bit(function: Any) -> None:
    for seed in SEEDS:
        case = recipe_for(function)(Random(seed))
        f = checks.closed(function, case)
        g = checks.directions(checks.values(function, case), 1)

        def both(arrays: Any, g: Any, f: Any = f) -> Any:
            outs, pull = tg.vjp(f, *arrays)
            return outs, pull(list(g))

        compiled = tg.compile(both, strict=True)
        wanted = both(case.arrays, g)
        given = [x.copy(order="K") for x in case.arrays]  # f has those of the case in sight, which are then no inputs
        runs = [compiled(given, g) for _ in range(2)]
        assert compiled.signatures[0].endswith(": compiled"), compiled.signatures
        assert compiled._last().program is not compiled._last().recorded, "the passes gave other bits"
        for outs, gradients in runs:
            for got, want in zip([*outs, *gradients], [*wanted[0], *wanted[1]], strict=True):
                same(got, want)


@pytest.mark.parametrize("function", FUNCTIONS, ids=label)
def test_printed_source_gives_the_loss_and_the_gradients_of_backward(function: Any) -> None:
    for seed in SEEDS:
        case = recipe_for(function)(Random(seed))
        xs = [tg.Tensor(a, name=f"x{i}") for i, a in enumerate(case.arrays)]
        outs = [y for y in checks.closed(function, case)(*xs) if y.requires_grad]
        weights = checks.directions([y.data for y in outs], 1)
        loss = sum(
            (tg.Tensor(w, requires_grad=False, name=f"w{i}") * y).sum()
            for i, (w, y) in enumerate(zip(weights, outs, strict=True))
        )
        if not loss.requires_grad:
            continue
        text = tg.source(loss)
        known = {f"x{i}": a for i, a in enumerate(case.arrays)} | {f"w{i}": w for i, w in enumerate(weights)}
        value, *gradients = run(text, known)
        loss.backward()
        same(value, loss.data)
        for got, x in zip(gradients, [x for x in xs if x.grad is not None], strict=True):
            same(got, x.grad)


@pytest.mark.parametrize("name", sorted(ON_THE_HOST))
def test_what_no_program_can_follow_is_refused(name: str) -> None:
    pytest.importorskip("scipy", reason="scipy is not installed")
    arrays = [np.array([[2.0, 0.0], [1.0, 3.0]])] * (1 if name == "expm" else 2)
    function = getattr(tg, name)
    xs = [tg.Tensor(a) for a in arrays]
    with pytest.raises(TypeError, match="plain"):
        tg.source(function(*xs).sum())
    with pytest.raises(TypeError, match="plain array"):
        tg.compile(function, strict=True)(*xs)
