"""y' = tanh(W y), many steps of the midpoint rule, and the gradient of a loss of the whole path by W and y(0); float64.

tinygraph takes part with `scan`, with that compiled, with and without numba, and with a Python loop; JAX with
`lax.scan`; others with loops.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from benchmarks.harness import SEED, Entry, Result, enter, race
from benchmarks.profiles import Profile

ABOUT = "an ordinary differential equation and the gradient through its solver, a step"
TOLERANCE = 1e-9
SIZES = (4, 64)
H = 0.01

Gradient = Callable[[np.ndarray, np.ndarray, int], Callable[[], Any]]


def midpoint(tanh: Any, w: Any, y: Any) -> Any:
    return y + H * tanh(w @ (y + 0.5 * H * tanh(w @ y)))


def numpy_gradient(w: np.ndarray, y: np.ndarray, steps: int) -> Callable[[], Any]:
    def run() -> Any:
        now, kept, path = y, [], np.empty((steps, y.size))
        for t in range(steps):
            half = np.tanh(w @ now)
            middle = now + 0.5 * H * half
            slope = np.tanh(w @ middle)
            kept.append((now, half, middle, slope))
            now = now + H * slope
            path[t] = now
        dpath, dy, dw = path * (2.0 / path.size), np.zeros_like(y), np.zeros_like(w)
        for t in range(steps - 1, -1, -1):
            before, half, middle, slope = kept[t]
            dy = dy + dpath[t]
            dz = dy * H * (1.0 - slope * slope)
            dmiddle = dz @ w
            dw += dz[:, None] * middle
            dz = dmiddle * (0.5 * H) * (1.0 - half * half)
            dw += dz[:, None] * before
            dy = dy + dmiddle + dz @ w
        return (path * path).mean(), (dw, dy)

    return run


def _loop(tanh: Any, stack: Any) -> Callable[..., Any]:
    def loss(w: Any, y: Any, steps: int) -> Any:
        path = []
        for _ in range(steps):
            y = midpoint(tanh, w, y)
            path.append(y)
        return (stack(path) ** 2).mean()

    return loss


def _scanned(scan: Any, tanh: Any) -> Callable[..., Any]:
    def loss(w: Any, y: Any, steps: int) -> Any:
        def step(y: Any, _: Any) -> Any:
            y = midpoint(tanh, w, y)
            return y, y

        return (scan(step, y, None, length=steps)[1] ** 2).mean()

    return loss


def tinygraph_loop_gradient(w: np.ndarray, y: np.ndarray, steps: int) -> Callable[[], Any]:
    import tinygraph as tg

    gradient = tg.value_and_grad(_loop(np.tanh, np.stack), (0, 1))
    return lambda: gradient(w, y, steps)


def tinygraph_gradient(w: np.ndarray, y: np.ndarray, steps: int) -> Callable[[], Any]:
    import tinygraph as tg

    gradient = tg.value_and_grad(_scanned(tg.scan, np.tanh), (0, 1))
    return lambda: gradient(w, y, steps)


def tinygraph_compiled_gradient(w: np.ndarray, y: np.ndarray, steps: int, jit: bool = False) -> Callable[[], Any]:
    import tinygraph as tg

    loss = _scanned(tg.scan, np.tanh)
    gradient = tg.compile(tg.value_and_grad(loss, (0, 1)), strict=True, jit=jit, reorder=jit)
    for _ in range(20 if jit else 0):  # until it is known which rendering is the fastest
        gradient(w, y, steps)
    return lambda: gradient(w, y, steps)


def tinygraph_jit_gradient(w: np.ndarray, y: np.ndarray, steps: int) -> Callable[[], Any]:
    return tinygraph_compiled_gradient(w, y, steps, jit=True)


def torch_gradient(w_value: np.ndarray, y_value: np.ndarray, steps: int) -> Callable[[], Any]:
    import torch

    w, y = torch.tensor(w_value, requires_grad=True), torch.tensor(y_value, requires_grad=True)
    loss = _loop(torch.tanh, torch.stack)

    def run() -> Any:
        value = loss(w, y, steps)
        return value.detach(), torch.autograd.grad(value, (w, y))

    return run


def autograd_gradient(w: np.ndarray, y: np.ndarray, steps: int) -> Callable[[], Any]:
    import autograd
    import autograd.numpy as anp

    loss = _loop(anp.tanh, anp.stack)
    gradient = autograd.value_and_grad(lambda both: loss(both[0], both[1], steps))
    return lambda: gradient((w, y))


def jax_gradient(w: np.ndarray, y: np.ndarray, steps: int) -> Callable[[], Any]:
    import jax

    loss = _scanned(jax.lax.scan, jax.numpy.tanh)
    gradient = jax.jit(jax.value_and_grad(loss, argnums=(0, 1)), static_argnums=2)
    return lambda: jax.block_until_ready(gradient(w, y, steps))


MAKERS: dict[str, Gradient] = {
    "numpy": numpy_gradient,
    "tinygraph": tinygraph_gradient,
    "tinygraph-compiled": tinygraph_compiled_gradient,
    "tinygraph-jit": tinygraph_jit_gradient,
    "tinygraph-loop": tinygraph_loop_gradient,
    "torch": torch_gradient,
    "autograd": autograd_gradient,
    "jax": jax_gradient,
}


def values(n: int) -> tuple[np.ndarray, np.ndarray]:
    """W, whose solutions neither explode nor die away soon, and y(0)."""
    rng = np.random.default_rng(SEED)
    return rng.normal(size=(n, n)) / np.sqrt(n), rng.normal(size=n)


def entry(make: Gradient, n: int, steps: int) -> Entry:
    run = make(*values(n), steps)

    def check() -> list[np.ndarray]:
        value, (dw, dy) = run()
        return [np.asarray(x) for x in (value, dw, dy)]

    return Entry(run, check)


def run(profile: Profile, names: Iterable[str]) -> Iterable[Result]:
    """Yield one Result for each size."""
    steps = 10 * profile.chain_steps
    for n in SIZES:
        result = Result("ode", f"{steps:,} steps, {n} unknowns", steps)
        makers = {name: (lambda make=make, n=n: entry(make, n, steps)) for name, make in MAKERS.items()}
        yield race(result, enter(makers, names, result, TOLERANCE), profile)
