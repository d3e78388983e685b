"""Values and gradients beside two references that know nothing of tinygraph: JAX and PyTorch.

Every operation that they have too, on the random inputs of the laws; and the points where gradients are known to go
wrong, with all that the three disagree on written out.
"""

from __future__ import annotations

import importlib
import os
import warnings
from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

import numpy as np
import pytest
from laws import checks
from laws.cases import Case, recipe_for

import tinygraph as tg
from tinygraph.op import OPS, Op

jax = pytest.importorskip("jax", reason="JAX, the reference, is not installed")
jnp = importlib.import_module("jax.numpy")
jsp = importlib.import_module("jax.scipy.special")
jax.config.update("jax_enable_x64", True)
try:
    torch = importlib.import_module("torch")
except ModuleNotFoundError:
    torch = None
with_torch = pytest.mark.skipif(torch is None, reason="PyTorch, the other reference, is not installed")

CASES = 8 if os.environ.get("HYPOTHESIS_PROFILE") == "deep" else 1
NAN, INF = np.nan, np.inf


# --- operation by operation


class Shared(NamedTuple):
    """A function of NumPy's or SciPy's and what stands for it here."""

    path: str
    ours: Callable[..., Any]


def _path(function: Any) -> str:
    if isinstance(function, str):
        return function
    if isinstance(function, np.ufunc):
        return f"numpy.{function.__name__}"
    return f"{getattr(function, '__module__', '')}.{getattr(function, '__name__', '')}"


def shared(packages: dict[str, str]) -> dict[str, tuple[Shared, Any]]:
    """What a reference has under the same name: by that name, our operation and its function."""
    found = {}
    for function, ours in OPS.items():
        if isinstance(ours, Op) and ours.constant:
            continue
        path = _path(function)
        module, _, name = path.rpartition(".")
        theirs = getattr(importlib.import_module(packages[module]), name, None) if module in packages else None
        if theirs is not None:
            found[path] = Shared(path, ours), theirs
    return dict(sorted(found.items()))


IN_JAX = shared(
    {
        "numpy": "jax.numpy",
        "numpy.linalg": "jax.numpy.linalg",
        "scipy.special": "jax.scipy.special",
        "scipy.linalg": "jax.scipy.linalg",
    }
)
IN_TORCH = {} if torch is None else shared({"numpy": "torch", "scipy.special": "torch.special"})

JAX_CANNOT = {  # with these arguments, or at all
    "numpy.ediff1d", "numpy.gradient", "numpy.linalg.eig", "numpy.linalg.eigvals", "numpy.linalg.eigh",
    "numpy.linalg.lstsq", "numpy.linalg.qr", "numpy.linalg.svd", "numpy.nanpercentile", "numpy.nanquantile",
    "numpy.partition", "numpy.percentile", "numpy.place", "numpy.polyadd", "numpy.polysub", "numpy.put",
    "numpy.put_along_axis", "numpy.quantile", "numpy.roots", "numpy.fill_diagonal", "numpy.outer", "numpy.linalg.outer",
}  # fmt: skip
JAX_DIFFERS = {
    "numpy.polyfit": "JAX has NaN at 0, by its rule of x**0",
    "numpy.unique": "JAX has the gradient 0",
    "numpy.vander": "JAX has NaN at 0, by its rule of x**0",
}


def listless(reference: Callable[..., Any]) -> Callable[..., Any]:
    """The reference, given an array where NumPy takes a list of numbers."""

    def call(*args: Any, **kwargs: Any) -> Any:
        return reference(*(np.array(a) if isinstance(a, list) and _plain(a) else a for a in args), **kwargs)

    return call


def _plain(a: Any) -> bool:
    return isinstance(a, int | float) or (isinstance(a, list) and all(map(_plain, a)))


def compare(ours: Callable[..., Any], theirs: Callable[..., list[np.ndarray]], case: Case, what: str) -> None:
    outs = checks.values(ours, case)
    g = checks.directions(outs, 1)
    mine = [*outs, *checks.gradients(ours, case, g)]
    scale = 1e-9 * (1 + max((float(np.abs(a).max(initial=0)) for a in mine), default=0.0))
    for a, b in zip(mine, theirs(case, g), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=scale, err_msg=what)


@pytest.mark.parametrize("path", [p for p in IN_JAX if p not in JAX_CANNOT and p not in JAX_DIFFERS])
def test_jax_finds_the_same(path: str) -> None:
    (_, ours), reference = IN_JAX[path]

    def theirs(case: Case, g: list[np.ndarray]) -> list[np.ndarray]:
        def f(*xs: Any) -> list[Any]:
            return [jnp.asarray(y) for y in checks.closed(listless(reference), case)(*xs)]

        ys, pull = jax.vjp(f, *map(jnp.asarray, case.arrays))
        return [np.asarray(a) for a in (*ys, *pull([jnp.asarray(a) for a in g]))]

    r = Random(2)
    for _ in range(CASES):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # JAX's own, of what it will do differently some day
            compare(ours, theirs, recipe_for(ours)(r), path)


ELEMENTWISE_IN_TORCH = {
    p: v for p, v in IN_TORCH.items() if isinstance(v[0].ours, Op) and v[0].ours.kind == "elementwise"
}
TORCH_CANNOT = {"numpy.floor_divide", "numpy.heaviside", "numpy.where"}  # no derivative; no condition of NumPy's


@with_torch
@pytest.mark.parametrize("path", [p for p in ELEMENTWISE_IN_TORCH if p not in TORCH_CANNOT])
def test_pytorch_finds_the_same(path: str) -> None:
    (_, ours), reference = ELEMENTWISE_IN_TORCH[path]

    def theirs(case: Case, g: list[np.ndarray]) -> list[np.ndarray]:
        xs = [torch.tensor(a, requires_grad=True) for a in case.arrays]
        (y,) = checks.closed(reference, case)(*xs)
        grads = torch.autograd.grad(y, xs, torch.tensor(g[0]), materialize_grads=True)
        return [a.detach().numpy() for a in (y, *grads)]

    r = Random(2)
    for _ in range(CASES):
        compare(ours, theirs, recipe_for(ours)(r), path)


def test_most_operations_are_jaxs_too() -> None:
    assert len(IN_JAX) > 190


@with_torch
def test_most_element_by_element_are_pytorchs_too() -> None:
    assert len(ELEMENTWISE_IN_TORCH) > 50


# --- a batch of examples

RNG = np.random.default_rng(11)
ROWS, TABLE, CUBE = RNG.normal(size=(3, 4)), RNG.normal(size=(4, 3)), RNG.normal(size=(2, 3, 3))
PARAMETERS = {"w": RNG.normal(size=(3, 2, 4)), "b": RNG.normal(size=2)}
Batch = tuple[Callable[[Any, Any], Callable[..., Any]], list[Any]]  # of a package like NumPy and its transforms
BATCHES: dict[str, Batch] = {
    "axes that differ": (
        lambda m, d: d.vmap(lambda x, y: m.sin(x) * y + m.max(x), in_axes=(0, -1), out_axes=-1),
        [ROWS, TABLE],
    ),
    "one in the other": (
        lambda m, d: d.vmap(d.vmap(lambda x, y: m.hypot(x, y).sum(), in_axes=(None, 1)), in_axes=(0, None), out_axes=1),
        [ROWS, TABLE],
    ),
    "axes that cross": (
        lambda m, d: d.vmap(d.vmap(m.cumsum, in_axes=1, out_axes=0), in_axes=-2, out_axes=2),
        [RNG.normal(size=(4, 2, 3))],
    ),
    "trees": (
        lambda m, d: d.vmap(
            lambda p, xs: {"y": m.tanh(p["w"] @ xs[0] + p["b"]), "rest": (xs[1] * 2.0,)},
            in_axes=({"w": 0, "b": None}, (-1, None)),
            out_axes={"y": 1, "rest": (None,)},
        ),
        [PARAMETERS, (TABLE, ROWS)],
    ),
    "systems with one matrix": (
        lambda m, d: d.vmap(m.linalg.solve, in_axes=(None, 1), out_axes=1),
        [CUBE[0], RNG.normal(size=(3, 5))],
    ),
    "determinants of differences": (
        lambda m, d: d.vmap(lambda x, y: m.linalg.slogdet(x @ x.T + y)[1], in_axes=(0, None)),
        [CUBE, np.eye(3)],
    ),
    "order and places": (
        lambda m, d: d.vmap(lambda x: m.sort(x, axis=0)[::-1] + m.take_along_axis(x, m.argsort(x, axis=0), 0), 1),
        [CUBE],
    ),
    "an index of each example": (
        lambda m, d: d.vmap(lambda x, i: x[i] + m.take(x, i), in_axes=(-1, 0)),
        [TABLE, np.array([[0, 2], [3, 3], [1, 0]])],
    ),
    "spectra and filters": (
        lambda m, d: d.vmap(lambda x, k: m.real(m.fft.fft(m.convolve(x, k))), in_axes=(0, None)),
        [ROWS, np.array([1.0, -1.0])],
    ),
    "gradients": (
        lambda m, d: d.vmap(d.grad(lambda w, x: m.logaddexp(w @ x, 0.0)), in_axes=(None, -1)),
        [RNG.normal(size=4), TABLE],
    ),
    "Hessians of a row by a column": (
        lambda m, d: d.vmap(d.hessian(lambda x, y: m.einsum("i,j,i->", x, y, m.exp(x))), in_axes=(0, 1)),
        [ROWS, TABLE],
    ),
    "directions": (
        lambda m, d: d.vmap(lambda x, t: d.jvp(lambda x: m.prod(m.where(x > 0, x, 1.0 - x)), (x,), (t,))),
        [ROWS, TABLE.T],
    ),
}


QUICK = ["axes that cross", "one in the other", "trees", "an index of each example", "order and places"]


# JAX compiles for longer than all of these run: most of them only in depth
@pytest.mark.parametrize("name", BATCHES if CASES > 1 else QUICK)
def test_a_batch_is_that_of_jax(name: str) -> None:
    make, arrays = BATCHES[name]
    theirs = jax.tree.map(np.asarray, make(jnp, jax)(*jax.tree.map(jnp.asarray, arrays)))
    found = make(np, tg)(*arrays)
    assert jax.tree.structure(found) == jax.tree.structure(theirs)
    for mine, want in zip(jax.tree.leaves(found), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(mine, want, rtol=1e-12, atol=1e-12)


# --- where gradients go wrong


class Point(NamedTuple):
    """A function of a package (NumPy, jax.numpy or torch) and arrays, and who finds another gradient there."""

    f: Callable[..., Any]
    arrays: list[Any]
    jax: list[Any] | None = None
    torch: list[Any] | None = None


ON_TORCH: dict[str, Callable[..., Any]] = {
    "power": lambda x, y: torch.pow(x, y),  # noqa: PLW0108  torch may be absent, here and below
    "std": lambda x: torch.std(x, correction=0),
    "var": lambda x: torch.var(x, correction=0),
    "sort": lambda x: torch.sort(x, stable=True)[0],
    "median": lambda x: torch.quantile(x, 0.5),
    "logsumexp": lambda x: torch.logsumexp(x, -1),
    "softmax": lambda x: torch.softmax(x, -1),
    "svdvals": lambda x: torch.linalg.svdvals(x),  # noqa: PLW0108
    "pick": lambda x, i: x[torch.tensor(i)],
}
ON_JAX: dict[str, Callable[..., Any]] = {
    "relu": jax.nn.relu,
    "logsumexp": jsp.logsumexp,
    "softmax": jax.nn.softmax,
    "svdvals": lambda x: jnp.linalg.svd(x, compute_uv=False),
    "pick": lambda x, i: x[np.array(i)],
}
ON_NUMPY: dict[str, Callable[..., Any]] = {
    "relu": tg.relu,
    "logsumexp": tg.logsumexp,
    "softmax": tg.softmax,
    "svdvals": lambda x: np.linalg.svd(x, compute_uv=False),
    "pick": lambda x, i: x[i],
}


class Spelled:
    """A package under NumPy's names."""

    def __init__(self, package: Any, own: dict[str, Callable[..., Any]]) -> None:
        self.package, self.own, self.linalg = package, own, package.linalg

    def __getattr__(self, name: str) -> Any:
        return self.own[name] if name in self.own else getattr(self.package, name)


SQUARE = [[1.0, 2.0], [3.0, 4.0]]
BATCH = np.arange(12.0).reshape(3, 2, 2).tolist()
TRICKY = {
    "where with NaN in the branch that is not taken": Point(
        lambda m, x: m.where(x > 0, m.sqrt(x), 0.0 * x), [[-1.0, 4.0]]
    ),
    "log of what where leaves out": Point(
        lambda m, x: m.where(x > 0, m.log(m.where(x > 0, x, 1.0)), x), [[-1.0, 4.0]]
    ),
    "norm at 0": Point(lambda m, x: m.linalg.norm(x), [[0.0, 0.0]], jax=[[NAN, NAN]]),
    "ties in max": Point(lambda m, x: m.max(x), [[1.0, 3.0, 3.0]]),
    "ties in maximum": Point(lambda m, x, y: m.maximum(x, y), [[1.0, 2.0], [1.0, 3.0]]),
    "x**0": Point(lambda m, x: x**0, [[0.0, 2.0, -1.0]]),
    "x**y with y = 0": Point(
        lambda m, x, y: m.power(x, y), [[0.0, 2.0], [0.0, 0.0]], jax=[[NAN, 0.0], [0.0, 2 * np.log(2)]]
    ),
    "0**x": Point(lambda m, x: m.power(0.0 * x, x), [[1.0, 2.0]]),
    "sqrt at 0": Point(lambda m, x: m.sqrt(x), [[0.0, 1.0]]),
    "product with a zero": Point(lambda m, x: m.prod(x), [[0.0, 2.0, 3.0]]),
    "product with two zeros": Point(lambda m, x: m.prod(x), [[0.0, 2.0, 0.0]]),
    "running product with a zero": Point(lambda m, x: m.cumprod(x, 0), [[2.0, 0.0, 3.0]]),
    "repeated indices": Point(lambda m, x: m.pick(x, [0, 0, 2, 0]), [[1.0, 2.0, 3.0]]),
    "einsum with repeated indices": Point(lambda m, x: m.einsum("ii->i", x), [SQUARE]),
    "einsum of a trace, implicit": Point(lambda m, x: m.einsum("ii", x), [SQUARE]),
    "einsum in the order of the alphabet": Point(lambda m, x, y: m.einsum("ba,bc", x, y), [SQUARE, SQUARE]),
    "einsum with an ellipsis": Point(lambda m, x, y: m.einsum("...i,i->...", x, y), [SQUARE, [1.0, 2.0]]),
    "matmul of vectors": Point(lambda m, x, y: m.matmul(x, y), [[1.0, 2.0], [3.0, 4.0]]),
    "matmul of vector and matrix": Point(lambda m, x, y: m.matmul(x, y), [[1.0, 2.0], SQUARE]),
    "matmul of batch and matrix": Point(lambda m, x, y: m.matmul(x, y), [BATCH, SQUARE]),
    "matmul of batch and vector": Point(lambda m, x, y: m.matmul(x, y), [BATCH, [1.0, 2.0]]),
    "logsumexp with -inf": Point(lambda m, x: m.logsumexp(x), [[-INF, 0.0, 1.0]]),
    "softmax of 1e4": Point(lambda m, x: m.softmax(x), [[1e4, 0.0, -1e4]]),
    "logaddexp far apart": Point(lambda m, x, y: m.logaddexp(x, y), [[1e4, -INF], [-1e4, 0.0]]),
    "abs at 0": Point(lambda m, x: m.abs(x), [[0.0, -1.0]], jax=[[1.0, -2.0]]),
    "clip at its bounds": Point(lambda m, x: m.clip(x, 0.0, 1.0), [[0.0, 0.5, 1.0]], jax=[[0.5, 2.0, 1.5]]),
    "relu at 0": Point(lambda m, x: m.relu(x), [[0.0, 1.0]]),
    "standard deviation 0": Point(lambda m, x: m.std(x), [[1.0, 1.0]], jax=[[NAN, NAN]]),
    "variance of one number": Point(lambda m, x: m.var(x), [[1.0]]),
    "arctan2(0, 0)": Point(lambda m, x, y: m.arctan2(x, y), [[0.0], [0.0]], jax=[[NAN], [NAN]]),
    "hypot(0, 0)": Point(
        lambda m, x, y: m.hypot(x, y), [[0.0], [0.0]], jax=[[0.5], [0.5]], torch=[[NAN], [NAN]]
    ),
    "sinc at 0": Point(lambda m, x: m.sinc(x), [[0.0, 0.5]]),
    "sort with ties": Point(lambda m, x: m.sort(x), [[2.0, 1.0, 1.0]]),
    "median between equals": Point(lambda m, x: m.median(x), [[1.0, 2.0, 2.0, 3.0]]),
    "fmax with NaN": Point(lambda m, x, y: m.fmax(x, y), [[NAN, 1.0], [1.0, NAN]]),
    "det of a singular matrix": Point(
        lambda m, x: m.linalg.det(x), [[[1.0, 2.0], [2.0, 4.0]]], torch=[[[0.0, 0.0], [0.0, 0.0]]]
    ),
    "equal eigenvalues": Point(
        lambda m, x: m.linalg.eigvalsh(x),
        [[[1.0, 0.0], [0.0, 1.0]]],
        jax=[[[1.0, 0.0], [0.0, 2.0]]],
        torch=[[[1.0, 0.0], [0.0, 2.0]]],
    ),
    "a singular value of 0": Point(
        lambda m, x: m.svdvals(x),
        [[[0.0, 0.0], [0.0, 1.0]]],
        jax=[[[2.0, 0.0], [0.0, 1.0]]],
        torch=[[[2.0, 0.0], [0.0, 1.0]]],
    ),
}  # fmt: skip


def weights(y: Any) -> np.ndarray:
    return 1.0 + np.arange(np.size(y), dtype=float).reshape(np.shape(y))


def ours(point: Point) -> tuple[Any, list[Any]]:
    f = Spelled(np, ON_NUMPY)
    y, pull = tg.vjp(lambda *xs: point.f(f, *xs), *map(np.array, point.arrays))
    return y, list(pull(weights(y)))


@pytest.mark.parametrize("name", TRICKY)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_jax_at_a_tricky_point(name: str) -> None:
    point = TRICKY[name]
    y, pull = jax.vjp(lambda *xs: point.f(Spelled(jnp, ON_JAX), *xs), *map(jnp.array, point.arrays))
    settle(point, y, pull(jnp.asarray(weights(y))), point.jax)


@pytest.mark.parametrize("name", TRICKY)
@with_torch
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_pytorch_at_a_tricky_point(name: str) -> None:
    point = TRICKY[name]
    xs = [torch.tensor(a, dtype=torch.float64, requires_grad=True) for a in point.arrays]
    y = point.f(Spelled(torch, ON_TORCH), *xs)
    grads = torch.autograd.grad(y, xs, torch.tensor(weights(y.detach().numpy())), materialize_grads=True)
    settle(point, y.detach().numpy(), [g.numpy() for g in grads], point.torch)


def settle(point: Point, y: Any, theirs: Any, disagreement: list[Any] | None) -> None:
    """They find what we find; or exactly what is written down, which is not what we find."""
    value, mine = ours(point)
    np.testing.assert_allclose(value, y, rtol=1e-12, atol=1e-15)
    for a, b, other in zip(mine, theirs, disagreement or mine, strict=True):
        np.testing.assert_allclose(np.asarray(b), other, rtol=1e-12, atol=1e-15)
        assert np.all(np.isfinite(a)) or disagreement is None
    if disagreement is not None:
        assert not all(np.allclose(a, np.asarray(b)) for a, b in zip(mine, theirs, strict=True))
