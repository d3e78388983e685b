"""One step of each optimizer on the parameters of a network, with gradients that are there already; float32.

PyTorch takes part as it comes, with `foreach` (one call for all parameters) and, where it has one, with its fused
kernel. By hand each parameter is updated in place. The learning rate is tiny and the gradients stay the same, so that
thousands of timed steps do what the first does. The check takes five steps in float64 and compares how far each
parameter went.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from benchmarks.harness import SEED, Entry, Result, enter, race
from benchmarks.mlp import CHECKED_STEPS, LEARNING_RATE, Adam, Params, make_task
from benchmarks.profiles import Profile

ABOUT = "one step of each optimizer on the parameters of a network, float32"
TOLERANCE = 1e-9

Step = Callable[[], Any]


class Case(NamedTuple):
    """An optimizer by the name that it has in tinygraph, `options` and all, and by PyTorch's where that is another."""

    name: str
    options: dict[str, Any] = {}  # noqa: RUF012  a default that nobody writes to
    torch: tuple[str, dict[str, Any]] | None = None
    hand: Callable[[Params, Params], Step] | None = None

    def __str__(self) -> str:
        return ", ".join([self.name, *(f"{key}={value}" for key, value in self.options.items())])


def adam_by_hand(params: Params, grads: Params) -> Step:
    adam = Adam(params)
    return lambda: adam.step(grads)


def sgd_by_hand(params: Params, grads: Params) -> Step:
    def step() -> None:
        for name, p in params.items():
            p -= LEARNING_RATE * grads[name]

    return step


def momentum_by_hand(params: Params, grads: Params) -> Step:
    state = {name: np.zeros_like(p) for name, p in params.items()}

    def step() -> None:
        for name, p in params.items():
            v = state[name]
            v *= 0.9
            v += 0.1 * grads[name]
            p -= LEARNING_RATE * v

    return step


def lion_by_hand(params: Params, grads: Params) -> Step:
    state = {name: np.zeros_like(p) for name, p in params.items()}

    def step() -> None:
        for name, p in params.items():
            g, m = grads[name], state[name]
            p -= LEARNING_RATE * np.sign(0.9 * m + 0.1 * g)
            m *= 0.99
            m += 0.01 * g

    return step


OPTIMIZERS = (
    Case("SGD", hand=sgd_by_hand),
    Case("SGD", {"momentum": 0.9}),
    Case("SGD", {"momentum": 0.9, "nesterov": True}),
    Case("Momentum", {"beta": 0.9}, hand=momentum_by_hand),
    Case("RMSprop"),
    Case("Adagrad"),
    Case("Adadelta"),
    Case("Adam", hand=adam_by_hand),
    Case("AMSGrad", torch=("Adam", {"amsgrad": True})),
    Case("AdamW"),
    Case("Lion", hand=lion_by_hand),
)


def tinygraph_step(case: Case, params: Params, grads: Params) -> Step:
    import tinygraph as tg

    tensors = {name: tg.Tensor(p) for name, p in params.items()}
    for name, t in tensors.items():
        t.grad = grads[name]
    return getattr(tg.optim, case.name)(tensors, lr=LEARNING_RATE, **case.options).step


def torch_step(case: Case, params: Params, grads: Params, **how: bool) -> Step:
    import torch

    name, options = case.torch or (case.name, case.options)
    tensors = {name: torch.from_numpy(p).requires_grad_() for name, p in params.items()}
    for key, t in tensors.items():
        t.grad = torch.from_numpy(grads[key])
    return getattr(torch.optim, name)(tensors.values(), lr=LEARNING_RATE, **options, **how).step


def numpy_step(case: Case, params: Params, grads: Params) -> Step:
    hand: Any = case.hand
    return hand(params, grads)


STEPS: dict[str, Callable[[Case, Params, Params], Step]] = {
    "numpy": numpy_step,
    "tinygraph": tinygraph_step,
    "torch": torch_step,
    "torch-foreach": lambda *given: torch_step(*given, foreach=True),
    "torch-fused": lambda *given: torch_step(*given, fused=True),
}
FUSED = {"SGD", "Adagrad", "Adam", "AMSGrad", "AdamW"}  # those of which PyTorch has a fused kernel
NOT_IN_TORCH = {"Momentum", "Lion"}


def makers_of(case: Case, params: Params) -> dict[str, Callable[[], Entry]]:
    """The entries of those who have this optimizer."""
    rng = np.random.default_rng(SEED)
    grads = {name: rng.normal(size=p.shape) for name, p in params.items()}

    def started(name: str, dtype: type) -> tuple[Step, Params]:
        own = {key: p.astype(dtype) for key, p in params.items()}
        return STEPS[name](case, own, {key: g.astype(dtype) for key, g in grads.items()}), own

    def entry(name: str) -> Entry:
        def check() -> list[np.ndarray]:
            step, own = started(name, np.float64)
            for _ in range(CHECKED_STEPS):
                step()
            return [own[key] - p for key, p in params.items()]

        return Entry(started(name, np.float32)[0], check)

    return {name: lambda name=name: entry(name) for name in STEPS if has(name, case)}


def has(name: str, case: Case) -> bool:
    """Whether a contestant has this optimizer."""
    if name == "numpy":
        return case.hand is not None
    if name == "torch-fused":
        return case.name in FUSED
    if name == "torch-foreach" and case.options.get("nesterov"):
        return False  # it writes its step into the gradients, which stay the same here
    return name == "tinygraph" or case.name not in NOT_IN_TORCH


def run(profile: Profile, names: Iterable[str]) -> Iterable[Result]:
    """Yield one Result for each optimizer and network."""
    names = list(names)
    for widths in profile.networks:
        params = make_task(widths, 1).params
        for case in OPTIMIZERS:
            result = Result("optimizers", f"{'-'.join(map(str, widths))}, {case}", operations=1)
            yield race(result, enter(makers_of(case, params), names, result, TOLERANCE), profile)
