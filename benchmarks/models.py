"""A training step of whole models of the course's size, with Adam.

tinygraph and PyTorch make the model by the same lines, begin in the same state and see the same batch. tinygraph takes
part three times: as it records, with the whole step compiled, and compiled with numba. The dense networks are also
written by hand in NumPy, and for JAX, which compiles the whole step. The check takes five steps in float64 and compares
each loss and how far each parameter went.
"""

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from benchmarks import mlp
from benchmarks.harness import SEED, Entry, Result, enter, race
from benchmarks.mlp import BETA1, BETA2, CHECKED_STEPS, EPSILON, LEARNING_RATE
from benchmarks.profiles import Profile

ABOUT = "a training step of whole models with Adam"
TOLERANCE = 1e-6

Params = dict[str, np.ndarray]
Step = Callable[[], Any]  # trains once, returns the loss


class Case(NamedTuple):
    """`make` makes the model of tinygraph's or PyTorch's `nn`; x is normal, y a class or, of two classes, 0 or 1.

    `dense` are the widths and the activation of a plain chain of layers, which is also written by hand.
    """

    make: Callable[[Any], Any]
    shape: tuple[int, ...]
    classes: int
    dense: tuple[tuple[int, ...], str] | None = None


def chain(widths: tuple[int, ...], activation: str, batch: int) -> Case:
    """Linear layers with an activation between them; one number at the end tells two classes apart."""

    def make(nn: Any) -> Any:
        layers: list[Any] = []
        for n_in, n_out in pairwise(widths):
            layers += [nn.Linear(n_in, n_out), getattr(nn, activation)()]
        return nn.Sequential(*layers[:-1])

    return Case(make, (batch, widths[0]), 2 if widths[-1] == 1 else widths[-1], (widths, activation))


def lenet(nn: Any) -> Any:
    """LeCun et al. (1998), with ReLU and largest values."""
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(400, 120),
        nn.ReLU(),
        nn.Linear(120, 84),
        nn.ReLU(),
        nn.Linear(84, 10),
    )


def residual(nn: Any) -> Any:
    """Three stages of one block each (He et al., 2015)."""

    class Block(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self, c: int) -> None:
            super().__init__()
            self.convs = nn.Sequential(
                nn.Conv2d(c, c, 3, padding=1, bias=False), nn.BatchNorm2d(c), nn.ReLU(), nn.Conv2d(c, c, 3, padding=1)
            )

        def forward(self, x: Any) -> Any:
            return self.convs(x) + x

    def stage(before: int, after: int) -> list[Any]:
        return [nn.Conv2d(before, after, 3, padding=1), nn.ReLU(), Block(after), nn.MaxPool2d(2)]

    return nn.Sequential(*stage(3, 8), *stage(8, 16), *stage(16, 32), nn.Flatten(), nn.Linear(32 * 16, 10))


def recurrent(nn: Any) -> Any:
    """An LSTM of 100 steps, and a linear layer on its last state."""

    class Last(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.lstm, self.linear = nn.LSTM(16, 64), nn.Linear(64, 10)

        def forward(self, x: Any) -> Any:
            out, _ = self.lstm(x.swapaxes(0, 1))
            return self.linear(out[-1])

    return Last()


def transformer(nn: Any) -> Any:
    """Two layers of self-attention over 32 places, and the mean over the places."""

    class Mean(nn.Module):  # type: ignore[misc, name-defined]
        def forward(self, x: Any) -> Any:
            return x.mean(1)

    def layer() -> Any:
        return nn.TransformerEncoderLayer(64, 4, 128, dropout=0.0, batch_first=True)

    return nn.Sequential(layer(), layer(), Mean(), nn.Linear(64, 10))


MODELS = {
    "logistic regression 10, batch 32": chain((10, 1), "ReLU", 32),
    "logistic regression 30, batch 1000": chain((30, 1), "ReLU", 1000),
    "2-4-1, tanh, batch 400": chain((2, 4, 1), "Tanh", 400),
    "64-64-10, batch 1024": chain((64, 64, 10), "ReLU", 1024),
    "784-128-64-10, batch 1024": chain((784, 128, 64, 10), "ReLU", 1024),
    "12288-20-7-5-1, batch 209": chain((12288, 20, 7, 5, 1), "ReLU", 209),
    "LeNet, batch 64": Case(lenet, (64, 1, 28, 28), 10),
    "residual network, batch 32": Case(residual, (32, 3, 32, 32), 10),
    "LSTM of 100 steps, batch 32": Case(recurrent, (32, 100, 16), 10),
    "Transformer, batch 32": Case(transformer, (32, 32, 64), 10),
}
TINY = ("logistic regression 10, batch 32", "2-4-1, tanh, batch 400")


class Task(NamedTuple):
    """A case with its numbers."""

    case: Case
    state: Params
    x: np.ndarray
    y: np.ndarray

    def astype(self, dtype: type) -> "Task":
        state = {name: a.astype(dtype) if a.dtype.kind == "f" else a.copy() for name, a in self.state.items()}
        return Task(self.case, state, self.x.astype(dtype), self.y.astype(dtype) if self.case.classes == 2 else self.y)


def task_of(case: Case) -> Task:
    from tinygraph import nn

    nn.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    state = {name: np.array(a) for name, a in case.make(nn).state_dict().items()}
    y = rng.integers(0, case.classes, case.shape[0])
    return Task(case, state, rng.normal(size=case.shape), y[:, None] if case.classes == 2 else y)


def tinygraph_model(task: Task) -> tuple[Any, Callable[[Any, Any], Any], Any]:
    import tinygraph as tg
    from tinygraph import nn

    model = task.case.make(nn).astype(task.x.dtype)
    model.load_state_dict(task.state)
    loss = tg.binary_cross_entropy_with_logits if task.case.classes == 2 else tg.cross_entropy
    adam = tg.optim.Adam(model.parameters(), lr=LEARNING_RATE, betas=(BETA1, BETA2), eps=EPSILON)
    return model, loss, adam


def tinygraph_step(task: Task) -> tuple[Step, Params]:
    model, loss_of, adam = tinygraph_model(task)
    x, y = task.x, task.y

    def step() -> Any:
        loss = loss_of(model(x), y)
        adam.zero_grad()
        loss.backward(retain_graph=False)
        adam.step()
        return loss.item()

    return step, {name: p.data for name, p in model.named_parameters()}


def tinygraph_compiled_step(task: Task, jit: bool = False) -> tuple[Step, Params]:
    import tinygraph as tg

    model, loss_of, adam = tinygraph_model(task)
    x, y = task.x, task.y

    def train(x: Any, y: Any) -> Any:
        loss = loss_of(model(x), y)
        adam.zero_grad()
        loss.backward(retain_graph=False)
        adam.step()
        return loss

    compiled = tg.compile(train, strict=True, jit=jit)
    return lambda: compiled(x, y).item(), {name: p.data for name, p in model.named_parameters()}


def tinygraph_jit_step(task: Task) -> tuple[Step, Params]:
    return tinygraph_compiled_step(task, jit=True)


def torch_step(task: Task, fused: bool | None = None, compiled: bool = False) -> tuple[Step, Params]:
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

    x, y = torch.from_numpy(task.x), torch.from_numpy(task.y)
    model = task.case.make(torch.nn).to(x.dtype)
    model.load_state_dict({name: torch.from_numpy(np.array(a)) for name, a in task.state.items()})
    loss_of = binary_cross_entropy_with_logits if task.case.classes == 2 else cross_entropy
    adam = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE, betas=(BETA1, BETA2), eps=EPSILON, fused=fused)

    run = torch.compile(model) if compiled else model

    def step() -> Any:
        loss = loss_of(run(x), y)
        adam.zero_grad()
        loss.backward()
        adam.step()
        return loss.item()

    return step, {name: p.detach().numpy() for name, p in model.named_parameters()}


def torch_fused_step(task: Task) -> tuple[Step, Params]:
    return torch_step(task, fused=True)


def torch_compiled_step(task: Task) -> tuple[Step, Params]:
    """The model, and with it its derivative, by `torch.compile`, which needs a compiler of C++."""
    return torch_step(task, fused=True, compiled=True)


def _layers(task: Task) -> list[str]:
    """The names of the linear layers of a dense network."""
    return [name.partition(".")[0] for name in task.state if name.endswith("weight")]


def numpy_step(task: Task) -> tuple[Step, Params]:
    assert task.case.dense is not None
    p, x, y, layers = task.state, task.x, task.y, _layers(task)
    tanh, two = task.case.dense[1] == "Tanh", task.case.classes == 2
    adam, rows = mlp.Adam(p), np.arange(len(x))

    def step() -> Any:
        a, inputs = x, []
        for name in layers:
            inputs.append(a)
            z = a @ p[name + ".weight"].T + p[name + ".bias"]
            a = np.tanh(z) if tanh else np.maximum(z, 0)
        if two:
            e = np.exp(-np.abs(z))
            loss = (np.maximum(z, 0) - z * y + np.log1p(e)).mean()
            g = (np.where(z >= 0, 1, e) / (1 + e) - y) / len(x)
        else:
            z -= z.max(axis=1, keepdims=True)
            e = np.exp(z)
            total = e.sum(axis=1, keepdims=True)
            loss = (np.log(total[:, 0]) - z[rows, y]).mean()
            g = e / total
            g[rows, y] -= 1
            g /= len(x)
        grads = {}
        for name, a in zip(reversed(layers), reversed(inputs), strict=True):
            grads[name + ".weight"] = g.T @ a
            grads[name + ".bias"] = g.sum(axis=0)
            if a is not x:
                g = g @ p[name + ".weight"]
                g *= (1 - a * a) if tanh else (a > 0)
        adam.step(grads)
        return loss

    return step, p


def jax_step(task: Task) -> tuple[Step, Params]:
    import jax
    import jax.numpy as jnp

    assert task.case.dense is not None
    x, y, layers = jnp.asarray(task.x), jnp.asarray(task.y), _layers(task)
    activation = jnp.tanh if task.case.dense[1] == "Tanh" else jax.nn.relu
    two, rows = task.case.classes == 2, np.arange(len(task.x))

    def loss(p: Any, x: Any, y: Any) -> Any:
        for i, name in enumerate(layers):
            x = (activation(x) if i else x) @ p[name + ".weight"].T + p[name + ".bias"]
        if two:
            return jnp.mean(jax.nn.softplus(x) - x * y)
        return jnp.mean(jax.nn.logsumexp(x, axis=1) - x[rows, y])

    return mlp.jax_adam(loss, task.state, x, y)


STEPS: dict[str, Callable[[Task], tuple[Step, Params]]] = {
    "numpy": numpy_step,
    "tinygraph": tinygraph_step,
    "tinygraph-compiled": tinygraph_compiled_step,
    "tinygraph-jit": tinygraph_jit_step,
    "torch": torch_step,
    "torch-fused": torch_fused_step,
    "torch-compiled": torch_compiled_step,
    "jax": jax_step,
}
BY_HAND = ("numpy", "jax")


def entry(make: Callable[[Task], tuple[Step, Params]], task: Task, dtype: str = "float32") -> Entry:
    """Time in a dtype; check the same code in float64, where rounding hides nothing."""

    def check() -> list[np.ndarray]:
        step, params = make(task.astype(np.float64))
        losses = np.array([float(step()) for _ in range(CHECKED_STEPS)])
        return [losses, *(np.asarray(params[name]) - task.state[name] for name in params)]

    step, _ = make(task.astype(np.dtype(dtype).type))
    return Entry(step, check)


def run(profile: Profile, names: Iterable[str]) -> Iterable[Result]:
    """Yield one Result for each model."""
    for name in MODELS if profile.models else TINY:
        task = task_of(MODELS[name])
        result = Result("models", name, operations=1)
        makers = {
            who: lambda make=make, task=task: entry(make, task, profile.dtype)
            for who, make in STEPS.items()
            if task.case.dense or who not in BY_HAND
        }
        yield race(result, enter(makers, names, result, TOLERANCE), profile)
