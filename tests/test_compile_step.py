"""compile takes whole training steps: gradients land on parameters, optimizers move on, as they do without it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import optim

CLASSES = [optim.SGD, optim.Momentum, optim.RMSprop, optim.Adagrad, optim.Adadelta]
CLASSES += [optim.Adam, optim.AMSGrad, optim.AdamW, optim.Lion]
OPTIMIZERS: dict[str, Callable[[Any], Any]] = {c.__name__: lambda p, c=c: c(p, lr=0.01) for c in CLASSES}
OPTIMIZERS |= {
    "SGD with dampening": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, dampening=0.5),
    "SGD by Nesterov": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.1),
    "RMSprop, centered": lambda p: optim.RMSprop(p, lr=0.01, centered=True, momentum=0.5),
    "Adam uphill": lambda p: optim.Adam(p, lr=0.01, weight_decay=0.1, amsgrad=True, maximize=True),
    "clipped by the norm": lambda p: optim.Optimizer(p, optim.chain(optim.clip_by_global_norm(0.1), optim.adam(0.01))),
    "a schedule": lambda p: optim.Adam(p, lr=lambda step: 0.1 / (1 + step)),
    "a schedule in a rule": lambda p: optim.Optimizer(p, optim.sgd(lr=lambda step: 0.1 if step < 3 else 0.01)),
    "two groups": lambda p: optim.SGD([{"params": [p["W1"]], "lr": 0.5}, {"params": [p["b1"], p["W2"]]}], lr=0.1),
}


def parameters(dtype: Any = np.float64, widths: tuple[int, int, int] = (4, 5, 3)) -> dict[str, tg.Tensor]:
    rng = np.random.default_rng(0)
    a, b, c = widths
    p = {"W1": rng.normal(size=(a, b)), "b1": np.zeros(b), "W2": rng.normal(size=(b, c))}
    return {name: tg.Tensor(x.astype(dtype), name=name) for name, x in p.items()}


def batch(k: int, dtype: Any = np.float64, n: int = 6, width: int = 4) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(k)
    return rng.normal(size=(n, width)).astype(dtype), rng.integers(0, 3, n)


def loss_of(p: Any, x: Any, y: Any) -> tg.Tensor:
    return tg.cross_entropy(tg.relu(x @ p["W1"] + p["b1"]) @ p["W2"], y)


def step_of(p: Any, opt: Any) -> Callable[..., Any]:
    def step(x: Any, y: Any) -> Any:
        opt.zero_grad()
        loss = loss_of(p, x, y)
        loss.backward()
        opt.step()
        return loss.item()

    return step


def same(a: Any, b: Any) -> None:
    assert (a is None) == (b is None)
    if a is not None:
        assert np.asarray(a).dtype == np.asarray(b).dtype
        np.testing.assert_array_equal(a, b)


def alike(p: Any, q: Any) -> None:
    for name in p:
        same(p[name].data, q[name].data)
        same(p[name].grad, q[name].grad)


def same_state(one: Any, two: Any) -> None:
    np.testing.assert_equal(one.state_dict(), two.state_dict())


def is_compiled(compiled: Any, signatures: int = 1) -> None:
    assert len(compiled.signatures) == signatures, compiled.signatures
    assert all(s.endswith(": compiled") for s in compiled.signatures), compiled.signatures


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_step_of_every_optimizer(make: Callable[[Any], Any], dtype: Any) -> None:
    p, q = parameters(dtype), parameters(dtype)
    one, two = make(p), make(q)
    step, compiled = step_of(p, one), tg.compile(step_of(q, two), strict=True)
    for k in range(5):
        x, y = batch(k, dtype)
        found = compiled(x, y)
        assert type(found) is float
        assert found == step(x, y)
        alike(p, q)
    same_state(one, two)
    is_compiled(compiled)


def test_large_parameters_are_updated_in_parts() -> None:
    widths = (300, 120, 3)
    p, q = parameters(widths=widths), parameters(widths=widths)
    one, two = optim.Adam(p, lr=0.01), optim.Adam(q, lr=0.01)
    step, compiled = step_of(p, one), tg.compile(step_of(q, two), strict=True)
    for k in range(3):
        x, y = batch(k, width=300)
        assert compiled(x, y) == step(x, y)
        alike(p, q)
    same_state(one, two)
    assert "W1[0:" in compiled.source
