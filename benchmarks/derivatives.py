"""Derivatives in bulk and of higher order: Hessians of 1,000 inputs, a Jacobian of 200 to 200, a third derivative.

All in float64. By hand it is the closed formula, which no engine that only knows the function can reach. PyTorch
takes `torch.func`, which pushes or pulls all directions at once; JAX the same, jitted.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from benchmarks.harness import SEED, Entry, Result, enter, race
from benchmarks.profiles import Profile

ABOUT = "Hessians, Jacobians and third derivatives, float64"
TOLERANCE = 1e-11

Function = Callable[[Any], Any]


class Case(NamedTuple):
    """A function, written for any library like NumPy, where it is taken, and what is asked of it.

    `make(xp, array)` gives the function: xp is the library, array makes its arrays.
    """

    name: str
    what: str
    make: Callable[[Any, Function], Function]
    x: np.ndarray
    hand: Callable[[np.ndarray], np.ndarray]

    def __str__(self) -> str:
        return f"{self.what}, {self.name}"


def rosenbrock(n: int) -> Case:
    def make(xp: Any, array: Function) -> Function:
        return lambda x: ((1.0 - x[:-1]) ** 2 + 100.0 * (x[1:] - x[:-1] ** 2) ** 2).sum()

    def by_hand(x: np.ndarray) -> np.ndarray:
        diagonal = np.zeros(n)
        diagonal[:-1] = 1200.0 * x[:-1] ** 2 - 400.0 * x[1:] + 2.0
        diagonal[1:] += 200.0
        beside = -400.0 * x[:-1]
        return np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1)

    return Case(f"Rosenbrock of {n:,}", "hessian", make, np.random.default_rng(SEED).normal(size=n), by_hand)


def logistic(n: int) -> Case:
    rng = np.random.default_rng(SEED)
    X, y = rng.normal(size=(n // 5 or 1, n)) / np.sqrt(n), rng.choice([-1.0, 1.0], size=n // 5 or 1)

    def make(xp: Any, array: Function) -> Function:
        ours, signs = array(X), array(y)
        return lambda w: xp.log(1.0 + xp.exp(-signs * (ours @ w))).sum() + 0.5 * (w * w).sum()

    def by_hand(w: np.ndarray) -> np.ndarray:
        p = 1.0 / (1.0 + np.exp(-y * (X @ w)))
        return X.T * (p * (1.0 - p)) @ X + np.eye(n)

    return Case(f"logistic loss of {n:,}", "hessian", make, rng.normal(size=n), by_hand)


def network(n: int) -> Case:
    rng = np.random.default_rng(SEED)
    W, V = rng.normal(size=(2, n, n)) / np.sqrt(n)

    def make(xp: Any, array: Function) -> Function:
        first, second = array(W), array(V)
        return lambda x: xp.tanh(second @ xp.tanh(first @ x))

    def by_hand(x: np.ndarray) -> np.ndarray:
        a = np.tanh(W @ x)
        return (1.0 - np.tanh(V @ a)[:, None] ** 2) * V * (1.0 - a**2) @ W

    return Case(f"{n} to {n}", "jacobian", make, rng.normal(size=n), by_hand)


def wave() -> Case:
    def by_hand(x: np.ndarray) -> np.ndarray:
        s, c = np.sin(x), np.cos(x)
        return np.exp(s) * (c**3 - 3.0 * s * c - c)

    return Case("exp(sin(x))", "third", lambda xp, array: lambda x: xp.exp(xp.sin(x)), np.array(0.7), by_hand)


def cases(sizes: tuple[int, int]) -> tuple[Case, ...]:
    inputs, outputs = sizes
    return rosenbrock(inputs), logistic(inputs), network(outputs), wave()


def thrice(grad: Callable[[Function], Function]) -> Callable[[Function], Function]:
    return lambda f: grad(grad(grad(f)))


def numpy_derivative(case: Case) -> Callable[[], Any]:
    return lambda: case.hand(case.x)


def tinygraph_derivative(case: Case) -> Callable[[], Any]:
    import tinygraph as tg

    f = {"hessian": tg.hessian, "jacobian": tg.jacobian, "third": thrice(tg.grad)}[case.what](case.make(np, np.array))
    return lambda: f(case.x)


def compiled_derivative(case: Case) -> Callable[[], Any]:
    import tinygraph as tg

    f = {"hessian": tg.hessian, "jacobian": tg.jacobian, "third": thrice(tg.grad)}[case.what](case.make(np, np.array))
    compiled = tg.compile(f)
    return lambda: compiled(case.x)


def autograd_derivative(case: Case) -> Callable[[], Any]:
    import autograd
    import autograd.numpy as anp

    transforms = {"hessian": autograd.hessian, "jacobian": autograd.jacobian, "third": thrice(autograd.grad)}
    f = transforms[case.what](case.make(anp, np.array))
    x = float(case.x) if case.what == "third" else case.x
    return lambda: f(x)


def torch_derivative(case: Case) -> Callable[[], Any]:
    import torch
    from torch.func import grad, hessian, jacrev

    f = {"hessian": hessian, "jacobian": jacrev, "third": thrice(grad)}[case.what](case.make(torch, torch.tensor))
    x = torch.tensor(case.x)
    return lambda: f(x)


def jax_derivative(case: Case) -> Callable[[], Any]:
    import jax
    import jax.numpy as jnp

    transforms = {"hessian": jax.hessian, "jacobian": jax.jacrev, "third": thrice(jax.grad)}
    f, x = jax.jit(transforms[case.what](case.make(jnp, jnp.array))), jnp.array(case.x)
    return lambda: f(x).block_until_ready()


DERIVATIVES: dict[str, Callable[[Case], Callable[[], Any]]] = {
    "numpy": numpy_derivative,
    "tinygraph": tinygraph_derivative,
    "tinygraph-compiled": compiled_derivative,
    "autograd": autograd_derivative,
    "torch": torch_derivative,
    "jax": jax_derivative,
}


def makers_of(case: Case) -> dict[str, Callable[[], Entry]]:
    """The entries of all who take part."""

    def entry(name: str) -> Entry:
        run = DERIVATIVES[name](case)
        return Entry(run, lambda: [np.asarray(run())])

    return {name: lambda name=name: entry(name) for name in DERIVATIVES}


def run(profile: Profile, names: Iterable[str]) -> Iterable[Result]:
    """Yield one Result for each function."""
    names = list(names)
    for case in cases(profile.derivatives):
        result = Result("derivatives", str(case), operations=1)
        yield race(result, enter(makers_of(case), names, result, TOLERANCE), profile)
