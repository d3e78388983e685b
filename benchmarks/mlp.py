"""One training step of a network: dense layers, ReLU, softmax cross entropy, mean over the batch, Adam.

Everybody starts from the same parameters and sees the same batch. Who has no Adam of its own, or only one that is
compiled with the step, takes the one written by hand in NumPy. tinygraph takes part four times: with the network
written out on Tensors, with the same network made of layers, with loss and gradient compiled, and with the whole step
compiled. The learning rate is tiny, so that thousands of timed steps stay where gradients are ordinary numbers.

The check takes five steps in float64 and compares each loss and how far each parameter went.
"""

import math
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from benchmarks.harness import SEED, Entry, Result, enter, race
from benchmarks.profiles import Profile

ABOUT = "a training step of a network with ReLU, softmax cross entropy and Adam"
TOLERANCE = 1e-6
CHECKED_STEPS = 5
LEARNING_RATE, BETA1, BETA2, EPSILON = 1e-5, 0.9, 0.999, 1e-8

Params = dict[str, np.ndarray]
Step = Callable[[], Any]  # trains once, returns the loss in the contestant's own type


class Task(NamedTuple):
    """Initial parameters W1, b1, W2, ... and a batch."""

    params: Params
    images: np.ndarray
    labels: np.ndarray

    @property
    def layers(self) -> int:
        return len(self.params) // 2

    def copy(self, dtype: type) -> "Task":
        params = {name: p.astype(dtype) for name, p in self.params.items()}
        return Task(params, self.images.astype(dtype), self.labels.copy())


def make_task(widths: tuple[int, ...], batch: int) -> Task:
    rng = np.random.default_rng(SEED)
    params: Params = {}
    for i, (fan_in, fan_out) in enumerate(pairwise(widths), start=1):
        params[f"W{i}"] = rng.normal(0, math.sqrt(2 / fan_in), (fan_in, fan_out))
        params[f"b{i}"] = rng.normal(0, 0.1, fan_out)
    return Task(params, rng.normal(0, 1, (batch, widths[0])), rng.integers(0, widths[-1], batch))


class Adam:
    """Kingma and Ba (2015), in place, with two scratch arrays for each parameter."""

    def __init__(self, params: Params) -> None:
        self.params = params
        self.state = {name: [np.zeros_like(p) for _ in range(4)] for name, p in params.items()}
        self.time = 0

    def step(self, grads: Params) -> None:
        self.time += 1
        rate = LEARNING_RATE / (1 - BETA1**self.time)
        scale = 1 / math.sqrt(1 - BETA2**self.time)
        for name, p in self.params.items():
            g, (m, v, s, t) = grads[name], self.state[name]
            m *= BETA1
            np.multiply(g, 1 - BETA1, out=s)
            m += s
            v *= BETA2
            np.multiply(g, g, out=s)
            s *= 1 - BETA2
            v += s
            np.sqrt(v, out=s)
            s *= scale
            s += EPSILON
            np.multiply(m, rate, out=t)
            t /= s
            np.subtract(p, t, out=p)


def numpy_step(task: Task) -> tuple[Step, Params]:
    params, x, labels = task
    layers, rows = task.layers, np.arange(len(x))
    adam = Adam(params)

    def step() -> Any:
        a, inputs = x, []
        for i in range(1, layers + 1):
            inputs.append(a)
            z = a @ params[f"W{i}"] + params[f"b{i}"]
            if i < layers:
                a = np.maximum(z, 0)
        z -= z.max(axis=1, keepdims=True)
        e = np.exp(z)
        total = e.sum(axis=1, keepdims=True)
        loss = (np.log(total[:, 0]) - z[rows, labels]).mean()

        g = e / total
        g[rows, labels] -= 1
        g /= len(x)
        grads = {}
        for i in range(layers, 0, -1):
            a = inputs[i - 1]
            grads[f"W{i}"] = a.T @ g
            grads[f"b{i}"] = g.sum(axis=0)
            if i > 1:
                g = (g @ params[f"W{i}"].T) * (a > 0)
        adam.step(grads)
        return loss

    return step, params


def tinygraph_step(task: Task) -> tuple[Step, Params]:
    import tinygraph as tg

    values, x, labels = task
    layers = task.layers
    params = {name: tg.Tensor(p, name=name) for name, p in values.items()}
    adam = tg.optim.Adam(params, lr=LEARNING_RATE, betas=(BETA1, BETA2), eps=EPSILON)

    def step() -> Any:
        a = x
        for i in range(1, layers + 1):
            a = a @ params[f"W{i}"] + params[f"b{i}"]
            if i < layers:
                a = tg.relu(a)
        loss = tg.cross_entropy(a, labels)
        adam.zero_grad()
        loss.backward(retain_graph=False)
        adam.step()
        return loss.item()

    return step, values


def tinygraph_whole_step(task: Task) -> tuple[Step, Params]:
    import tinygraph as tg

    values, x, labels = task
    layers = task.layers
    params = {name: tg.Tensor(p, name=name) for name, p in values.items()}
    adam = tg.optim.Adam(params, lr=LEARNING_RATE, betas=(BETA1, BETA2), eps=EPSILON)

    @tg.compile(strict=True)
    def step(x: Any, labels: Any) -> Any:
        a = x
        for i in range(1, layers + 1):
            a = a @ params[f"W{i}"] + params[f"b{i}"]
            if i < layers:
                a = tg.relu(a)
        loss = tg.cross_entropy(a, labels)
        adam.zero_grad()
        loss.backward()
        adam.step()
        return loss.item()

    return lambda: step(x, labels), values


def tinygraph_compiled_step(task: Task) -> tuple[Step, Params]:
    import tinygraph as tg

    values, x, labels = task
    layers = task.layers
    params = {name: tg.Tensor(p, name=name) for name, p in values.items()}
    adam = tg.optim.Adam(params, lr=LEARNING_RATE, betas=(BETA1, BETA2), eps=EPSILON)

    def loss(p: Any, x: Any, labels: Any) -> Any:
        a = x
        for i in range(1, layers + 1):
            a = a @ p[f"W{i}"] + p[f"b{i}"]
            if i < layers:
                a = tg.relu(a)
        return tg.cross_entropy(a, labels)

    loss_and_grad = tg.compile(tg.value_and_grad(loss), strict=True)

    def step() -> Any:
        value, grads = loss_and_grad(values, x, labels)
        for name, p in params.items():
            p.grad = grads[name]
        adam.step()
        return value.item()

    return step, values


def tinygraph_nn_step(task: Task) -> tuple[Step, Params]:
    import tinygraph as tg
    from tinygraph import nn

    values, x, labels = task
    model, state = nn.Sequential(), {}
    for i in range(1, task.layers + 1):
        weight = values[f"W{i}"]
        model.append(nn.Linear(*weight.shape, dtype=weight.dtype))
        state |= {f"{len(model) - 1}.weight": weight.T, f"{len(model) - 1}.bias": values[f"b{i}"]}
        if i < task.layers:
            model.append(nn.ReLU())
    model.load_state_dict(state)
    adam = tg.optim.Adam(model.parameters(), lr=LEARNING_RATE, betas=(BETA1, BETA2), eps=EPSILON)

    def step() -> Any:
        loss = tg.cross_entropy(model(x), labels)
        adam.zero_grad()
        loss.backward(retain_graph=False)
        adam.step()
        return loss.item()

    learned = [p.data for p in model.parameters()]  # updated in place
    return step, {name: a.T for name, a in zip(values, learned, strict=True)}


def autograd_step(task: Task) -> tuple[Step, Params]:
    import autograd.numpy as anp
    from autograd import value_and_grad
    from autograd.scipy.special import logsumexp

    params, x, labels = task
    layers, rows = task.layers, np.arange(len(x))
    adam = Adam(params)

    def loss(params: Any) -> Any:
        a = x
        for i in range(1, layers + 1):
            a = anp.dot(a, params[f"W{i}"]) + params[f"b{i}"]
            if i < layers:
                a = anp.maximum(a, 0)
        return anp.mean(logsumexp(a, axis=1) - a[rows, labels])

    loss_and_grad = value_and_grad(loss)

    def step() -> Any:
        value, grads = loss_and_grad(params)
        adam.step(grads)
        return value

    return step, params


def mygrad_step(task: Task) -> tuple[Step, Params]:
    import mygrad as mg
    from mygrad.nnet.activations import relu
    from mygrad.nnet.losses import softmax_crossentropy

    values, x, labels = task
    layers = task.layers
    params = {name: mg.tensor(p, copy=False) for name, p in values.items()}
    adam = Adam(values)

    def step() -> Any:
        a = x
        for i in range(1, layers + 1):
            a = mg.matmul(a, params[f"W{i}"]) + params[f"b{i}"]
            if i < layers:
                a = relu(a)
        loss = softmax_crossentropy(a, labels)
        for p in params.values():
            p.null_grad()
        loss.backward()
        adam.step({name: p.grad for name, p in params.items()})
        return loss.item()

    return step, values


def torch_step(task: Task, fused: bool | None = None) -> tuple[Step, Params]:
    import torch

    values, layers = task.params, task.layers
    x, labels = torch.from_numpy(task.images), torch.from_numpy(task.labels)
    params = {name: torch.from_numpy(p).requires_grad_() for name, p in values.items()}
    adam = torch.optim.Adam(params.values(), lr=LEARNING_RATE, betas=(BETA1, BETA2), eps=EPSILON, fused=fused)
    cross_entropy, relu = torch.nn.functional.cross_entropy, torch.relu

    def step() -> Any:
        a = x
        for i in range(1, layers + 1):
            a = a @ params[f"W{i}"] + params[f"b{i}"]
            if i < layers:
                a = relu(a)
        loss = cross_entropy(a, labels)
        adam.zero_grad()
        loss.backward()
        adam.step()
        return loss.item()

    return step, values


def torch_fused_step(task: Task) -> tuple[Step, Params]:
    return torch_step(task, fused=True)


def jax_step(task: Task) -> tuple[Step, Params]:
    import jax
    import jax.numpy as jnp

    layers, rows = task.layers, np.arange(len(task.images))
    x, labels = jnp.asarray(task.images), jnp.asarray(task.labels)

    def loss(params: Any, x: Any, labels: Any) -> Any:
        a = x
        for i in range(1, layers + 1):
            a = a @ params[f"W{i}"] + params[f"b{i}"]
            if i < layers:
                a = jax.nn.relu(a)
        return jnp.mean(jax.nn.logsumexp(a, axis=1) - a[rows, labels])

    return jax_adam(loss, task.params, x, labels)


def jax_adam(loss: Callable[..., Any], start: Params, x: Any, labels: Any) -> tuple[Step, Params]:
    """Steps of Adam on a loss of parameters and a batch, each compiled as a whole."""
    import jax
    import jax.numpy as jnp

    def update(state: Any, x: Any, labels: Any) -> Any:
        params, m, v, time = state
        value, g = jax.value_and_grad(loss)(params, x, labels)
        time = time + 1
        each = jax.tree.map
        m = each(lambda m, g: BETA1 * m + (1 - BETA1) * g, m, g)
        v = each(lambda v, g: BETA2 * v + (1 - BETA2) * g * g, v, g)
        rate, root = LEARNING_RATE / (1 - BETA1**time), jnp.sqrt(1 - BETA2**time)
        params = each(lambda p, m, v: p - rate * m / (jnp.sqrt(v) / root + EPSILON), params, m, v)
        return (params, m, v, time), value

    params = {name: jnp.array(p) for name, p in start.items()}
    zeros = jax.tree.map(jnp.zeros_like, params), jax.tree.map(jnp.zeros_like, params)
    state = (params, *zeros, jnp.zeros((), x.dtype))
    jitted = jax.jit(update, donate_argnums=0)

    def step() -> Any:
        nonlocal state
        state, value = jitted(state, x, labels)
        jax.block_until_ready(state)
        for name, p in state[0].items():
            start[name] = p  # a reference, not a copy
        return value.item()

    return step, start


STEPS: dict[str, Callable[[Task], tuple[Step, Params]]] = {
    "numpy": numpy_step,
    "tinygraph": tinygraph_step,
    "tinygraph-nn": tinygraph_nn_step,
    "tinygraph-compiled": tinygraph_compiled_step,
    "tinygraph-step": tinygraph_whole_step,
    "torch": torch_step,
    "torch-fused": torch_fused_step,
    "autograd": autograd_step,
    "mygrad": mygrad_step,
    "jax": jax_step,
}


def entry(make: Callable[[Task], tuple[Step, Params]], task: Task, dtype: str = "float32") -> Entry:
    """Time in a dtype; check the same code in float64, where rounding hides nothing."""

    def check() -> list[np.ndarray]:
        step, params = make(task.copy(np.float64))
        losses = np.array([float(step()) for _ in range(CHECKED_STEPS)])
        return [losses, *(np.asarray(params[name]) - task.params[name] for name in task.params)]

    step, _ = make(task.copy(np.dtype(dtype).type))
    return Entry(step, check)


def run(profile: Profile, names: Iterable[str]) -> Iterable[Result]:
    """Yield one Result for each network and batch."""
    for widths in profile.networks:
        for batch in profile.batches:
            task = make_task(widths, batch)
            result = Result("mlp", f"{'-'.join(map(str, widths))}, batch {batch}", operations=1)
            makers = {
                name: lambda make=make, task=task: entry(make, task, profile.dtype) for name, make in STEPS.items()
            }
            yield race(result, enter(makers, names, result, TOLERANCE), profile)
