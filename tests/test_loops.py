"""Fusion: chains of arithmetic as one loop, to the same bits, cut where NumPy is to go on."""

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from laws import checks, table
from laws.cases import recipe_for
from test_fast_programs import DEEP, ON_THE_HOST, given, network, program_of

import tinygraph as tg
from tinygraph import nn
from tinygraph.check.programs import random_program
from tinygraph.op import Op
from tinygraph.program import compiled as compiling
from tinygraph.program import fuse
from tinygraph.program.choice import TRIALS, same
from tinygraph.program.code import Program
from tinygraph.program.fast import Fast, fast, workspaces
from tinygraph.program.nest import SUMMED
from tinygraph.program.source import compiled as defined

X = np.array([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]])
ODD = np.array([[0.0, -0.0, np.inf], [0.3, -np.inf, 1e-320]])
NEEDS_NUMBA = "numba is not installed (pip install 'tinygraph[jit]')"


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINYGRAPH_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


def in_python(rendered: Fast) -> Callable[[], Callable[..., Any]]:
    """The rendering with its loops run by Python itself, on NumPy's numbers: no compiler, the same arithmetic."""
    space: dict[str, Any] = {"np": np, "jit": lambda f: f, "empty": np.empty}
    space |= {"f4": np.float32, "f8": np.float64, "sqrt": np.sqrt}
    exec(SUMMED, space)  # noqa: S102  our own source
    for title, loop in rendered.loops.items():
        exec(loop.named(title), space)  # noqa: S102  our own source
    rendered_alone = Fast(**{**vars(rendered), "loops": {}})
    exec(rendered_alone.text(), space)  # noqa: S102  our own source
    return lambda: space["program"]  # type: ignore[no-any-return]


def agrees(program: Program, compiler: bool = False) -> Fast:
    rendered = fast(program, jit=True)
    run = (workspaces if compiler else in_python)(rendered)()
    with np.errstate(all="ignore"):
        wanted = defined(program)[0](*given(program))
        for _ in range(2):
            assert same(wanted, run(*given(program))), rendered.text()
    return rendered


def body(rendered: Fast) -> str:
    return rendered.text().partition("def program")[2]


def test_a_chain_becomes_one_loop() -> None:
    program = program_of(lambda x, y: np.exp((x * y + 2.0) / (1.0 - y * y)) * 3.0, X, X + 3.0)
    rendered = agrees(program)
    (loop,) = rendered.loops.values()
    assert loop.operations == 5
    assert len(loop.args) == 3
    assert "exp(" in body(rendered)
    assert "t_8 * 3.0" in body(rendered)  # one operation alone is no chain
    assert "add(" not in body(rendered)


def test_what_is_needed_later_is_written_too() -> None:
    def f(x: Any) -> Any:
        y = x * 2.0 + 1.0
        return np.exp(y), y * y - x

    rendered = agrees(program_of(f, X))
    (loop,) = rendered.loops.values()
    assert len(loop.args) == 3  # x, y, y * y - x


def test_a_chain_that_waits_for_another_operation_is_cut() -> None:
    def f(x: Any) -> Any:
        y = x * 2.0 + 1.0
        return y * np.exp(y) - y

    rendered = agrees(program_of(f, X))
    assert [loop.operations for loop in rendered.loops.values()] == [2, 2]


@pytest.mark.parametrize(
    "f",
    [
        lambda x, b: (x + b[0]) * b[0] - 1.0,
        lambda x, b: (x - b[:, :1]) / (b[:, :1] * b[:, :1]) + x,
        lambda x, b: (x - b.sum()) / b[0, 0] * np.float32(0.1) + 1.0,
        lambda x, b: np.where(x > b, x * 2.0, b * 3.0) * (x <= 0.1) + (x == b) * 2.0,
        lambda x, b: np.sqrt(abs(x)) + np.square(b) - (-x) ** 2 + abs(b),
        lambda x, b: (x * 2.0 + 1.0).T @ (x * 3.0 - b),
        lambda x, b: (x * 0.1 + b.astype(np.float32) * 0.1) * (b > 0.0) / 3,
        lambda x, b: np.where(x, x * 2.0, 7.0) + np.where(x > 0, 1, 0) * x,
        lambda x, b: (x + np.reshape(b[0, 0], ())[...]) * 2.0 - b.sum()[...] / x,
        lambda x, b: np.maximum(x * 2.0 + 1.0, b * 2.0 - 1.0) * 3.0,
    ],
)
def test_loops_do_what_numpy_does(f: Callable[..., Any]) -> None:
    for x, b in ((X, X + 0.5), (X.astype(np.float32), X.astype(np.float32)), (ODD, X), (X, X.astype(np.float32))):
        with np.errstate(all="ignore"):
            agrees(program_of(f, x, b))


def test_what_can_wait_joins_the_loop_that_needs_it() -> None:
    def f(m: Any, g: Any, rate: Any) -> Any:
        old = m * 0.9
        new = old + np.exp(g) * 0.1
        return new, g - new * rate.item() / 3.0

    rendered = agrees(program_of(lambda m, g: f(m, g, np.float64(0.5)), X, X + 1.0))
    assert [loop.operations for loop in rendered.loops.values()] == [6]


@pytest.mark.parametrize("f", [lambda x: x.T * 2.0 + x.T, lambda x: x[:0] * 2.0 + 1.0, lambda x: x[0, 0] * 2.0 + 1.0])
def test_what_is_no_plain_array_stays_with_numpy(f: Callable[..., Any]) -> None:
    rendered = agrees(program_of(f, X))
    assert not rendered.loops


def sums(x: Any, y: Any) -> Any:
    z = (x * y + x / 2.0 - y) / (1.0 + y * y)
    return (z * z).sum(axis=-1), (z - x).sum(axis=0), (z * x).sum(axis=-1, keepdims=True), z.sum(), z


def whole_sums(x: Any, y: Any) -> Any:
    scaled = (x * y - x).sum(axis=-1, keepdims=True)
    return (x * y).sum(), (x * y - x).sum(axis=None, keepdims=True), (x / scaled + 1.0).sum()


@pytest.mark.parametrize("shape", [(1,), (9,), (1100,), (2500,), (2, 3), (3, 1100), (2, 1, 5), (300, 2, 2), (4, 1)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sums_in_a_loop_add_in_numpys_order(shape: tuple[int, ...], dtype: Any) -> None:
    x, y = np.random.default_rng(0).normal(size=(2, *shape)).astype(dtype)
    odd = np.where(x > 1.0, -0.0 * y, y)
    for f in (sums, whole_sums):
        rendered = agrees(program_of(f, x, odd))
        assert rendered.loops
        assert "reduce" not in body(rendered) or len(shape) > 1
    y.flat[0] = np.nan
    agrees(program_of(sums, x, y))


@pytest.mark.parametrize(
    ("f", "left"),
    [
        (lambda x: (x * 2.0 + x).sum(axis=-1), 0),
        (lambda x: (x * 2.0 + x[0]).sum(), 1),  # a loop by rows, and NumPy adds up all elements as one row
        (lambda x: (x * 2.0 + x)[:, 1:].sum(axis=0), 1),
        (lambda x: (x * 2.0 + x).sum(axis=0, where=x > 0.0), 1),
        (lambda x: np.sum(x * 2.0 + x, dtype=np.float32), 1),
    ],
)
def test_other_sums_stay_with_numpy(f: Callable[..., Any], left: int) -> None:
    rendered = agrees(program_of(f, X))
    assert len(rendered.loops) == 1
    assert bool(left) == any(by in body(rendered) for by in ("reduce", "sum("))


def test_integers_stay_with_numpy() -> None:
    assert not agrees(program_of(lambda n: n * 2 + 1 - n, np.arange(5))).loops


@pytest.mark.parametrize("seeds", [range(i, i + 20) for i in range(0, 4000 if DEEP else 40, 20)], ids=str)
def test_random_programs_give_the_same_bits(seeds: range) -> None:
    for seed in seeds:
        f = random_program(seed, kinks=True)
        with np.errstate(all="ignore"):
            g = tg.value_and_grad(lambda *args, f=f: np.sum(f(*args)), argnums=tuple(range(len(f.args))))
            agrees(program_of(g, *f.args))


@pytest.mark.parametrize(
    "function", [o for o in table.RULED if o.name not in ON_THE_HOST][:: 1 if DEEP else 8], ids=lambda o: f"op-{o.name}"
)
def test_every_operation_gives_the_same_bits(function: Op) -> None:
    case = recipe_for(function)(Random(2))
    f = checks.closed(function, case)

    def both(*arrays: Any) -> Any:
        outs, pull = tg.vjp(f, *arrays)
        return outs, pull([np.ones_like(y) for y in outs])

    agrees(program_of(both, *case.arrays))


def test_without_numba_jit_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"tinygraph\[jit\]"):
        tg.compile(np.exp, jit=True)


# --- with the compiler


def test_numba_gives_the_same_bits() -> None:
    pytest.importorskip("numba", reason=NEEDS_NUMBA)

    def f(x: Any, b: Any) -> Any:
        y = (x * 0.1 + b[0]) / (1.0 + x * x)
        return np.where(y > 0.0, np.sqrt(abs(y)), -y / 3.0) * (x <= b[:, :1]) - y**2

    rng = np.random.default_rng(0)
    for dtype in (np.float32, np.float64)[: 1 + DEEP]:
        x, b = rng.normal(size=(2, 40, 30)).astype(dtype)
        rendered = agrees(program_of(f, x, b), compiler=True)
        assert rendered.loops
        with np.errstate(all="ignore"):
            agrees(program_of(f, ODD.astype(dtype), X.astype(dtype)), compiler=True)


def test_numba_adds_in_numpys_order() -> None:
    pytest.importorskip("numba", reason=NEEDS_NUMBA)
    x, y = np.random.default_rng(0).normal(size=(2, 2, 2100))
    agrees(program_of(lambda x, y: ((x * y - x).sum(), (x - y[:, :1]).sum(axis=-1)), x, y), compiler=True)


def test_compile_with_jit_is_equal_to_the_last_bit() -> None:
    pytest.importorskip("numba", reason=NEEDS_NUMBA)
    f, args = network()
    compiled = tg.compile(f, jit=True)
    for _ in range(3 * TRIALS + 5):
        value, grads = compiled(*args)
    want, wanted = f(*args)
    assert value == want
    assert all(np.array_equal(grads[k], wanted[k]) for k in wanted)
    assert len(compiled._last().run.runs) == 3, "a rendering gave other bits"
    assert "@jit" in compiled.fast_source
    assert "in place of" in compiled.explain()


def test_a_training_step_with_jit_is_equal_to_the_last_bit() -> None:
    pytest.importorskip("numba", reason=NEEDS_NUMBA)
    x, y = np.random.default_rng(0).normal(size=(2, 32, 8)).astype(np.float32)

    def trained(jit: bool) -> tuple[list[Any], Any]:
        net = nn.Sequential(
            nn.Linear(8, 8, rng=0, dtype=np.float32), nn.Tanh(), nn.Linear(8, 8, rng=1, dtype=np.float32)
        )
        adam = tg.optim.Adam(net.parameters(), lr=0.01)

        def step(x: Any, y: Any) -> Any:
            loss = ((net(x) - y) ** 2).mean()
            adam.zero_grad()
            loss.backward()
            adam.step()
            return loss.data

        run = tg.compile(step, jit=True, strict=True) if jit else step
        losses = [run(x, y) for _ in range(3 * TRIALS + 8)]
        if jit:
            assert len(run._last().run.runs) == 3, "a rendering gave other bits"
            assert run._last().run.chosen is not None
            assert " m[...]" not in run.fast_source  # it is updated in place
        return losses, [p.data for p in net.parameters()]

    (losses, parameters), (wanted, eager) = trained(True), trained(False)
    assert losses == wanted
    for p, q in zip(parameters, eager, strict=True):
        np.testing.assert_array_equal(p, q)


def test_a_parameter_that_is_read_after_its_update_is_not_updated_in_place() -> None:
    pytest.importorskip("numba", reason=NEEDS_NUMBA)

    def trained(jit: bool) -> Any:
        w = tg.Tensor(np.linspace(0.1, 0.9, 8))
        adam = tg.optim.Adam([w], lr=0.01)

        def step(x: Any) -> Any:
            before = w * 1.0
            loss = ((w * x - 1.0) ** 2).sum()
            adam.zero_grad()
            loss.backward()
            adam.step()
            return (before * np.exp(w)).data, before.data

        run = tg.compile(step, jit=True, strict=True) if jit else step
        return [run(np.linspace(0.0, 2.0, 8)) for _ in range(2 * TRIALS)]

    np.testing.assert_array_equal(trained(True), trained(False))


def test_loops_are_kept_on_disk_and_shared() -> None:
    pytest.importorskip("numba", reason=NEEDS_NUMBA)
    one = agrees(program_of(lambda x: x * 2.0 + 1.0, X), compiler=True)
    other = agrees(program_of(lambda z: z * 2.0 + 1.0, X), compiler=True)
    assert [x.source for x in one.loops.values()] == [x.source for x in other.loops.values()]
    assert fuse.jitted(one.loops)["loop_1"] is fuse.jitted(other.loops)["loop_1"]
    assert list(fuse.folder().glob("loop_*.py"))


def test_where_nothing_can_be_written_loops_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("numba", reason=NEEDS_NUMBA)
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("TINYGRAPH_CACHE", str(blocked))
    agrees(program_of(lambda x: x * 4.0 + 1.0 - x, X), compiler=True)
