"""vmap does to a batch what a loop does to its examples: for every operation, composed with every transform."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import numpy as np
import pytest
from laws import checks, table
from laws.cases import Case, recipe_for

import tinygraph as tg
from tinygraph import grad, nn, vmap
from tinygraph.batch import loop
from tinygraph.op import Op, bare
from tinygraph.render.layout import available

DEEP = os.environ.get("HYPOTHESIS_PROFILE") == "deep"
EXAMPLES = 3
BY_NUMPY: dict[Any, Any] = {}  # {composition: the NumPy function that it stands for}
for _key, _composition in table.COMPOSED.items():
    _function = _key if callable(_key) else table.located(_key)
    if _function is not None and _function is not np.fix:  # which warns, from NumPy 2.5 on
        BY_NUMPY.setdefault(_composition, _function)
FUNCTIONS = [*table.RULED, *sorted(BY_NUMPY, key=lambda f: f.__name__)]
LOOPED = {  # whose code depends on values: SciPy's own, and NumPy's without a batch
    "expm": {"expm"},
    "solve_triangular": {"solve_triangular"},
    "lstsq": {"numpy.linalg.lstsq"},
    "polyfit": {"numpy.linalg.lstsq"},
    "interp": {"numpy.searchsorted"},
    "unique": {"numpy.unique"},
    "real_if_close": {"numpy.real_if_close"},
}
WRITES = {"_copyto", "_fill_diagonal", "_place", "_put", "_put_along_axis", "_putmask"}  # into an array that all share


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    """What was said to run example by example; nothing has been said before."""
    spoken: set[str] = set()
    monkeypatch.setattr(loop, "_said", spoken)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "vmap: .* has to run once for each example")
        yield spoken


# --- the law


def name_of(function: Any) -> str:
    return function.name if isinstance(function, Op) else function.__name__


def varied(a: np.ndarray, axis: int) -> np.ndarray:
    """Examples that differ, within the domain and away from kinks."""
    return np.stack([a * (1 + i / 64) for i in range(EXAMPLES)], axis=axis)


def subsets(n: int) -> list[tuple[bool, ...]]:
    """All arguments with examples, and each of them alone."""
    alone = [tuple(i == j for i in range(n)) for j in range(n)] if n > 1 else []
    return [(True,) * n, *alone]


def batches(function: Any, seed: int) -> Iterator[tuple[Case, tuple[Any, ...], list[np.ndarray], list[Any]]]:
    """(case, in_axes, arguments, the arguments of each example)."""
    case = recipe_for(function)(Random(seed))
    chosen = subsets(len(case.arrays))
    if not DEEP:
        chosen = [chosen[0], *chosen[1:][seed % 2 :: 2]]
    for k, batched in enumerate(chosen):
        axis = -1 if (k + seed) % 2 else 0
        axes = tuple(axis if b else None for b in batched)
        xs = [varied(a, axis) if b else a for a, b in zip(case.arrays, batched, strict=True)]
        each = [[np.take(x, i, axis) if b else x for x, b in zip(xs, batched, strict=True)] for i in range(EXAMPLES)]
        yield case, axes, xs, each


def assert_stacked(found: Any, want: list[Any]) -> None:
    for i, y in enumerate(found):
        expected = np.stack([w[i] for w in want])
        assert y.shape == expected.shape
        assert y.dtype == expected.dtype
        assert y.dtype.metadata is None
        np.testing.assert_allclose(y, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("seed", range(40) if DEEP else [2])
@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f"op-{f.name}" if isinstance(f, Op) else f.__name__)
def test_a_batch_is_a_loop_over_its_examples(function: Any, seed: int, said: set[str]) -> None:
    for case, axes, xs, each in batches(function, seed):
        f = checks.closed(BY_NUMPY.get(function, function), case)
        g = tuple(checks.directions(checks.values(function, case), 1))

        def values(*arrays: Any, f: Callable[..., Any] = f) -> Any:
            return tuple(f(*arrays))

        def gradients(*arrays: Any, f: Callable[..., Any] = values, g: Any = g) -> Any:
            return tg.vjp(f, *arrays)[1](g)

        if name_of(function) not in WRITES:
            assert_stacked(vmap(values, axes)(*xs), [values(*x) for x in each])
        assert_stacked(vmap(gradients, axes)(*xs), [gradients(*x) for x in each])
    assert {s.removeprefix("the rule of ") for s in said} <= LOOPED.get(name_of(function), set())


@pytest.mark.parametrize("op", table.ELEMENTWISE if DEEP else table.ELEMENTWISE[::4], ids=lambda o: o.name)
def test_gradients_through_a_batch_are_those_of_a_loop(op: Op, said: set[str]) -> None:
    """The other order: what all examples share gets the sum of their gradients, to the second order."""
    for case, axes, xs, _ in batches(op, 5):
        f = checks.closed(op, case)

        def one(*arrays: Any, f: Callable[..., Any] = f) -> Any:
            return np.sin(f(*arrays)[0]).sum()

        def total(*arrays: Any, one: Callable[..., Any] = one, axes: Any = axes) -> Any:
            return np.sum(vmap(one, axes)(*arrays) ** 2)

        def looped(*arrays: Any, one: Callable[..., Any] = one, axes: Any = axes) -> Any:
            pairs = [*zip(arrays, axes, strict=True)]
            return sum(one(*(x if a is None else np.take(x, i, a) for x, a in pairs)) ** 2 for i in range(EXAMPLES))

        all_of = tuple(range(len(xs)))
        for found, want in zip(grad(total, all_of)(*xs), grad(looped, all_of)(*xs), strict=True):
            np.testing.assert_allclose(found, want, rtol=1e-9, atol=1e-9)
        along = tuple(np.cos(np.arange(x.size)).reshape(x.shape) for x in xs)
        second = (tg.hvp(total, tuple(xs), along), tg.hvp(looped, tuple(xs), along))
        found, want = (y if isinstance(y, tuple) else (y,) for y in second)
        for a, b in zip(found, want, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-8)


NO_ARRAY = {"array2string", "array_repr", "array_str", "common_type", "min_scalar_type", "result_type", "empty_like"}
NO_ARRAY |= {"may_share_memory", "shares_memory"}


@pytest.mark.parametrize("op", [o for o in table.CONSTANT if o.name not in NO_ARRAY], ids=lambda o: o.name)
def test_what_has_no_derivative_is_found_for_each_example(op: Op, said: set[str]) -> None:
    rng = np.random.default_rng(0)
    x, i, square = rng.normal(size=(3, 4)), rng.integers(0, 5, (3, 4)), rng.normal(size=(3, 4, 4))
    for args in ((x,), (x, np.round(x)), (square,), (i,), (i, i[::-1]), (x > 0,), (x > 0, i > 2)):
        try:
            want = [op(*(a[k] for a in args)) for k in range(3)]
        except (TypeError, ValueError, IndexError, DeprecationWarning):  # not of such arguments
            continue
        parts = [w if isinstance(w, tuple | list) else [w] for w in want]
        if any(len({np.shape(p) for p in same}) > 1 for same in zip(*parts, strict=True)):
            continue  # as many as the values say
        found = vmap(op)(*args)
        for y, w in zip(found if isinstance(want[0], tuple | list) else [found], zip(*parts, strict=True), strict=True):
            np.testing.assert_array_equal(y, np.stack(w))


def test_methods_take_numpys_arguments() -> None:
    x = np.arange(24.0).reshape(4, 2, 3) % 7

    def each(a: Any) -> Any:
        a = a.swapaxes(0, 1).reshape(2, 3, order="F")
        return (
            a.flatten("F"),
            a.clip(2),
            a.clip(max=3),
            a.compress([True, False, True], 1),
            a.take([4], 1, None, "wrap"),
        )

    for found, want in zip(tg.vmap(each)(x), zip(*map(each, x), strict=True), strict=True):
        np.testing.assert_array_equal(found, want)
    np.testing.assert_array_equal(tg.vmap(lambda a: a.mT)(x), x.swapaxes(1, 2))


@pytest.mark.skipif(np.__version__ < "2", reason="arguments of NumPy 2")
def test_quantiles_may_share_their_weights() -> None:
    x, w = np.arange(24.0).reshape(2, 3, 4) * 7 % 11, np.arange(12.0).reshape(3, 4) % 5

    def weighed(a: Any) -> Any:
        return np.quantile(a, 0.4, axis=1, weights=w, method="inverted_cdf")

    np.testing.assert_array_equal(tg.vmap(weighed)(x), np.stack([*map(weighed, x)]))


# --- indices

KEYS: list[Any] = [
    (1,),
    (slice(None), 1),
    (..., 0),
    (None, 1, slice(None, None, -1)),
    ([2, 0],),
    (slice(None), [1, 0]),
    (slice(None), [1, 0], slice(1)),
    (0, slice(None), [1, 1]),
    ([[0, 1], [1, 0]], slice(None), [0, 1]),
    (np.array([True, False, True]),),
    (..., [0, 1], None),
    (True,),
    (0, np.True_, slice(1)),
    (slice(None), False),
]


@pytest.mark.parametrize("key", KEYS, ids=str)
@pytest.mark.parametrize("batched", [False, True])
def test_every_kind_of_index(key: Any, batched: bool) -> None:
    x = np.arange(4 * 3 * 3 * 2.0).reshape(4, 3, 3, 2)
    places = [np.array(p) for p in key if isinstance(p, list)]

    def parts(taken: Any) -> Any:
        rest = iter(taken)
        return tuple(next(rest) if isinstance(p, list) else p for p in key)

    turned = [np.stack([(p + i) % 2 for i in range(4)]) if batched else p for p in places]
    in_axes = (0, 0 if batched else None)

    def read(x: Any, taken: Any) -> Any:
        return x[parts(taken)] * 2.0

    def written(x: Any, taken: Any) -> Any:
        y = x * 1.0
        y[parts(taken)] = 7.0 * x[parts(taken)]
        return y

    def added(x: Any, taken: Any) -> Any:
        y = x * 1.0
        np.add.at(y, parts(taken), x[parts(taken)])
        return y

    for f in (read, written, added):
        want = np.stack([f(x[i], [p[i] if batched else p for p in turned]) for i in range(4)])
        np.testing.assert_array_equal(vmap(f, in_axes)(x, turned), want)


def test_each_example_reads_its_own_row_of_a_table_that_all_share() -> None:
    rows, places = np.arange(12.0).reshape(4, 3), np.array([3, 0, 3])
    np.testing.assert_array_equal(vmap(lambda i: tg.take(rows, i, axis=0))(places), rows[places])
    words = tg.Tensor(rows)
    found = vmap(lambda i: words[i] * 1.0)(places)
    np.testing.assert_array_equal(found.data, rows[places])
    found.sum().backward()
    np.testing.assert_array_equal(words.grad, [[1, 1, 1], [0, 0, 0], [0, 0, 0], [2, 2, 2]])
    layer = nn.Embedding(4, 2, rng=0)
    np.testing.assert_array_equal(vmap(layer)(places).data, layer(places).data)


# --- composed


def network(p: dict[str, Any], x: Any) -> Any:
    return np.tanh(x @ p["W1"] + p["b1"]) @ p["W2"] + p["b2"]


def loss(p: dict[str, Any], x: Any, y: Any) -> Any:
    return tg.cross_entropy(network(p, x)[None], y[None])


@pytest.fixture
def task() -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    p = {"W1": rng.normal(size=(4, 6)), "b1": rng.normal(size=6), "W2": rng.normal(size=(6, 3)), "b2": np.zeros(3)}
    return p, rng.normal(size=(5, 4)), rng.integers(0, 3, 5)


def test_gradients_of_a_network_for_each_example(task: Any) -> None:
    p, x, y = task
    found = vmap(grad(loss), (None, 0, 0))(p, x, y)
    for i in range(len(x)):
        want = grad(loss)(p, x[i], y[i])
        for k in p:
            np.testing.assert_allclose(found[k][i], want[k], rtol=1e-12, atol=1e-15)


def test_gradients_for_each_example_are_those_of_torch_func(task: Any) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    p, x, y = task

    def theirs(p: Any, x: Any, y: Any) -> Any:
        hidden = torch.tanh(x @ p["W1"] + p["b1"])
        return torch.nn.functional.cross_entropy((hidden @ p["W2"] + p["b2"])[None], y[None])

    given = {k: torch.tensor(v) for k, v in p.items()}
    want = torch.func.vmap(torch.func.grad(theirs), (None, 0, 0))(given, torch.tensor(x), torch.tensor(y))
    found = vmap(grad(loss), (None, 0, 0))(p, x, y)
    for k in p:
        np.testing.assert_allclose(found[k], want[k].numpy(), rtol=1e-10, atol=1e-12)


def test_gradients_for_each_example_are_those_of_jax(task: Any) -> None:
    jax = pytest.importorskip("jax", reason="JAX is not installed")
    p, x, y = task

    def theirs(p: Any, x: Any, y: Any) -> Any:
        logits = jax.numpy.tanh(x @ p["W1"] + p["b1"]) @ p["W2"] + p["b2"]
        return -jax.nn.log_softmax(logits)[y]

    want = jax.vmap(jax.grad(theirs), (None, 0, 0))(p, x, y)
    found = vmap(grad(loss), (None, 0, 0))(p, x, y)
    for k in p:
        np.testing.assert_allclose(found[k], np.asarray(want[k]), rtol=2e-4, atol=1e-5)  # JAX's are float32


def test_parameters_that_a_module_holds_get_the_sum() -> None:
    rng = np.random.default_rng(1)
    net = nn.Sequential(nn.Linear(4, 5, rng=0), nn.Tanh(), nn.Linear(5, 2, rng=1))
    x = rng.normal(size=(6, 4))
    vmap(lambda x: (net(x) ** 2).sum())(x).sum().backward()
    found = [q.grad for q in net.parameters()]
    for q in net.parameters():
        q.zero_grad()
    (net(x) ** 2).sum().backward()
    for g, q in zip(found, net.parameters(), strict=True):
        np.testing.assert_allclose(g, q.grad, rtol=1e-12)


IMAGES, SEQUENCES = (3, 2, 6, 6), (3, 4, 5)
LAYERS: list[tuple[Callable[[], Any], tuple[int, ...], Callable[..., Any]]] = [
    (lambda: nn.Conv2d(2, 3, 3, padding=1, rng=0), IMAGES, lambda f, x: f(x[None])),
    (lambda: nn.MaxPool2d(2), IMAGES, lambda f, x: f(x[None])),
    (lambda: nn.AvgPool2d(2), IMAGES, lambda f, x: f(x[None])),
    (lambda: nn.BatchNorm2d(2).eval(), IMAGES, lambda f, x: f(x[None])),
    (lambda: nn.BatchNorm2d(2, track_running_stats=False), IMAGES, lambda f, x: f(x[None])),
    (lambda: nn.LayerNorm(5), SEQUENCES, lambda f, x: f(x)),
    (lambda: nn.LSTM(5, 2, rng=0), SEQUENCES, lambda f, x: f(x[:, None])[0]),
    (lambda: nn.GRU(5, 2, rng=0), SEQUENCES, lambda f, x: f(x[:, None])[0]),
    (lambda: nn.TransformerEncoderLayer(5, 1, 8, dropout=0.0, rng=0), SEQUENCES, lambda f, x: f(x[:, None])),
]


@pytest.mark.parametrize(("make", "shape", "call"), LAYERS, ids=map(str, range(len(LAYERS))))
def test_a_layer_and_its_gradients_for_each_example(make: Any, shape: tuple[int, ...], call: Any) -> None:
    layer = make()
    x = np.random.default_rng(2).normal(size=shape)
    one = lambda x: np.sin(call(layer, x)).sum()  # noqa: E731
    found, want = bare(vmap(grad(one))(x)), np.stack([bare(grad(one)(a)) for a in x])
    np.testing.assert_allclose(found, want, rtol=1e-9, atol=1e-12)


def test_a_batch_in_a_batch_and_derivatives_in_each() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(4, 3)), rng.normal(size=(5, 3))
    kernel = lambda u, v: np.exp(-((u - v) ** 2).sum())  # noqa: E731
    want = np.exp(-((a[:, None] - b) ** 2).sum(-1))
    pairs = lambda f: vmap(lambda u: vmap(lambda v: f(u, v))(b))(a)  # noqa: E731
    np.testing.assert_allclose(pairs(kernel), want)
    np.testing.assert_allclose(pairs(grad(kernel, 1)), 2 * (a[:, None] - b) * want[..., None])
    np.testing.assert_allclose(vmap(vmap(kernel, (None, 0)), (0, None), out_axes=1)(a, b), want.T)
    whole = grad(lambda s: vmap(lambda u: vmap(lambda v: kernel(s * u, v))(b))(a).sum())
    np.testing.assert_allclose(whole(1.0), (2 * ((b - a[:, None]) * a[:, None]).sum(-1) * want).sum())


def test_the_other_transforms_inside() -> None:
    x = np.random.default_rng(4).normal(size=(4, 3))
    f = lambda x: np.exp(np.sin(x)).prod() + x[0] * x[2]  # noqa: E731
    for inside in (
        tg.hessian(f),
        tg.jacobian(lambda x: np.outer(x, np.cos(x)), mode="rev"),
        tg.jacobian(lambda x: np.outer(x, np.cos(x)), mode="fwd"),
        lambda x: tg.jvp(f, (x,), (x * x,))[1],
        lambda x: tg.hvp(f, (x,), (x * x,)),
        lambda x: tg.linearize(f, x)[1](x),
        grad(tg.checkpoint(f)),
        grad(lambda x: (grad(f)(x) ** 2).sum()),
        lambda x: x - np.linalg.solve(tg.hessian(f)(x) + 9 * np.eye(3), grad(f)(x)),
    ):
        np.testing.assert_allclose(vmap(inside)(x), np.stack([inside(a) for a in x]), rtol=1e-9, atol=1e-12)


def test_the_other_transforms_outside() -> None:
    x = np.random.default_rng(5).normal(size=(4, 3))
    f = vmap(lambda x: np.exp(np.sin(x)).prod())
    g = lambda x: np.prod(np.exp(np.sin(x)), axis=1)  # noqa: E731
    np.testing.assert_allclose(tg.jacobian(f)(x), tg.jacobian(g)(x))
    np.testing.assert_allclose(tg.jvp(f, (x,), (x,))[1], tg.jvp(g, (x,), (x,))[1])
    np.testing.assert_allclose(tg.hessian(lambda x: f(x).sum())(x), tg.hessian(lambda x: g(x).sum())(x), atol=1e-12)
    pull = tg.vjp(f, x)[1]
    np.testing.assert_allclose(vmap(lambda c: pull(c)[0])(np.eye(4)), tg.jacobian(g)(x))
    found = grad(lambda c: (pull(c)[0] ** 2).sum())(np.ones(4))
    np.testing.assert_allclose(bare(found), 2 * (tg.jacobian(g)(x) ** 2).sum((1, 2)))


def test_a_gradient_of_gradients_of_examples_by_what_they_share(task: Any) -> None:
    p, x, y = task

    def spread(b: Any, one: Callable[..., Any]) -> Any:
        return np.sum(one(lambda x, y: (grad(loss)({**p, "b1": b}, x, y)["W2"] ** 2).sum()) ** 2)

    found = grad(lambda b: spread(b, lambda f: vmap(f)(x, y)))(p["b1"])
    want = grad(lambda b: spread(b, lambda f: np.stack([f(*xy) for xy in zip(x, y, strict=True)])))(p["b1"])
    np.testing.assert_allclose(found, want, rtol=1e-10)


def test_compiled() -> None:
    rng = np.random.default_rng(6)
    w, x = rng.normal(size=3), rng.normal(size=(5, 3))
    of_each = lambda w: vmap(grad(lambda w, x: np.tanh(w @ x) ** 2), (None, 0))(w, x)  # noqa: E731
    fast = tg.compile(of_each, strict=True)
    for scale in (1.0, 2.0, -1.0):
        np.testing.assert_array_equal(fast(scale * w), of_each(scale * w))


def repeated(x: Any) -> Any:
    last, rows = tg.scan(lambda c, t: (np.tanh(c * t + x), c.sum()), np.zeros(3), np.arange(1.0, 4.0))
    return last.sum() + rows.prod() + tg.scan(lambda c, t: (c * t, c), 1.0, x)[0]


def chosen(x: Any) -> Any:
    return tg.cond(x.sum() > 0, lambda x: (x * 2.0).sum(), lambda x: -x.prod(), x)


def until(x: Any) -> Any:
    return (tg.while_loop(lambda y: (y**2).sum() < 5.0, lambda y: y * 1.5, x) ** 2).sum()


@pytest.mark.parametrize("f", [repeated, chosen, until])
def test_loops_and_choices_of_each_example(f: Callable[..., Any]) -> None:
    x = np.random.default_rng(9).normal(size=(5, 3))
    np.testing.assert_allclose(vmap(f)(x), np.stack([f(a) for a in x]))
    np.testing.assert_allclose(vmap(grad(f))(x), np.stack([grad(f)(a) for a in x]), atol=1e-12)
    np.testing.assert_allclose(grad(lambda x: vmap(f)(x).sum())(x), np.stack([grad(f)(a) for a in x]), atol=1e-12)
    assert vmap(grad(f))(np.zeros((0, 3))).shape == (0, 3)


def test_its_graph_is_drawn_and_written_out() -> None:
    x, w = tg.Tensor(np.ones((3, 2)), name="x"), tg.Tensor(np.ones(2), name="w")
    loss = vmap(lambda x: np.tanh(x @ w))(x).sum()
    scope: dict[str, Any] = {}
    exec(tg.source(loss), scope)  # noqa: S102  our own
    loss.backward()
    for found, want in zip(scope["program"](x.data, w.data), (loss.data, x.grad, w.grad), strict=True):
        np.testing.assert_allclose(found, want, rtol=1e-12)
    assert "tanh" in str(tg.derivation(loss))
    if available():
        for view in (tg.render(loss), tg.render(loss, backward=True)):
            assert "(3, 2)" in view.dot  # what all examples have, as one array


# --- what goes in and comes out


def test_trees_of_axes() -> None:
    x = np.arange(6.0).reshape(2, 3)
    f = lambda p, x: {"sum": p["a"] * x + p["b"][0], "all": p["b"]}  # noqa: E731
    found = vmap(f, ({"a": 0, "b": None}, 1), {"sum": -1, "all": None})({"a": np.arange(3.0), "b": (2.0,)}, x)
    np.testing.assert_array_equal(found["sum"], np.arange(3.0) * x + 2.0)
    assert found["all"] == (2.0,)
    assert vmap(lambda x, y: (x, y.sum()), in_axes=-1)(x, y=x.T)[1].shape == (3,)
    assert vmap(lambda x: None)(x) is None
    np.testing.assert_array_equal(vmap(lambda x: 1.0)(x), [1.0, 1.0])
    assert vmap(lambda x: x.ndim == 1)(x).dtype == bool


def test_what_it_is_given_is_left_alone() -> None:
    x = np.ones((2, 3))
    y = vmap(lambda x: x)(x)
    y[...] = 5.0
    z = vmap(lambda x: 2.0, out_axes=0)(x)
    z[...] = 5.0
    assert x.sum() == 6.0
    t = vmap(lambda x: x * x)(tg.Tensor(x, requires_grad=False))
    assert isinstance(t, tg.Tensor)
    assert isinstance(vmap(lambda x: x * x)(x), np.ndarray)


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.int64, bool])
def test_dtypes_stay(dtype: Any) -> None:
    x = np.ones((2, 3), dtype)
    assert vmap(lambda x: x)(x).dtype == dtype
    if np.dtype(dtype).kind == "f":
        f = lambda x: (np.exp(x) * 2.0 + 1.0).mean()  # noqa: E731
        assert vmap(f)(x).dtype == dtype
        assert vmap(grad(f))(x).dtype == dtype


def test_a_batch_of_no_examples(said: set[str]) -> None:
    x = np.zeros((0, 3), np.float32)
    f = lambda x: np.prod(x) + x.max() + np.sort(x)[0] + (x[None] @ x) + x.reshape(-1, 1).sum()  # noqa: E731
    assert vmap(f)(x).shape == (0, 1)
    assert vmap(grad(lambda x: f(x).sum()))(x).shape == (0, 3)
    assert vmap(np.unique)(x).shape == (0, 1)  # of a row of ones: what it would be is not known
    assert vmap(grad(lambda x: f(x).sum()))(x).dtype == np.float32


BAD: list[tuple[Callable[[np.ndarray], Any], type[Exception], str]] = [
    (vmap(lambda x: x, 2), ValueError, r"argument 0 has shape \(5, 4\) and no axis 2"),
    (vmap(lambda x: x, -3), ValueError, r"argument 0 has shape \(5, 4\) and no axis -3"),
    (vmap(lambda x: x, 0.5), TypeError, "an axis is an int or None, got 0.5 for argument 0"),
    (
        lambda x: vmap(lambda x, y: x)(x, x[:3]),
        ValueError,
        r"argument 0 .* has 5 .*; argument 1 of shape \(3, 4\) has 3",
    ),
    (lambda x: vmap(lambda x, y: x)(x, y=x[:3]), ValueError, "keyword argument 'y' of shape .* has 3 along axis 0"),
    (vmap(lambda x: x, (0, 0)), ValueError, "in_axes has 2 entries for 1 argument"),
    (vmap(lambda x: x, None), ValueError, "every entry of in_axes is None"),
    (lambda x: vmap(lambda x: x)(3.0), ValueError, "argument 0, 3.0, is no array .* give None"),
    (lambda x: vmap(lambda x: x, ({"a": 0},))({"b": x}), ValueError, r"in_axes .* a dict with the keys \['b'\]"),
    (vmap(lambda x: x, out_axes=None), ValueError, "out_axes=None differs between the examples"),
    (vmap(lambda x: x, out_axes=3), ValueError, "has no axis 3 for out_axes"),
    (vmap(lambda x: (x, x), out_axes=(0,)), ValueError, "out_axes .* a tuple of 2"),
    (lambda x: vmap(3), TypeError, "vmap: a function is needed, got 3"),  # type: ignore[arg-type]
    (
        vmap(lambda x: x if x.sum() > 0 else -x),
        TypeError,
        "5 examples .* neither true nor false: use np.where",
    ),
    (vmap(lambda x: float(x.sum())), TypeError, "not one float: use NumPy's functions"),
    (vmap(lambda x: tg.Tensor(x).sum().item()), TypeError, "not one number"),
    (vmap(lambda x: x.item(0)), TypeError, "not one number"),
    (vmap(lambda x: [1, 2][x.argmax()]), TypeError, "not one index: use tinygraph.take"),
    (vmap(lambda x: x[0] if tg.Tensor(x[0]) else x), TypeError, "neither true nor false"),
    (vmap(np.asarray), TypeError, "does not turn into one ndarray"),
    (vmap(lambda x: x[x > 0]), TypeError, "another number of elements from each: use np.where"),
    (vmap(lambda x: f"{x.sum():.2f}"), TypeError, "formatted"),
    (vmap(lambda x: np.ones(4).__iadd__(x)), TypeError, "not written into an array that all share"),
    (vmap(lambda x: tg.Tensor(x).sum().backward()), TypeError, "backward: inside vmap .* use grad"),
    (vmap(lambda x: x @ np.ones(3)), ValueError, "matmul|mismatch"),
    (vmap(lambda x: x.reshape(3)), ValueError, r"size 4 into shape \(3,\)"),
]


@pytest.mark.parametrize(("call", "error", "says"), BAD, ids=[says for *_, says in BAD])
def test_errors_name_what_is_wrong(call: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        call(np.random.default_rng(7).normal(size=(5, 4)))


# --- the slow path


def test_what_depends_on_values_runs_in_a_loop_and_says_so_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "_said", set())
    x = np.array([[1.0, -2.0], [3.0, 4.0], [-1.0, 0.5]])

    def chosen(x: Any) -> Any:
        return x * 2.0 if x.sum() > 0 else -x

    slow = tg.op(chosen, vjps=[lambda g, ans, x: g * 2.0 if x.sum() > 0 else -g], name="chosen")
    with pytest.warns(UserWarning, match="vmap: chosen has to run once for each example"):
        np.testing.assert_array_equal(vmap(slow)(x), np.stack([chosen(a) for a in x]))
    vmap(slow)(x)  # a second warning would be an error here
    with pytest.warns(UserWarning, match="the rule of chosen has"):
        found = vmap(grad(lambda x: (slow(x) ** 2).sum()))(x)
    np.testing.assert_array_equal(found, np.stack([grad(lambda x: (slow(x) ** 2).sum())(a) for a in x]))
    second = vmap(grad(lambda x: (grad(lambda x: (slow(x) ** 3).sum())(x) ** 2).sum()))(x)
    np.testing.assert_allclose(second, 4 * 9 * x**3 * np.where(x.sum(1) > 0, 64.0, 1.0)[:, None])


def test_where_the_examples_take_different_ways_a_product_is_right(said: set[str]) -> None:
    x = np.array([[0.0, 2.0, 3.0], [1.0, 2.0, 3.0]])
    np.testing.assert_array_equal(vmap(grad(np.prod))(x), [[6.0, 0.0, 0.0], [6.0, 3.0, 2.0]])
    assert said == {"the rule of prod"}


# --- random numbers, and running averages


def test_what_a_function_draws_itself_is_the_same_for_all() -> None:
    rng = np.random.default_rng(8)
    found = vmap(lambda x: x + rng.normal(size=2))(np.zeros((3, 2)))
    assert np.ptp(found, axis=0).max() == 0.0


def test_layers_draw_for_each_example_or_once_for_all_or_not_at_all() -> None:
    drop, x = nn.Dropout(0.5, rng=0), np.ones((3, 50))
    with pytest.raises(RuntimeError, match=r'vmap\(\.\.\., randomness="different"\).*randomness="same".*eval'):
        vmap(drop)(x)
    np.testing.assert_array_equal(vmap(nn.Dropout(0.5).eval())(x), x)
    want = nn.Dropout(0.5, rng=0)(x)
    np.testing.assert_array_equal(vmap(nn.Dropout(0.5, rng=0), randomness="different")(x), want)
    np.testing.assert_array_equal(vmap(nn.Dropout(0.5, rng=0), randomness="same")(x), want[[0, 0, 0]])
    with pytest.raises(ValueError, match="randomness='none' is not 'error', 'different' or 'same'"):
        vmap(drop, randomness="none")


def test_each_of_several_batches_has_its_own_randomness() -> None:
    def drawn(inner: str, outer: str) -> np.ndarray:
        drop = nn.Dropout(0.5, rng=0)
        return vmap(vmap(drop, randomness=inner), randomness=outer)(np.ones((2, 3, 50)))

    whole = nn.Dropout(0.5, rng=0)(np.ones((2, 3, 50)))
    np.testing.assert_array_equal(drawn("different", "different"), whole)
    for inner, outer, axis in (("same", "different", 1), ("different", "same", 0)):
        spreads = np.ptp(drawn(inner, outer), axis=axis).max(), np.ptp(drawn(inner, outer), axis=1 - axis).max()
        assert spreads == (0.0, 2.0)
    with pytest.raises(RuntimeError, match="randomness"):
        drawn("different", "error")


@pytest.mark.parametrize("way", ["outside", "inside", "checkpoint", "compile"])
def test_gradients_through_what_each_example_drops(way: str) -> None:
    drop, w, x = nn.Dropout(0.5, rng=0), np.arange(1.0, 5.0), np.ones((3, 4))
    layer = tg.checkpoint(lambda x: drop(x)) if way == "checkpoint" else drop  # noqa: PLW0108  no Module
    loss = lambda w, x: (layer(np.sin(w)) * x).sum()  # noqa: E731  what is dropped is the same for all, its mask is not
    if way == "inside":
        found = vmap(grad(loss), (None, 0), randomness="different")(w, x).sum(0)
    else:
        f = grad(lambda w: vmap(loss, (None, 0), randomness="different")(w, x).sum())
        found = (tg.compile(f, strict=True) if way == "compile" else f)(w)
    mask = np.random.default_rng(0).random((3, 4)) < 0.5
    np.testing.assert_allclose(found, np.cos(w) * 2.0 * mask.sum(0), rtol=1e-14)


def test_batch_normalisation_of_each_example_keeps_no_running_averages() -> None:
    x = np.random.default_rng(9).normal(size=(3, 4, 2))
    tracking, layer = nn.BatchNorm1d(2), nn.BatchNorm1d(2, track_running_stats=False)
    np.testing.assert_allclose(bare(vmap(layer)(x)), np.stack([bare(layer(a)) for a in x]), rtol=1e-12)
    with pytest.raises(RuntimeError, match=r"BatchNorm1d\(2\): inside vmap .* track_running_stats=False, or \.eval"):
        vmap(tracking)(x)
    assert tracking.num_batches_tracked == 0


def test_debug_finds_a_fault_in_any_example() -> None:
    with tg.debug(), pytest.raises(FloatingPointError, match="log made NaN"):
        vmap(grad(lambda x: np.log(x).sum()))(np.array([[1.0], [-1.0]]))
