"""A resumed run equals an unbroken one bit for bit; a state that does not fit is refused whole."""

from __future__ import annotations

import contextlib
import copy
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tinygraph import optim
from tinygraph.optim import LBFGS, Optimizer, chain
from tinygraph.tensor import Tensor

SHAPES = {"W": (2, 3), "large": (200, 100), "b": (), "none": (0, 2), "seldom": (4,)}
OPTIMIZERS: dict[str, Callable[..., Any]] = {
    "SGD": lambda p: optim.SGD(p, lr=0.1),
    "SGD with momentum": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, dampening=0.1, weight_decay=0.01),
    "Momentum": lambda p: optim.Momentum(p, lr=0.1),
    "RMSprop": lambda p: optim.RMSprop(p, centered=True, momentum=0.5),
    "Adagrad": lambda p: optim.Adagrad(p, lr_decay=0.1),
    "Adadelta": optim.Adadelta,
    "Adam": lambda p: optim.Adam(p, betas=(0.8, 0.99), amsgrad=True),
    "AMSGrad": optim.AMSGrad,
    "AdamW": optim.AdamW,
    "Lion": lambda p: optim.Lion(p, weight_decay=0.1),
    "a chain": lambda p: Optimizer(p, chain(optim.clip_by_global_norm(1.0), optim.adam(0.1), optim.scale(0.5))),
    "a schedule": lambda p: optim.SGD(p, lr=optim.warmup(optim.cosine(0.5, 6, 0.01), 3, 0.1), momentum=0.9),
    "a schedule in a chain": lambda p: Optimizer(p, chain(optim.clip(1.0), optim.adam(optim.exponential(0.1)))),
    "groups": lambda p: optim.Adam([{"params": {k: v}, "lr": 0.1 * i} for i, (k, v) in enumerate(p.items())]),
}
EACH = pytest.mark.parametrize("name", OPTIMIZERS)


def parameters(dtype: type = np.float64) -> dict[str, Tensor]:
    rng = np.random.default_rng(0)
    return {name: Tensor(rng.normal(size=shape).astype(dtype)) for name, shape in SHAPES.items()}


def train(opt: Any, params: dict[str, Tensor], steps: range) -> None:
    for i in steps:
        rng = np.random.default_rng(i)
        for name, p in params.items():
            p.grad = None if name == "seldom" and i % 3 else rng.normal(size=p.shape).astype(p.dtype) + p.data
        opt.step()


def through_a_file(tree: dict[str, Any]) -> dict[str, Any]:
    """As an npz file brings it back: every leaf is an array."""
    flat: dict[str, Any] = {}

    def walk(branch: dict[str, Any], path: str) -> None:
        for name, value in branch.items():
            if isinstance(value, dict):
                walk(value, f"{path}{name}/")
            else:
                assert isinstance(value, np.ndarray | int | float | bool), f"{path}{name} is a {type(value)}"
                flat[f"{path}{name}"] = value

    walk(tree, "")
    file = io.BytesIO()
    np.savez(file, **flat)
    file.seek(0)
    back: dict[str, Any] = {key: {} for key, value in tree.items() if isinstance(value, dict)}
    with np.load(file, allow_pickle=False) as saved:
        for path in saved.files:
            *folders, last = path.split("/")
            branch = back
            for folder in folders:
                branch = branch.setdefault(folder, {})
            branch[last] = saved[path]
    return back


@EACH
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_resumed_run_is_an_unbroken_one(name: str, dtype: type) -> None:
    params = parameters(dtype)
    opt = OPTIMIZERS[name](params)
    train(opt, params, range(4))
    saved, values = opt.state_dict(), {k: p.data.copy() for k, p in params.items()}
    before = copy.deepcopy(saved)
    train(opt, params, range(4, 9))
    np.testing.assert_equal(saved, before)  # it holds copies

    resumed = {k: Tensor(v) for k, v in values.items()}
    other = OPTIMIZERS[name](resumed)
    other.load_state_dict(through_a_file(saved))
    np.testing.assert_equal(other.state_dict(), saved)
    train(other, resumed, range(4, 9))
    for key, p in params.items():
        np.testing.assert_array_equal(p.data, resumed[key].data)
        assert p.dtype == resumed[key].dtype == dtype
    np.testing.assert_equal(other.state_dict(), opt.state_dict())
    assert [g.get("lr") for g in other.param_groups] == [g.get("lr") for g in opt.param_groups]
    assert type(other.param_groups[0].get("maximize", False)) is bool


@EACH
def test_the_state_holds_each_parameter_in_its_shape(name: str) -> None:
    params = parameters()
    opt = OPTIMIZERS[name](params)
    for state in (opt.state_dict()["state"], (train(opt, params, range(2)), opt.state_dict()["state"])[1]):
        assert list(state) == list(params)
        for key, p in params.items():
            for entry in (state[key], *(s for s in state[key].values() if isinstance(s, dict))):
                assert all(np.shape(a) == p.shape for a in entry.values() if isinstance(a, np.ndarray))


def broken(saved: dict[str, Any], change: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    wrong = copy.deepcopy(saved)
    change(wrong)
    return wrong


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("steps"), "'steps' missing"),
        (lambda s: s.update(steps="many"), "many"),
        (lambda s: s["state"].pop("b"), "state: 'b' missing. Was it saved with the same parameters"),
        (lambda s: s["state"].update(c={}), "'c' unexpected"),
        (lambda s: s["state"]["seldom"].pop("v"), "seldom: 'v' missing"),
        (lambda s: s["state"]["seldom"].update(extra=1), "seldom: 'extra' unexpected"),
        (
            lambda s: s["state"]["seldom"].update(v=np.zeros(3)),
            r"seldom, v: .* \(4,\) is needed, .* \(3,",
        ),
        (lambda s: s["state"]["seldom"].update(t=np.zeros(3)), r"seldom, t"),
        (lambda s: s["state"].update(seldom=3), "seldom: a dict with 't', 'm', 'v' is needed, not a int"),
        (lambda s: s["param_groups"].update({"1": {}}), "param_groups: '1' unexpected"),
        (lambda s: s["param_groups"]["0"].pop("lr"), "param_groups, 0: 'lr' missing"),
        (lambda s: s["param_groups"]["0"].update(lr=-1.0), r"lr = -1\.0 is negative"),
    ],
)
def test_what_does_not_fit_is_refused_whole(change: Callable[[Any], Any], message: str) -> None:
    params = parameters()
    opt = optim.Adam(params, lr=0.1)
    train(opt, params, range(2))
    saved = opt.state_dict()
    train(opt, params, range(2, 4))
    before = opt.state_dict()
    with pytest.raises(ValueError, match=message):
        opt.load_state_dict(broken(saved, change))
    np.testing.assert_equal(opt.state_dict(), before)
    with pytest.raises(ValueError, match="not a list"):
        opt.load_state_dict([])  # type: ignore[arg-type]


def test_loading_takes_the_hyper_parameters_too() -> None:
    first, second = optim.Adam([Tensor([1.0])], lr=0.5, amsgrad=True), optim.Adam([Tensor([1.0])])
    second.load_state_dict(first.state_dict())
    assert second.param_groups[0]["lr"] == 0.5
    assert second.param_groups[0]["amsgrad"] is True
    assert second.param_groups[0]["betas"] == (0.9, 0.999)
    assert "v_max" in second.state_dict()["state"]["0"]


# --- L-BFGS


def rosenbrock(x: Tensor) -> Tensor:
    return ((1 - x[:-1]) ** 2 + 100 * (x[1:] - x[:-1] ** 2) ** 2).sum()


def closure(opt: LBFGS, x: Tensor) -> Callable[[], Tensor]:
    def evaluate() -> Tensor:
        opt.zero_grad()
        loss = rosenbrock(x)
        loss.backward()
        return loss

    return evaluate


@pytest.mark.parametrize("search", ["strong_wolfe", None])
@pytest.mark.parametrize("broken_after", [0, 1, 3])
def test_lbfgs_resumed(search: str | None, broken_after: int) -> None:
    make = lambda x: LBFGS([x], 1.0 if search else 1e-3, 4, history_size=5, line_search_fn=search)  # noqa: E731
    x = Tensor(np.linspace(-1.0, 1.0, 6))
    opt = make(x)
    for _ in range(broken_after):
        opt.step(closure(opt, x))
    saved, y = opt.state_dict(), Tensor(x.data.copy())
    other = make(y)
    other.load_state_dict(through_a_file(saved))
    for _ in range(3):
        assert opt.step(closure(opt, x)).item() == other.step(closure(other, y)).item()
    np.testing.assert_array_equal(x.data, y.data)
    np.testing.assert_equal(opt.state_dict(), other.state_dict())
    assert len(opt.state_dict()["history"]["rho"]) <= 5


def test_lbfgs_refuses_another_size() -> None:
    small, large = Tensor(np.zeros(2)), Tensor(np.zeros(3))
    opt, other = LBFGS([small]), LBFGS([large])
    opt.step(closure(opt, small))
    before = other.state_dict()
    with pytest.raises(ValueError, match=r"state, direction: an array of shape \(3,\) is needed"):
        other.load_state_dict(opt.state_dict())
    np.testing.assert_equal(other.state_dict(), before)


def test_lbfgs_has_one_group_and_a_number() -> None:
    with pytest.raises(ValueError, match="one group"):
        LBFGS([{"params": [Tensor([1.0])]}, {"params": [Tensor([2.0])]}])
    with pytest.raises(ValueError, match="without settings"):
        LBFGS([{"params": [Tensor([1.0])], "lr": 0.1}])
    with pytest.raises(TypeError, match="lr is a number here"):
        LBFGS([Tensor([1.0])], lr=optim.constant(0.1))


def test_lbfgs_needs_a_closure() -> None:
    with pytest.raises(TypeError, match="closure"):
        LBFGS([Tensor([1.0])]).step(None)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="line_search_fn"):
        LBFGS([Tensor([1.0])], line_search_fn="armijo")


# --- averages


def test_the_series_by_hand() -> None:
    theta = [10.0, 20.0, 0.0]
    np.testing.assert_allclose(optim.exponential_average(theta, 0.5), [5.0, 12.5, 6.25])
    corrected = optim.exponential_average(np.array(theta), 0.5, bias_correction=True)
    np.testing.assert_allclose(corrected, [10.0, 12.5 / 0.75, 6.25 / 0.875])
    columns = np.array([theta, theta[::-1]], np.float32).T
    found = optim.exponential_average(columns, 0.5)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[:, 0], [5.0, 12.5, 6.25])
    assert optim.exponential_average([], 0.9).shape == (0,)
    assert np.isnan(optim.exponential_average([1.0, np.nan, 1.0], 0.9)).tolist() == [False, True, True]
    with pytest.raises(ValueError, match="beta = 1"):
        optim.exponential_average(theta, 1)


def test_an_average_has_a_gradient() -> None:
    theta = Tensor([10.0, 20.0, 0.0])
    optim.exponential_average(theta, 0.5)[2].backward()
    np.testing.assert_allclose(theta.grad, [0.125, 0.25, 0.5])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(2,), (), (0, 3)])
def test_averages_of_weights(dtype: type, shape: tuple[int, ...]) -> None:
    p = Tensor(np.zeros(shape, dtype))
    ema, corrected, swa = optim.EMA([p], 0.75), optim.EMA([p], 0.75, bias_correction=True), optim.SWA([p])
    np.testing.assert_array_equal(ema.averages()["0"], p.data)
    values = [3.0, 5.0, 1.0]
    for value in values:
        p.data[...] = value
        for average in (ema, corrected, swa):
            average.update()
    first = (3.0 * 0.75 + 5.0 * 0.25) * 0.75 + 1.0 * 0.25
    series = optim.exponential_average(values, 0.75, bias_correction=True)[-1]
    for average, expected in ((ema, first), (corrected, series), (swa, 3.0)):
        found = average.averages()["0"]
        np.testing.assert_allclose(found, np.full(shape, expected), rtol=1e-6)
        assert (found.dtype, np.shape(found)) == (dtype, shape)


def test_averages_are_swapped_in_and_out() -> None:
    array = np.array([1.0, 2.0])
    p = Tensor(array)
    swa = optim.SWA({"w": p})
    swa.update()
    array += 2.0
    swa.update()
    seen = []
    with contextlib.suppress(KeyError), swa.swapped():
        seen = p.data.tolist()
        raise KeyError
    assert seen == [2.0, 3.0]
    assert p.data.tolist() == [3.0, 4.0]
    assert p.data is array
    swa.copy_to_params()
    assert array.tolist() == [2.0, 3.0]


@pytest.mark.parametrize("make", [optim.SWA, optim.EMA, lambda p: optim.EMA(p, 0.9, bias_correction=True)])
def test_averages_resumed(make: Callable[[Any], Any]) -> None:
    params = parameters()
    average, opt = make(params), optim.SGD(params, lr=0.1)
    for i in range(6):
        train(opt, params, range(i, i + 1))
        average.update()
        if i == 2:
            other = make(params)
            other.load_state_dict(through_a_file(average.state_dict()))
        elif i > 2:
            other.update()
    np.testing.assert_equal(average.state_dict(), other.state_dict())
    np.testing.assert_equal(average.averages(), other.averages())
    wrong = average.state_dict()
    wrong["averages"]["b"] = np.zeros(3)
    before = other.state_dict()
    with pytest.raises(ValueError, match="averages, b"):
        other.load_state_dict(wrong)
    np.testing.assert_equal(other.state_dict(), before)


def test_a_decay_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match=r"EMA: decay = 1\.0"):
        optim.EMA([Tensor([1.0])], 1.0)


def test_averages_say_what_they_are() -> None:
    p = Tensor([1.0])
    ema = optim.EMA([p, Tensor([2.0])], 0.9, bias_correction=True)
    ema.update()
    assert repr(ema) == "EMA(2 parameters, decay=0.9, bias_correction, updates=1)"
    assert repr(optim.SWA([p])) == "SWA(1 parameter, updates=0)"
