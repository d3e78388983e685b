"""Ten steps of each optimizer, each schedule and each way of clipping, beside PyTorch's, in float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tinygraph import optim
from tinygraph.tensor import Tensor

torch = pytest.importorskip("torch", reason="torch is not installed")

STEPS = 10
RTOL = 1e-12  # float64 rounding, over ten steps
SHAPES = st.lists(st.sampled_from([(), (1,), (3,), (2, 3), (0,), (2, 0), (4, 1, 2), (90, 120)]), min_size=1, max_size=4)
RATE = st.floats(1e-4, 0.5)
DECAY = st.sampled_from([0.0, 0.01, 0.3])
PAST = st.floats(0.0, 0.999)
EPS = st.sampled_from([1e-10, 1e-8, 1e-3])
UPHILL = st.booleans()


def draws(**strategies: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"maximize": UPHILL, "weight_decay": DECAY, **strategies})


# With beta2 near 0 a step divides by one gradient, in which decay may have left nothing but rounding.
BETAS = st.tuples(PAST, st.floats(0.5, 0.999))
SGD = draws(lr=RATE, momentum=st.sampled_from([0.0, 0.5, 0.9]), dampening=st.sampled_from([0.0, 0.5]))
CASES = {
    "SGD": SGD,
    "SGD, Nesterov": draws(lr=RATE, momentum=st.floats(0.1, 0.99), nesterov=st.just(True)),
    "RMSprop": draws(lr=RATE, alpha=PAST, eps=EPS, momentum=st.sampled_from([0.0, 0.9])),
    "RMSprop, centered": draws(lr=RATE, alpha=st.floats(0.3, 0.99), eps=st.just(1e-3), centered=st.just(True)),
    "Adagrad": draws(lr=RATE, lr_decay=DECAY, initial_accumulator_value=DECAY, eps=EPS),
    "Adadelta": draws(lr=RATE, rho=PAST, eps=st.just(1e-6)),
    "Adam": draws(lr=RATE, betas=BETAS, eps=EPS, amsgrad=st.booleans()),
    "AdamW": draws(lr=RATE, betas=BETAS, eps=EPS, amsgrad=st.booleans()),
}


def start(rng: np.random.Generator, shapes: list[tuple[int, ...]]) -> list[np.ndarray]:
    return [rng.normal(size=shape) for shape in shapes]


@pytest.mark.parametrize("case", CASES)
@given(data=st.data(), shapes=SHAPES, seed=st.integers(0, 2**32 - 1))
def test_ten_steps_are_pytorchs(case: str, data: st.DataObject, shapes: list[tuple[int, ...]], seed: int) -> None:
    hyper = data.draw(CASES[case])
    name = case.partition(",")[0]
    rng = np.random.default_rng(seed)
    values = start(rng, shapes)
    ours = [Tensor(v.copy()) for v in values]
    theirs = [torch.tensor(v, requires_grad=True) for v in values]
    opt, peer = getattr(optim, name)(ours, **hyper), getattr(torch.optim, name)(theirs, **hyper)
    for _ in range(STEPS):
        for p, q in zip(ours, theirs, strict=True):
            g = rng.normal(size=p.shape) if rng.random() < 0.8 else None  # one without a gradient is passed over
            p.grad, q.grad = g, None if g is None else torch.tensor(g, dtype=torch.float64)
        opt.step()
        peer.step()
    for p, q, v in zip(ours, theirs, values, strict=True):
        scale = np.abs(q.detach().numpy() - v).max(initial=1.0)
        np.testing.assert_allclose(p.data, q.detach().numpy(), rtol=RTOL, atol=RTOL * scale)


@pytest.mark.parametrize("name", ["SGD", "RMSprop", "Adagrad", "Adadelta", "Adam", "AdamW", "LBFGS"])
def test_the_defaults_are_pytorchs(name: str) -> None:
    ours = getattr(optim, name)([Tensor([1.0])]).param_groups[0]
    theirs = getattr(torch.optim, name)([torch.ones(1, requires_grad=True)]).param_groups[0]
    assert ours.keys() - theirs.keys() == set()
    assert {k: ours[k] for k in ours if k != "params"} == {k: theirs[k] for k in ours if k != "params"}


# --- L-BFGS


def bowl(x: Any) -> Any:
    return ((x[1:] - x[:-1] ** 2) ** 2).sum() * 10 + ((1 - x) ** 2).sum()


def ripples(x: Any) -> Any:
    return (x**4 - 3 * x**2 + 0.5 * x).sum() + (x[0] * x[-1]) ** 2


def deep(x: Any) -> Any:
    return 1e4 * (x**2 * x**2).sum() + x.sum()


FUNCTIONS = {"bowl": bowl, "ripples": ripples, "deep": deep}
SEARCH = st.sampled_from(["strong_wolfe", None])


def theirs(function: Callable[[Any], Any], value: np.ndarray, hyper: dict[str, Any]) -> tuple[list[float], Any, int]:
    """PyTorch's loss before each of three steps, where they end, and how many losses that took."""
    x = torch.tensor(value, requires_grad=True)
    opt = torch.optim.LBFGS([x], **hyper)
    losses = [opt.step(closure(opt, function, x)).item() for _ in range(3)]
    return losses, x.detach().numpy(), opt.state[x]["func_evals"]


@pytest.mark.parametrize("name", FUNCTIONS)
@given(search=SEARCH, seed=st.integers(0, 2**32 - 1), history=st.integers(1, 8), max_iter=st.integers(1, 6))
def test_lbfgs_is_pytorchs(name: str, search: str | None, seed: int, history: int, max_iter: int) -> None:
    function = FUNCTIONS[name]
    value = np.random.default_rng(seed).normal(size=5)
    hyper = {"lr": 1.0 if search else 1e-4, "history_size": history, "max_iter": max_iter, "line_search_fn": search}
    losses, end, evaluations = theirs(function, value, hyper)
    for nudge in (1e-15, -2e-15, 3e-15):  # where the function is nearly straight, rounding decides on the next step
        again = theirs(function, value * (1 + nudge), hyper)
        assume(again[2] == evaluations)
        assume(np.allclose(again[1], end, rtol=1e-9, atol=0.0))
    x = Tensor(value.copy())
    opt = optim.LBFGS([x], **hyper)
    ours = [opt.step(closure(opt, function, x)).item() for _ in range(3)]
    np.testing.assert_allclose(ours, losses, rtol=1e-8)
    np.testing.assert_allclose(x.data, end, rtol=1e-8)
    assert opt.state_dict()["state"]["evaluations"] == evaluations


def closure(opt: Any, function: Callable[[Any], Any], x: Any) -> Callable[[], Any]:
    def evaluate() -> Any:
        opt.zero_grad()
        loss = function(x)
        loss.backward()
        return loss

    return evaluate


# --- clipping


@given(shapes=SHAPES, seed=st.integers(0, 2**32 - 1), limit=st.floats(0.01, 20), p=st.sampled_from([1.0, 2.0, np.inf]))
def test_clipping_is_pytorchs(shapes: list[tuple[int, ...]], seed: int, limit: float, p: float) -> None:
    rng = np.random.default_rng(seed)
    ours, theirs = [Tensor(np.zeros(s)) for s in shapes], [torch.zeros(s, dtype=torch.float64) for s in shapes]
    for t, q in zip(ours, theirs, strict=True):
        t.grad = rng.normal(size=t.shape)
        q.grad = torch.tensor(t.grad, dtype=torch.float64)
    some = [q for q in theirs if q.numel()]  # its norm of nothing, at infinity, is an error
    norm = optim.clip_grad_norm_(ours, limit, p)
    np.testing.assert_allclose(norm, torch.nn.utils.clip_grad_norm_(some, limit, p).item(), rtol=RTOL)
    for t, q in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(t.grad, q.grad.numpy(), rtol=RTOL)
    optim.clip_grad_value_(ours, limit / 10)
    torch.nn.utils.clip_grad_value_(theirs, limit / 10)
    for t, q in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(t.grad, q.grad.numpy(), rtol=RTOL)


# --- schedules


def rates(make: Callable[[Any], Any], steps: int, lr: float = 0.3) -> list[float]:
    """The learning rates that PyTorch's scheduler gives."""
    opt = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)
    scheduler, found = make(opt), []
    for _ in range(steps):
        found.append(opt.param_groups[0]["lr"])
        opt.step()
        scheduler.step()
    return found


def warmed(opt: Any) -> Any:
    s = torch.optim.lr_scheduler
    return s.SequentialLR(opt, [s.LinearLR(opt, 0.25, 1.0, 4), s.ExponentialLR(opt, 0.9)], milestones=[4])


def cycle(opt: Any, **hyper: Any) -> Any:
    return torch.optim.lr_scheduler.OneCycleLR(opt, 0.3, total_steps=21, **hyper)


def peer(name: str, *args: Any) -> Callable[[Any], Any]:
    return lambda opt: getattr(torch.optim.lr_scheduler, name)(opt, *args)


LINEAR = {"pct_start": 0.4, "div_factor": 10.0, "final_div_factor": 100.0}
SCHEDULES = {
    "staircase": (optim.staircase(0.3, 4, 0.5), peer("StepLR", 4, 0.5)),
    "multi step": (optim.multi_step(0.3, [8, 3], 0.2), peer("MultiStepLR", [3, 8], 0.2)),
    "exponential": (optim.exponential(0.3, 0.9), peer("ExponentialLR", 0.9)),
    "polynomial": (optim.polynomial(0.3, 12, 2.5), peer("PolynomialLR", 12, 2.5)),
    "cosine": (optim.cosine(0.3, 20, 0.01), peer("CosineAnnealingLR", 20, 0.01)),
    "restarts": (optim.cosine_restarts(0.3, 3, 2, 0.01), peer("CosineAnnealingWarmRestarts", 3, 2, 0.01)),
    "same restarts": (optim.cosine_restarts(0.3, 5), peer("CosineAnnealingWarmRestarts", 5)),
    "one cycle": (optim.one_cycle(0.3, 21), cycle),
    "linear cycle": (
        optim.one_cycle(0.3, 21, anneal="linear", **LINEAR),
        lambda opt: cycle(opt, anneal_strategy="linear", **LINEAR),
    ),
    "warm-up": (optim.warmup(optim.exponential(0.3, 0.9), 4, 0.25), warmed),
}


@pytest.mark.filterwarnings("ignore:The epoch parameter:UserWarning")  # PyTorch's own, within SequentialLR
@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_are_pytorchs(name: str) -> None:
    ours, make = SCHEDULES[name]
    np.testing.assert_allclose([ours(t) for t in range(20)], rates(make, 20), rtol=1e-12, atol=1e-17)


@given(
    metrics=st.lists(st.integers(-6, 6).map(lambda i: i / 4), min_size=1, max_size=30),
    hyper=st.fixed_dictionaries(
        {
            "mode": st.sampled_from(["min", "max"]),
            "factor": st.sampled_from([0.1, 0.5]),
            "patience": st.integers(0, 3),
            "threshold": st.sampled_from([0.0, 1e-4, 0.25]),
            "threshold_mode": st.sampled_from(["rel", "abs"]),
            "cooldown": st.integers(0, 2),
            "min_lr": st.sampled_from([0.0, 0.02]),
        }
    ),
)
def test_the_plateau_is_pytorchs(metrics: list[float], hyper: dict[str, Any]) -> None:
    opt = optim.SGD([Tensor([0.0])], lr=0.3)
    peer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
    ours = optim.ReduceLROnPlateau(opt, **hyper)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(peer, **hyper)
    for metric in metrics:
        ours.step(metric)
        theirs.step(metric)
        assert opt.param_groups[0]["lr"] == peer.param_groups[0]["lr"]
