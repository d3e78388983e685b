"""The course's published numbers of one step, and of the learning rate's decay."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinygraph import optim
from tinygraph.tensor import Tensor

FILE = Path(__file__).parents[2] / "shared" / "assignments" / "c2w2_optimization.json"
pytestmark = pytest.mark.skipif(not FILE.exists(), reason="the course's published results are not here")


@cache
def cases() -> dict[str, Any]:
    return {case["id"]: case for case in json.loads(FILE.read_text())["cases"]}


def drawn(case: dict[str, Any]) -> dict[str, np.ndarray]:
    """Its arrays, from the legacy generator, in the order that the case tells."""
    stream, arrays = np.random.RandomState(), {}
    for draw in case["inputs"]["draws"]:
        if "seed" in draw:
            stream = np.random.RandomState(draw["seed"])
        else:
            arrays[draw["name"]] = stream.randn(*draw["shape"])
    return arrays


def parameters(arrays: dict[str, np.ndarray]) -> dict[str, Tensor]:
    params = {name: Tensor(a, name=name) for name, a in arrays.items() if not name.startswith("d")}
    for name, p in params.items():
        p.grad = arrays[f"d{name}"]
    return params


def compare(case: dict[str, Any], found: dict[str, Any]) -> None:
    rtol, atol = case["tolerance"]
    for name, value in found.items():
        np.testing.assert_allclose(value, case["expected"][name], rtol=rtol, atol=atol, err_msg=name)


@pytest.mark.parametrize("edition", ["gd_2017", "gd_2021"])
def test_gradient_descent(edition: str) -> None:
    case = cases()[edition]
    params = parameters(drawn(case))
    optim.SGD(params, lr=case["settings"]["learning_rate"]).step()
    assert params.keys() == case["expected"].keys()
    compare(case, {name: p.data for name, p in params.items()})


@pytest.mark.parametrize("edition", ["momentum_2017", "momentum_2021"])
def test_momentum(edition: str) -> None:
    case = cases()[edition]
    params = parameters(drawn(case))
    opt = optim.Momentum(params, lr=case["settings"]["learning_rate"], beta=case["settings"]["beta"])
    opt.step()
    velocities = {f"v{name}": s["v"] for name, s in opt.state_dict()["state"].items()}
    assert velocities.keys() | params.keys() == case["expected"].keys()
    compare(case, {name: p.data for name, p in params.items()} | velocities)


@pytest.mark.parametrize("edition", ["adam_2017", "adam_2021"])
def test_adam(edition: str) -> None:
    """The second step, t = 2, from moments that are still zero."""
    case = cases()[edition]
    settings = case["settings"]
    params = parameters(drawn(case))
    betas = settings["beta1"], settings["beta2"]
    opt = optim.Adam(params, lr=settings["learning_rate"], betas=betas, eps=settings["eps"])
    state = opt.state_dict()
    for s in state["state"].values():
        s["t"] = settings["t"] - 1
    opt.load_state_dict(state)
    opt.step()
    after = opt.state_dict()["state"]
    found = {f"v{name}": s["m"] for name, s in after.items()} | {f"s{name}": s["v"] for name, s in after.items()}
    if "eps_placement" not in settings:  # the 2017 notebook has epsilon inside the root
        found |= {name: p.data for name, p in params.items()}
    rows = {f"{name}_row0": value[0] for name, value in found.items()}
    published = {name: value for name, value in (found | rows).items() if name in case["expected"]}
    assert len(published) >= 4
    compare(case, published)


def test_decay_of_the_learning_rate() -> None:
    case = cases()["lr_decay"]
    s = case["settings"]
    compare(case, {"lr": optim.inverse_time(s["lr0"], s["rate"])(s["epoch"])})


def test_decay_in_steps() -> None:
    case = cases()["lr_decay_stepwise"]
    args = case["inputs"]["literals"]["args"]
    compare(case, {"lr": [optim.inverse_time(lr, rate, interval=every)(epoch) for lr, epoch, rate, every in args]})


@pytest.mark.parametrize("name", ["moons_2021_gd_decay", "moons_2021_stepdecay_gd", "moons_2021_stepdecay_adam"])
def test_decay_over_the_epochs(name: str) -> None:
    """The rates printed each 1000 epochs; the decay is applied after the epoch."""
    case = cases()[name]
    lr = case["settings"]["learning_rate"]
    schedule = optim.inverse_time(lr, 1, interval=1000 if "step" in name else None)
    printed = [lr, *(schedule(epoch) for epoch in (1000, 2000, 3000, 4000))]
    np.testing.assert_allclose(printed, case["expected"]["lrs"], rtol=0, atol=6e-7)
