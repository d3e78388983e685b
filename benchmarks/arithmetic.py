"""A chain of arithmetic, `y = y*w + x/2 - w / (1 + y*y)`: loss, and the gradients of x and w; time per operation.

Nothing in it is transcendental, so a compiler can make one loop of it, and what is not compiled pays for its arrays in
memory. tinygraph takes part three times: as it records, compiled, and compiled with numba. Everything is float64.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from benchmarks.chain import case_name, values
from benchmarks.harness import Entry, Result, enter, race
from benchmarks.profiles import Profile

ABOUT = "a chain of arithmetic, y*w + x/2 - w / (1 + y*y), forward and backward, per operation"
STEPS, OPS_PER_STEP = 5, 7
TOLERANCE = 1e-9


def chain(y: Any, w: Any) -> Any:
    half = y * 0.5
    for _ in range(STEPS):
        y = y * w + half - w / (1.0 + y * y)
    return y.sum()


def numpy_entry(x: np.ndarray, w: np.ndarray) -> Entry:
    def run() -> tuple[Any, Any, Any]:
        y, half, kept = x, x * 0.5, []
        for _ in range(STEPS):
            q = 1.0 + y * y
            s = w / q
            kept.append((y, q, s))
            y = y * w + half - s
        g = np.ones_like(x)
        dw, dhalf = np.zeros_like(x), np.zeros_like(x)
        for before, q, s in reversed(kept):
            dw += g * (before - 1.0 / q)
            dhalf += g
            g = g * (w + 2.0 * before * s / q)
        return y.sum(), g + 0.5 * dhalf, dw

    return Entry(run, lambda: list(run()))


def tinygraph_entry(x_value: np.ndarray, w_value: np.ndarray) -> Entry:
    import tinygraph as tg

    x, w = tg.Tensor(x_value), tg.Tensor(w_value)

    def run() -> Any:
        x.zero_grad()
        w.zero_grad()
        loss = chain(x, w)
        loss.backward(retain_graph=False)
        return loss

    return Entry(run, lambda: [run().data, x.grad, w.grad])


def compiled_entry(x: np.ndarray, w: np.ndarray, jit: bool = False) -> Entry:
    import tinygraph as tg

    compiled = tg.compile(tg.value_and_grad(chain, argnums=(0, 1)), strict=True, jit=jit)

    def check() -> list[np.ndarray]:
        for _ in range(20):  # until it is known which rendering is the fastest
            value, grads = compiled(x, w)
        return [value, *grads]

    return Entry(lambda: compiled(x, w), check)


def jit_entry(x: np.ndarray, w: np.ndarray) -> Entry:
    return compiled_entry(x, w, jit=True)


def torch_entry(x_value: np.ndarray, w_value: np.ndarray) -> Entry:
    import torch

    x, w = torch.tensor(x_value, requires_grad=True), torch.tensor(w_value, requires_grad=True)

    def run() -> Any:
        x.grad = w.grad = None
        loss = chain(x, w)
        loss.backward()
        return loss

    return Entry(run, lambda: [run().detach().numpy(), x.grad.numpy(), w.grad.numpy()])


def jax_entry(x_value: np.ndarray, w_value: np.ndarray) -> Entry:
    import jax
    import jax.numpy as jnp

    loss_and_grad = jax.jit(jax.value_and_grad(chain, argnums=(0, 1)))
    x, w = jnp.asarray(x_value), jnp.asarray(w_value)

    def run() -> Any:
        return jax.block_until_ready(loss_and_grad(x, w))

    def check() -> list[np.ndarray]:
        value, grads = run()
        return [np.asarray(value), *map(np.asarray, grads)]

    return Entry(run, check)


MAKERS: dict[str, Callable[[np.ndarray, np.ndarray], Entry]] = {
    "numpy": numpy_entry,
    "tinygraph": tinygraph_entry,
    "tinygraph-compiled": compiled_entry,
    "tinygraph-jit": jit_entry,
    "torch": torch_entry,
    "jax": jax_entry,
}


def run(profile: Profile, names: Iterable[str]) -> Iterable[Result]:
    """Yield one Result for each size: those of the chain of tanh, and ten times the largest."""
    sizes = [size for size in profile.chain_sizes if size]
    for size in (*sizes, 10 * sizes[-1]):
        result = Result("arithmetic", case_name(size), operations=STEPS * OPS_PER_STEP)
        x, w = values(size)
        makers = {name: lambda make=make, x=x, w=w: make(x, w) for name, make in MAKERS.items()}
        yield race(result, enter(makers, names, result, TOLERANCE), profile)
