"""The shells: what they take, what they write to, what they refuse, and that they arrive."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import optim
from tinygraph.optim import LBFGS, Optimizer, chain
from tinygraph.optim.blocks import BLOCK, SMALL
from tinygraph.tensor import Tensor

SHELLS: dict[str, Callable[..., Any]] = {
    "SGD": lambda p, **k: optim.SGD(p, **{"lr": 0.02, **k}),
    "SGD with momentum": lambda p, **k: optim.SGD(p, **{"lr": 0.01, "momentum": 0.9, **k}),
    "Nesterov": lambda p, **k: optim.SGD(p, **{"lr": 0.01, "momentum": 0.9, "nesterov": True, **k}),
    "Momentum": lambda p, **k: optim.Momentum(p, **{"lr": 0.1, **k}),
    "RMSprop": lambda p, **k: optim.RMSprop(p, **{"lr": 0.01, **k}),
    "RMSprop, centered": lambda p, **k: optim.RMSprop(p, **{"lr": 0.01, "centered": True, "momentum": 0.5, **k}),
    "Adagrad": lambda p, **k: optim.Adagrad(p, **{"lr": 0.5, **k}),
    "Adadelta": lambda p, **k: optim.Adadelta(p, **{"lr": 5.0, **k}),
    "Adam": lambda p, **k: optim.Adam(p, **{"lr": 0.1, **k}),
    "AMSGrad": lambda p, **k: optim.AMSGrad(p, **{"lr": 0.1, **k}),
    "AdamW": lambda p, **k: optim.AdamW(p, **{"lr": 0.1, "weight_decay": 0.0, **k}),
    "Lion": lambda p, **k: optim.Lion(p, **{"lr": 0.01, **k}),
}
EACH = pytest.mark.parametrize("name", SHELLS)


def quadratic(x: Any) -> Any:
    return 0.5 * (x * x * np.array([1.0, 30.0])).sum() - x[0]


def rosenbrock(x: Any) -> Any:
    return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2


def descend(opt: Any, f: Callable[[Any], Any], x: Tensor, steps: int) -> None:
    for _ in range(steps):
        opt.zero_grad()
        f(x).backward(retain_graph=False)
        opt.step()


# --- they arrive


@EACH
def test_at_the_bottom_of_a_bowl(name: str) -> None:
    x = Tensor([-2.0, 1.5])
    opt = SHELLS[name]([x])
    for _ in range(3):
        descend(opt, quadratic, x, 500)
        opt.param_groups[0]["lr"] /= 10  # those that move by their learning rate need a small one in the end
    np.testing.assert_allclose(x.data, [1.0, 0.0], atol=2e-3)


VALLEY = {  # learning rate, steps
    "SGD": (0.002, 2000),
    "SGD with momentum": (0.001, 1000),
    "Nesterov": (0.001, 1000),
    "Momentum": (0.01, 1000),
    "RMSprop": (0.002, 2000),
    "RMSprop, centered": (0.005, 1000),
    "Adagrad": (1.0, 2000),
    "Adadelta": (0.2, 2000),
    "Adam": (0.1, 1000),
    "AMSGrad": (0.2, 1000),
    "AdamW": (0.1, 1000),
    "Lion": (0.002, 2000),
}


@EACH
def test_along_rosenbrocks_valley(name: str) -> None:
    lr, steps = VALLEY[name]
    x = Tensor([-1.2, 1.0])
    start = rosenbrock(x).item()
    descend(SHELLS[name]([x], lr=lr), rosenbrock, x, steps)
    assert start > 24
    assert rosenbrock(x).item() < 0.05
    assert x.data[0] > 0.8


def test_lbfgs_solves_rosenbrock_in_a_few_steps() -> None:
    x = Tensor([-1.2, 1.0])
    opt = LBFGS([x], line_search_fn="strong_wolfe", max_iter=100, tolerance_change=0.0)

    def closure() -> Tensor:
        opt.zero_grad()
        loss = rosenbrock(x)
        loss.backward()
        return loss

    assert opt.step(closure).item() == pytest.approx(24.2)
    np.testing.assert_allclose(x.data, [1.0, 1.0], atol=1e-7)
    assert opt.state_dict()["state"]["evaluations"] < 70


# --- what they take


def w(*shape: int, **kwargs: Any) -> Tensor:
    return Tensor(np.ones(shape), **kwargs)


@pytest.mark.parametrize(
    "params",
    [
        lambda a, b: [a, b],
        lambda a, b: iter((a, b)),
        lambda a, b: {"a": a, "b": b},
        lambda a, b: [("a", a), ("b", b)],
        lambda a, b: [{"params": [a]}, {"params": {"b": b}}],
        lambda a, b: [{"params": a}, {"params": iter([b])}],
    ],
)
def test_parameters_in_any_form(params: Callable[..., Any]) -> None:
    a, b = w(2), w(3)
    opt = optim.SGD(params(a, b), lr=0.5)
    a.grad, b.grad = np.ones(2), np.full(3, 2.0)
    opt.step()
    assert (a.data.tolist(), b.data.tolist()) == ([0.5] * 2, [0.0] * 3)
    opt.zero_grad()
    assert a.grad is None
    assert b.grad is None


def test_names_in_the_state() -> None:
    a, b = w(2, name="weight"), w(3, name="weight")
    assert list(optim.Adam({"W1": a, "b1": b}).state_dict()["state"]) == ["W1", "b1"]
    assert list(optim.Adam([a, b]).state_dict()["state"]) == ["0", "1"]
    b.name = "bias"
    assert list(optim.Adam([a, b]).state_dict()["state"]) == ["weight", "bias"]


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        (list, ValueError, "an empty list"),
        (dict, ValueError, "an empty list"),
        (lambda: [{"params": []}, {"params": [w(1)]}], ValueError, "an empty list"),
        (lambda: [{"lr": 0.1}], ValueError, 'group 0 of the parameters has no "params"'),
        (lambda: w(2), TypeError, r"one Tensor; give a list of them, \[p\]"),
        (lambda: 3.0, TypeError, "not a float"),
        (lambda: [np.ones(2)], TypeError, "parameter 0 is a ndarray, not a Tensor"),
        (lambda: {"W": w(2) * 2}, ValueError, "parameter 'W' is a result, not a leaf"),
        (lambda: [w(2), w(2, requires_grad=False)], ValueError, "parameter 1 is a constant .made with requires_grad"),
        (lambda: [Tensor(np.arange(3))], ValueError, "parameter 0 is a constant .an array of int64"),
        (lambda: 2 * [w(2)], ValueError, "parameter 1 is given twice"),
        (lambda: [{"params": [a]} for a in 2 * [w(2)]], ValueError, "given twice"),
    ],
)
@pytest.mark.parametrize("shell", [optim.Adam, LBFGS, optim.EMA])
def test_what_is_no_parameter_is_refused(
    shell: Any, params: Callable[[], Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        shell(params())


def test_a_model_is_told_to_give_its_parameters() -> None:
    class Model:
        def parameters(self) -> list[Tensor]:
            return []

    with pytest.raises(TypeError, match=r"not a Model: give its .parameters\(\)"):
        optim.SGD(Model())
    with pytest.raises(TypeError, match=r"not a Model: give its .parameters\(\)"):
        optim.clip_grad_norm_(Model(), 1.0)


def test_an_unknown_hyper_parameter_is_refused() -> None:
    with pytest.raises(TypeError, match="Adam has no hyper-parameter 'momentum': it has lr, betas"):
        optim.Adam([{"params": [w(1)], "momentum": 0.9}])
    with pytest.raises(TypeError, match="a rule has its own inside"):
        Optimizer([{"params": [w(1)], "lr": 0.9}], optim.sgd(0.1))
    with pytest.raises(TypeError, match="no hyper-parameter 'beta'"):
        Optimizer([w(1)], optim.sgd, beta=0.1)


@EACH
def test_a_negative_learning_rate_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="negative"):
        SHELLS[name]([w(1)], lr=-0.1)


def test_a_rule_of_ones_own() -> None:
    def signed(g: Any, p: Any, t: Any, *, lr: float) -> Any:
        return (-lr * np.sign(g),)

    def rule(lr: float) -> optim.Rule:
        return optim.leafwise(signed, {}, lr=lr)

    p = w(2)
    p.grad = np.array([3.0, -4.0])
    Optimizer([p], rule, lr=0.5).step()
    assert p.data.tolist() == [0.5, 1.5]
    with pytest.raises(TypeError, match="lr must be given"):
        Optimizer([p], rule)


def test_the_shells_take_what_their_rules_take() -> None:
    for name in ("SGD", "Momentum", "RMSprop", "Adagrad", "Adadelta", "Adam", "AMSGrad", "AdamW", "Lion"):
        shell = list(inspect.signature(getattr(optim, name)).parameters.values())[1:]
        rule = list(inspect.signature(getattr(optim, name.lower())).parameters.values())
        assert [(p.name, p.default, p.kind) for p in shell] == [(p.name, p.default, p.kind) for p in rule], name


# --- groups


def test_groups_have_hyper_parameters_of_their_own() -> None:
    a, b, c = w(1), w(1), w(1)
    opt = optim.SGD([{"params": [a]}, {"params": [b], "lr": 0.25, "weight_decay": 1.0}], lr=0.5)
    opt.add_param_group({"params": {"c": c}, "momentum": 0.5})
    for _ in range(2):
        for p in (a, b, c):
            p.grad = np.ones(1)
        opt.step()
    assert a.data.item() == 0.0
    assert b.data.item() == 1 - 0.25 * 2 - 0.25 * 1.5
    assert c.data.item() == 1 - 0.5 - 0.5 * 1.5
    assert [g["lr"] for g in opt.param_groups] == [0.5, 0.25, 0.5]
    with pytest.raises(ValueError, match="parameter 'c' is in a group already"):
        opt.add_param_group({"params": [c]})
    with pytest.raises(TypeError, match="no hyper-parameter 'beta'"):
        opt.add_param_group({"params": [w(1)], "beta": 0.1})
    assert list(opt.state_dict()["state"]) == ["0", "1", "c"]


def test_a_hyper_parameter_may_be_changed_between_steps() -> None:
    p = w(1)
    p.grad = np.ones(1)
    opt = optim.SGD([p], lr=0.5)
    opt.step()
    opt.param_groups[0]["lr"] = 0.25
    opt.param_groups[0]["momentum"] = 0.5  # it needs an array that it did not need before
    opt.step()
    assert p.data.item() == 0.25
    opt.param_groups[0]["momentum"] = 0.0
    assert list(opt.state_dict()["state"]["0"]) == ["t", "v"]
    opt.step()
    assert p.data.item() == 0.0
    assert list(opt.state_dict()["state"]["0"]) == ["t"]
    opt.param_groups[0]["lr"] = -1.0
    with pytest.raises(ValueError, match=r"lr = -1\.0 is negative"):
        opt.step()
    assert p.data.item() == 0.0


def test_a_schedule_as_learning_rate() -> None:
    p = w(1)
    p.grad = np.ones(1)
    opt = optim.SGD([p], lr=optim.inverse_time(0.5, 1))
    assert opt.param_groups[0]["lr"] == 0.5
    opt.step()
    opt.step()
    assert p.data.item() == 1 - 0.5 - 0.25
    with pytest.raises(ValueError, match="has a schedule as its lr"):
        optim.Scheduler(opt, optim.constant(0.1))


# --- what they write to


@EACH
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_joined_parted_and_whole_parameters_move_alike(name: str, dtype: type) -> None:
    """Small arrays are joined and large ones parted for speed: that changes no number."""
    rng = np.random.default_rng(0)
    large = (3, SMALL // 8), (BLOCK // 8 + 7, 3), (1, BLOCK)
    shapes = [(), (3,), (0,), large[0], (2, 2), large[1], (5,), large[2], (1, 4)]
    values = [rng.normal(size=s).astype(dtype) for s in shapes]
    grads = [[rng.normal(size=s).astype(dtype) for s in shapes] for _ in range(2)]
    together = [Tensor(v.copy()) for v in values]
    opt = SHELLS[name](together)
    for step in grads:
        for p, g in zip(together, step, strict=True):
            p.grad = g
        opt.step()
    for i, value in enumerate(values):
        for index in np.ndindex(value.shape) if value.size < 10 else [(0, 0), tuple(n - 1 for n in value.shape)]:
            alone = Tensor(np.array(value[index]))
            single = SHELLS[name]([alone])
            for step in grads:
                alone.grad = np.array(step[i][index])
                single.step()
            assert together[i].data[index] == alone.data
        assert together[i].dtype == dtype
    assert together[2].shape == (0,)


@EACH
def test_the_users_array_is_written_to(name: str) -> None:
    """As in PyTorch; whatever its strides."""
    base = np.ones((4, 6))
    arrays = [base[::2, ::3], base.T[1:3], np.array(2.0), np.asfortranarray(np.ones((300, 200)))]
    params = [Tensor(a) for a in arrays]
    opt = SHELLS[name](params)
    for p in params:
        p.grad = np.ones(p.shape)
    opt.step()
    for p, a in zip(params, arrays, strict=True):
        assert p.data is a
    assert (arrays[0] < 1).all()
    assert arrays[2] < 2
    assert (arrays[3] < 1).all()
    assert base[1, 0] == 1.0


def test_data_may_be_replaced_between_steps() -> None:
    for shape in [(2,), (400, 200)]:
        p = w(*shape)
        p.grad = np.ones(shape)
        opt = optim.SGD([p], lr=0.5)
        p.data = np.full(shape[::-1], 5.0).T
        opt.step()
        assert (p.data == 4.5).all()


@pytest.mark.parametrize("shape", [(3,), (400, 200), ()])
def test_a_read_only_parameter_is_refused(shape: tuple[int, ...]) -> None:
    array = np.ones(shape)
    array.flags.writeable = False
    p = Tensor(array, name="W")
    p.grad = np.ones(shape)
    with pytest.raises(ValueError, match=r"parameter 'W' of shape .* is a read-only array.*copy"):
        optim.Adam([p]).step()


def test_a_parameter_without_gradient_is_passed_over() -> None:
    a, b, c = w(2), w(3), w(4)
    opt = optim.Adam({"a": a, "b": b, "c": c}, lr=0.1)
    opt.step()
    a.grad, c.grad = np.ones(2), np.ones(4)
    opt.step()
    b.grad = np.ones(3)
    opt.step()
    assert opt.steps == 3
    assert {n: s["t"] for n, s in opt.state_dict()["state"].items()} == {"a": 2, "b": 1, "c": 2}
    np.testing.assert_allclose(b.data, 0.9, rtol=1e-6)
    np.testing.assert_allclose(a.data, 0.8, rtol=1e-6)


def test_gradients_of_zeros_are_stepped_by() -> None:
    p, q = w(1), w(1)
    opt = optim.SGD([p, q], lr=0.5, momentum=0.5)
    p.grad = np.ones(1)
    opt.step()
    opt.zero_grad(set_to_none=False)
    assert p.grad.tolist() == [0.0]
    assert q.grad is None
    opt.step()
    assert p.data.item() == 0.25


def test_two_optimizers_on_the_same_parameters() -> None:
    p = w(2)
    first, second = optim.SGD([p], lr=0.25), optim.Adam([p], lr=0.5)
    p.grad = np.ones(2)
    first.step()
    second.step()
    np.testing.assert_allclose(p.data, 0.25, rtol=1e-6)


@EACH
def test_nan_is_not_hidden(name: str) -> None:
    p = w(3)
    p.grad = np.array([1.0, np.nan, 1.0])
    SHELLS[name]([p]).step()
    assert np.isnan(p.data).tolist() == [False, True, False]


@pytest.mark.parametrize("search", ["strong_wolfe", None])
def test_nan_is_not_hidden_by_lbfgs(search: str | None) -> None:
    x = Tensor([1.0, np.nan])
    opt = LBFGS([x], line_search_fn=search)

    def closure() -> Tensor:
        opt.zero_grad()
        loss = (x * x).sum()
        loss.backward()
        return loss

    assert np.isnan(opt.step(closure).item())
    assert np.isnan(x.data).any()


def test_nan_is_not_hidden_by_clipping() -> None:
    p = w(2)
    p.grad = np.array([1.0, np.nan])
    assert np.isnan(optim.clip_grad_norm_([p], 1.0))
    assert np.isnan(p.grad).all()
    with pytest.raises(RuntimeError, match="norm is nan"):
        optim.clip_grad_norm_([p], 1.0, error_if_nonfinite=True)


def test_clipping_where_squares_overflow() -> None:
    p = Tensor(np.ones(2, np.float32))
    p.grad = np.array([3e30, 4e30], np.float32)
    assert optim.clip_grad_norm_(p, 1.0) == pytest.approx(5e30, rel=1e-6)
    np.testing.assert_allclose(p.grad, [0.6, 0.8], rtol=1e-6)


def test_clipping_of_nothing() -> None:
    assert optim.clip_grad_norm_([w(2)], 1.0) == 0.0


def test_a_joint_rule_sees_all_parameters() -> None:
    a, b = Tensor(np.zeros((300, 300))), Tensor(np.zeros(2))
    a.grad, b.grad = np.zeros((300, 300)), np.array([3.0, 4.0])
    a.grad[-1, -1] = 12.0
    Optimizer([a, b], chain(optim.clip_by_global_norm(1.3), optim.sgd(1.0))).step()
    np.testing.assert_allclose(b.data, [-0.3, -0.4], rtol=1e-6)
    np.testing.assert_allclose(a.data[-1, -1], -1.2, rtol=1e-6)
    with pytest.raises(ValueError, match="in one group"):
        Optimizer([{"params": [a]}, {"params": [b]}], optim.clip_by_global_norm(1.0))


def test_gradients_that_are_tensors() -> None:
    p = w(2)
    (p * p * p).sum().backward(create_graph=True)
    optim.SGD([p], lr=0.5).step()
    assert p.data.tolist() == [-0.5, -0.5]


def test_the_closures_value_is_returned() -> None:
    p = w(1)
    opt = optim.SGD([p], lr=0.5)

    def closure() -> float:
        p.grad = np.ones(1)
        return 7.0

    assert opt.step(closure) == 7.0
    assert p.data.item() == 0.5


def test_in_debug_mode() -> None:
    with tg.debug():
        x = Tensor([-2.0, 1.5])
        descend(optim.Adam([x]), quadratic, x, 2)
    assert x.data[0] > -2.0


def test_it_says_what_it_is() -> None:
    assert repr(optim.Momentum([w(2, 3), w(4)], lr=0.1)) == (
        "Momentum(lr=0.1, beta=0.9, weight_decay=0.0, maximize=False): 2 parameters, 10 numbers"
    )


def test_every_public_name_is_there() -> None:
    assert all(hasattr(optim, name) for name in optim.__all__)
    assert all(">>>" in (inspect.getdoc(getattr(optim, name)) or "") for name in optim.__all__)
