"""The gradients of a dense network for each example of a batch; float32.

By hand they are the outer products that a reverse pass would add up. tinygraph takes part with `vmap` of `grad`, with
that compiled, and with a Python loop over the examples; PyTorch and JAX with what they call the same. The check
compares all gradients in float64.
"""

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from benchmarks.harness import SEED, Entry, Result, enter, race
from benchmarks.profiles import Profile

ABOUT = "the gradients of a network for each example of a batch, float32"
TOLERANCE = 1e-6

Arrays = list[np.ndarray]
Params = list[tuple[Any, Any]]


class Task(NamedTuple):
    """Weights and biases of each layer, inputs and their classes."""

    params: Params
    x: np.ndarray
    y: np.ndarray

    def astype(self, dtype: type) -> "Task":
        return Task([(w.astype(dtype), b.astype(dtype)) for w, b in self.params], self.x.astype(dtype), self.y)


def make_task(sizes: tuple[int, ...], batch: int) -> Task:
    rng = np.random.default_rng(SEED)
    params = [(rng.normal(size=(n, m)) / np.sqrt(n), rng.normal(size=m)) for n, m in pairwise(sizes)]
    return Task(params, rng.normal(size=(batch, sizes[0])), rng.integers(0, sizes[-1], batch))


def logits(np: Any, params: Params, x: Any) -> Any:
    for w, b in params[:-1]:
        x = np.maximum(x @ w + b, 0.0)
    w, b = params[-1]
    return x @ w + b


def flat(found: Iterable[tuple[Any, Any]]) -> Arrays:
    return [np.asarray(g) for pair in found for g in pair]


def numpy_gradients(task: Task) -> Callable[[], Any]:
    def run() -> Any:
        layers, a = [], task.x
        for w, b in task.params[:-1]:
            layers.append(a)
            a = np.maximum(a @ w + b, 0.0)
        layers.append(a)
        z = a @ task.params[-1][0] + task.params[-1][1]
        e = np.exp(z - z.max(1, keepdims=True))
        dz = e / e.sum(1, keepdims=True)
        dz[np.arange(len(dz)), task.y] -= 1.0
        found = []
        for (w, _), a in zip(reversed(task.params), reversed(layers), strict=True):
            found.append((a[:, :, None] * dz[:, None, :], dz))
            dz = (dz @ w.T) * (a > 0.0)
        return found[::-1]

    return run


def _tinygraph_loss(params: Params, x: Any, y: Any) -> Any:
    import tinygraph as tg

    return tg.cross_entropy(logits(np, params, x)[None], y[None])


def tinygraph_gradients(task: Task) -> Callable[[], Any]:
    import tinygraph as tg

    of_each = tg.vmap(tg.grad(_tinygraph_loss), in_axes=(None, 0, 0))
    return lambda: of_each(*task)


def tinygraph_compiled_gradients(task: Task) -> Callable[[], Any]:
    import tinygraph as tg

    of_each = tg.compile(tg.vmap(tg.grad(_tinygraph_loss), in_axes=(None, 0, 0)))
    return lambda: of_each(*task)


def tinygraph_loop_gradients(task: Task) -> Callable[[], Any]:
    import tinygraph as tg

    gradient = tg.grad(_tinygraph_loss)

    def run() -> Any:
        each = [gradient(task.params, x, y) for x, y in zip(task.x, task.y, strict=True)]
        return [tuple(np.stack([g[i][j] for g in each]) for j in range(2)) for i in range(len(task.params))]

    return run


def torch_gradients(task: Task) -> Callable[[], Any]:
    import torch

    def loss(params: Params, x: Any, y: Any) -> Any:
        for w, b in params[:-1]:
            x = torch.relu(x @ w + b)
        w, b = params[-1]
        return torch.nn.functional.cross_entropy((x @ w + b)[None], y[None])

    params = [(torch.tensor(w), torch.tensor(b)) for w, b in task.params]
    x, y = torch.tensor(task.x), torch.tensor(task.y)
    of_each = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0, 0))
    return lambda: of_each(params, x, y)


def jax_gradients(task: Task) -> Callable[[], Any]:
    import jax

    def loss(params: Params, x: Any, y: Any) -> Any:
        return -jax.nn.log_softmax(logits(jax.numpy, params, x))[y]

    of_each = jax.jit(jax.vmap(jax.grad(loss), in_axes=(None, 0, 0)))
    params, x, y = jax.device_put(tuple(task))
    return lambda: jax.block_until_ready(of_each(params, x, y))


MAKERS: dict[str, Callable[[Task], Callable[[], Any]]] = {
    "numpy": numpy_gradients,
    "tinygraph": tinygraph_gradients,
    "tinygraph-compiled": tinygraph_compiled_gradients,
    "tinygraph-loop": tinygraph_loop_gradients,
    "torch": torch_gradients,
    "jax": jax_gradients,
}


def entry(make: Callable[[Task], Callable[[], Any]], task: Task) -> Entry:
    """What is timed is in float32, what is checked in float64."""
    return Entry(make(task.astype(np.float32)), lambda: flat(make(task.astype(np.float64))()))


def run(profile: Profile, names: Iterable[str]) -> Iterable[Result]:
    for sizes in profile.networks:
        batch = profile.batches[-1]
        task = make_task(sizes, batch)
        result = Result("vmap", f"{'-'.join(map(str, sizes))}, batch {batch}", 1)
        makers = {name: (lambda make=make, task=task: entry(make, task)) for name, make in MAKERS.items()}
        yield race(result, enter(makers, names, result, TOLERANCE), profile)
