"""A chain of `x = tanh(x*w + w)`: forward, backward to x and w, and freeing the graph; time per operation.

One step is three operations. Everything is float64. `million` runs the same chains, longer.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from benchmarks.harness import SEED, Entry, Result, enter, race
from benchmarks.profiles import Profile

ABOUT = "a chain of x = tanh(x*w + w), forward and backward, per operation"
OPS_PER_STEP = 3
TOLERANCE = 1e-9


def numpy_entry(x: np.ndarray, w: np.ndarray, steps: int) -> Entry:
    def run() -> tuple[Any, Any, Any]:
        y, ys = x, [x]
        for _ in range(steps):
            y = np.tanh(y * w + w)
            ys.append(y)
        loss = y.sum()
        g = np.ones_like(x)
        w_grad = np.zeros_like(x)
        while len(ys) > 1:
            y = ys.pop()
            g = g * (1 - y * y)
            w_grad += g * ys[-1] + g
            g = g * w
        return loss, g, w_grad

    return Entry(run, lambda: list(run()))


def tinygraph_entry(x_value: np.ndarray, w_value: np.ndarray, steps: int) -> Entry:
    import tinygraph as tg

    x, w = tg.Tensor(x_value, requires_grad=True), tg.Tensor(w_value, requires_grad=True)

    def run() -> Any:
        x.zero_grad()
        w.zero_grad()
        y = x
        for _ in range(steps):
            y = np.tanh(y * w + w)
        loss = y.sum()
        loss.backward(retain_graph=False)
        return loss

    return Entry(run, lambda: [run().data, x.grad, w.grad])


def compiled_entry(x: np.ndarray, w: np.ndarray, steps: int) -> Entry:
    import tinygraph as tg

    def loss(y: Any, w: Any) -> Any:
        for _ in range(steps):
            y = np.tanh(y * w + w)
        return y.sum()

    compiled = tg.compile(tg.value_and_grad(loss, argnums=(0, 1)), strict=True)

    def check() -> list[np.ndarray]:
        for _ in range(20):  # until it is known which rendering is the fastest
            value, grads = compiled(x, w)
        return [value, *grads]

    return Entry(lambda: compiled(x, w), check)


def torch_entry(x_value: np.ndarray, w_value: np.ndarray, steps: int) -> Entry:
    import torch

    x, w = torch.tensor(x_value, requires_grad=True), torch.tensor(w_value, requires_grad=True)

    def run() -> Any:
        x.grad = w.grad = None
        y = x
        for _ in range(steps):
            y = torch.tanh(y * w + w)
        loss = y.sum()
        loss.backward()
        return loss

    return Entry(run, lambda: [run().detach().numpy(), x.grad.numpy(), w.grad.numpy()])


def autograd_entry(x: np.ndarray, w: np.ndarray, steps: int) -> Entry:
    import autograd.numpy as anp
    from autograd import value_and_grad

    def loss(arguments: tuple[Any, Any]) -> Any:
        y, w = arguments
        for _ in range(steps):
            y = anp.tanh(y * w + w)
        return anp.sum(y)

    loss_and_grad = value_and_grad(loss)

    def check() -> list[np.ndarray]:
        value, grads = loss_and_grad((x, w))
        return [value, *grads]

    return Entry(lambda: loss_and_grad((x, w)), check)


def mygrad_entry(x_value: np.ndarray, w_value: np.ndarray, steps: int) -> Entry:
    import mygrad as mg

    x, w = mg.tensor(x_value), mg.tensor(w_value)

    def run() -> Any:
        x.null_grad()
        w.null_grad()
        y = x
        for _ in range(steps):
            y = mg.tanh(y * w + w)
        loss = y.sum()
        loss.backward()
        return loss

    return Entry(run, lambda: [run().data, x.grad, w.grad])


def micrograd_entry(x_value: np.ndarray, w_value: np.ndarray, steps: int) -> Entry:
    from micrograd.engine import Value

    def tanh(x: Any) -> Any:
        """micrograd has no tanh; this is how its author adds one."""
        out = Value(math.tanh(x.data), (x,), "tanh")

        def _backward() -> None:
            x.grad += (1 - out.data**2) * out.grad

        out._backward = _backward
        return out

    def run() -> tuple[Any, Any, Any]:
        x, w = Value(float(x_value)), Value(float(w_value))
        y = x
        for _ in range(steps):
            y = tanh(y * w + w)
        y.backward()
        return y.data, x.grad, w.grad

    return Entry(run, lambda: [np.array(v) for v in run()])


def jax_entry(x_value: np.ndarray, w_value: np.ndarray, steps: int) -> Entry:
    import jax
    import jax.numpy as jnp

    def loss(y: Any, w: Any) -> Any:
        for _ in range(steps):
            y = jnp.tanh(y * w + w)
        return y.sum()

    loss_and_grad = jax.jit(jax.value_and_grad(loss, argnums=(0, 1)))
    x, w = jnp.asarray(x_value), jnp.asarray(w_value)

    def run() -> Any:
        return jax.block_until_ready(loss_and_grad(x, w))

    def check() -> list[np.ndarray]:
        value, grads = run()
        return [np.asarray(value), *map(np.asarray, grads)]

    return Entry(run, check)


MAKERS: dict[str, Callable[[np.ndarray, np.ndarray, int], Entry]] = {
    "numpy": numpy_entry,
    "tinygraph": tinygraph_entry,
    "tinygraph-compiled": compiled_entry,
    "torch": torch_entry,
    "autograd": autograd_entry,
    "mygrad": mygrad_entry,
    "micrograd": micrograd_entry,
    "jax": jax_entry,
}


def values(size: int) -> tuple[np.ndarray, np.ndarray]:
    """x and w; a negative w near 1 keeps the gradient of a long chain away from zero. Size 0 stands for 0-d."""
    rng = np.random.default_rng(SEED)
    shape = (size,) if size else ()
    return np.asarray(rng.uniform(-1, 1, shape)), np.asarray(rng.uniform(-1.3, -1.1, shape))


def case_name(size: int) -> str:
    return f"{size:,} elements" if size else "0-d"


def run(profile: Profile, names: Iterable[str]) -> Iterable[Result]:
    """Yield one Result for each size."""
    for size in profile.chain_sizes:
        result = Result("chain", case_name(size), operations=OPS_PER_STEP * profile.chain_steps)
        x, w = values(size)
        makers = {
            name: lambda make=make, x=x, w=w: make(x, w, profile.chain_steps)
            for name, make in MAKERS.items()
            if not (size and name == "micrograd")
        }
        yield race(result, enter(makers, names, result, TOLERANCE), profile)
