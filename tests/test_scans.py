"""Scans as functions of numbers alone: equal to rounding, and left to NumPy where a step is anything else."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from test_control_compiled import H0, XS, W, rollout
from test_fast_programs import DEEP, given, program_of
from test_loops import NEEDS_NUMBA, cache  # noqa: F401  a fixture

import tinygraph as tg
from tinygraph.program.choice import TRIALS, same
from tinygraph.program.fast import Fast, fast
from tinygraph.program.nest import FROM_C, SUMMED
from tinygraph.program.reorder import near
from tinygraph.program.source import compiled as defined


def in_python(rendered: Fast) -> Callable[..., Any]:
    """The rendering with its functions run by Python itself."""
    space: dict[str, Any] = {"np": np, "jit": lambda f: f, "loose": lambda f: f, "empty": np.empty, "bool_": bool}
    space |= {"f4": np.float32, "f8": np.float64} | {f: getattr(math, f) for f in FROM_C}
    exec(SUMMED, space)  # noqa: S102  our own source
    for title, loop in rendered.loops.items():
        exec(loop.named(title), space)  # noqa: S102
    exec(Fast(**{**vars(rendered), "loops": {}}).text(), space)  # noqa: S102
    return space["program"]  # type: ignore[no-any-return]


def agrees(f: Callable[..., Any], *args: Any) -> Fast:
    program = program_of(f, *args)
    rendered = fast(program, jit=True, reorder=True)
    wanted, run = defined(program)[0](*given(program)), in_python(rendered)
    for _ in range(2):
        found = run(*given(program))
        assert [type(y) for y in found] == [type(y) for y in wanted], rendered.text()
        assert same(wanted, found, near), rendered.text()
    return rendered


def scans(rendered: Fast) -> list[str]:
    return [title for title in rendered.loops if title.startswith("scan")]


def pendulum(p: Any, state: Any) -> Any:
    def step(state: Any, _: Any) -> tuple[Any, Any]:
        q, v = state
        v = v - 0.1 * (p["stiffness"] * np.sin(q) + p["friction"] * v)
        return (q + 0.1 * v, v), q

    (q, v), path = tg.scan(step, state, length=7)
    return q * v + (path**2).mean()


def turning(w: Any, x: Any) -> Any:
    """A step of matrices: products, transposes, sums along axes, choices, rows and columns."""

    def step(h: Any, x: Any) -> tuple[Any, Any]:
        h = np.maximum(h @ w.T, 0.1) / (1.0 + (h * h).sum(axis=1, keepdims=True)) + x[0] * h[:, 1:2]
        h = np.where(h > 0.2, h, -h) - h.sum(axis=0) + np.exp(-abs(h)) * h.T[None, 1, :1]
        return h, (h[0], h.sum(), h.T @ h[:, 0])

    h, (rows, sums, products) = tg.scan(step, np.tanh(w), x)
    return h.sum() + (rows * rows).sum() + sums.sum() + (products[..., 0] ** 2).sum()


@pytest.mark.parametrize("options", [{}, {"reverse": True}, {"checkpoint": True}], ids=str)
def test_a_scan_and_its_gradient_are_a_function_each(options: dict[str, bool]) -> None:
    rendered = agrees(tg.value_and_grad(lambda *args: rollout(*args, **options), (0, 1, 2)), W, H0, XS)
    assert scans(rendered) == ["scan_step", "scan_step_backward"]
    assert "np." not in rendered.loops["scan_step_backward"].source


def test_steps_of_numbers() -> None:
    p, state = {"stiffness": np.array(4.0), "friction": np.array(0.1)}, (np.array(2.5), np.float64(0.3))
    assert len(scans(agrees(tg.value_and_grad(pendulum), p, state))) == 2
    assert len(scans(agrees(tg.jvp, pendulum_of(state), (np.array(4.0),), (np.array(1.0),)))) > 0


def pendulum_of(state: Any) -> Callable[..., Any]:
    return lambda stiffness: pendulum({"stiffness": stiffness, "friction": 0.1}, state)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_steps_of_matrices(dtype: Any) -> None:
    rendered = agrees(tg.value_and_grad(turning, (0, 1)), W.astype(dtype), XS.astype(dtype))
    assert len(scans(rendered)) == 2
    agrees(tg.grad(lambda w: rollout(w, H0.astype(dtype), XS.astype(dtype))), W.astype(dtype))


def test_a_carry_that_stays_and_one_that_is_another() -> None:
    agrees(lambda h, xs: tg.scan(lambda c, x: ((c[0], x), c[0] * x + c[1]), (h, h), xs), H0, XS)
    agrees(lambda h, xs: tg.scan(lambda c, x: (x, c), h, xs), H0, XS)


@pytest.mark.parametrize(
    "f",
    [
        lambda h, xs: tg.scan(lambda c, x: ((c[1], c[0]), c[0] + x), (h, h + 1.0), xs),  # they change places
        lambda h, xs: tg.scan(lambda c, x: ((c[0] * x, c[1] + 1), c[1]), (h, 0), xs),  # a number that counts
        lambda h, xs: tg.scan(lambda h, x: (np.sort(h + x), h), h, xs),
        lambda h, xs: tg.scan(lambda h, x: (h * x.var(), h), h, xs),
        lambda h, xs: tg.scan(lambda h, x: (h + np.linalg.solve(np.eye(3), x), h), h, xs),
        lambda h, xs: tg.while_loop(lambda h: (h < 5.0).all(), lambda h: h * h + 1.0, h),
    ],
)
def test_other_steps_stay_with_numpy(f: Callable[..., Any]) -> None:
    assert not scans(agrees(f, H0, XS))


def test_a_scan_within_a_scan() -> None:
    def f(h: Any, xs: Any) -> Any:
        return tg.scan(lambda h, x: tg.scan(lambda h, y: (np.tanh(h + y), h), h, xs * x), h, xs)[0].sum()

    assert scans(agrees(tg.grad(f), H0, XS))


def test_numba_compiles_scans_where_rounding_may_differ() -> None:
    pytest.importorskip("numba", reason=NEEDS_NUMBA)

    def last(w: Any, h: Any, xs: Any) -> Any:
        return tg.scan(lambda h, x: (np.tanh(w @ h + x), None), h, xs)[0]

    f = tg.value_and_grad(rollout, (0, 1, 2)) if DEEP else last  # each function takes seconds to compile
    compiled = tg.compile(f, jit=True, reorder=True, strict=True)
    for _ in range(4 * TRIALS + 5):
        found = compiled(W, H0, XS)
    assert len(compiled._last().run.runs) == 4, "a rendering gave other numbers"
    for want, got in zip(tg.tree.flatten(f(W, H0, XS))[0], tg.tree.flatten(found)[0], strict=True):
        assert near(want, got)
    assert "@loose" in compiled.fast_source
