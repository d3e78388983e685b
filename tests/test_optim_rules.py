"""Update rules: each formula written out again, number by number; purity; chains; arrays that are not NumPy's."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from test_device import Device

import tinygraph as tg
from tinygraph import optim
from tinygraph.optim import Rule, apply_updates, chain

Numbers = list[float]
LR, WD = 0.1, 0.05


# --- one number at a time, from the papers: each takes the gradients g_1, g_2, ... at w_1, w_2, ... and yields w_2, ...


def sgd(w: float, gradient: Callable[[float], float]) -> Iterator[float]:
    while True:
        w = w - LR * gradient(w)
        yield w


def sgd_momentum(w: float, gradient: Callable[[float], float]) -> Iterator[float]:
    v = None
    while True:
        v = gradient(w) if v is None else 0.8 * v + (1 - 0.3) * gradient(w)
        w = w - LR * v
        yield w


def nesterov(w: float, gradient: Callable[[float], float]) -> Iterator[float]:
    """In Sutskever's variables: the gradient is taken at the place where momentum leads."""
    v, look = 0.0, w
    while True:
        v = 0.8 * v - LR * gradient(look)
        look = look + 0.8 * v - LR * gradient(look)
        yield look


def course_momentum(w: float, gradient: Callable[[float], float]) -> Iterator[float]:
    v = 0.0
    while True:
        v = 0.9 * v + (1 - 0.9) * gradient(w)
        w = w - LR * v
        yield w


def rmsprop(w: float, gradient: Callable[[float], float]) -> Iterator[float]:
    s = 0.0
    while True:
        s = 0.9 * s + (1 - 0.9) * gradient(w) ** 2
        w = w - LR * gradient(w) / (math.sqrt(s) + 1e-8)
        yield w


def centered(w: float, gradient: Callable[[float], float]) -> Iterator[float]:
    s, mean, v = 0.0, 0.0, 0.0
    while True:
        g = gradient(w)
        s, mean = 0.9 * s + 0.1 * g**2, 0.9 * mean + 0.1 * g
        v = 0.5 * v + g / (math.sqrt(s - mean**2) + 1e-3)
        w = w - LR * v
        yield w


def adagrad(w: float, gradient: Callable[[float], float]) -> Iterator[float]:
    s, t = 0.25, 0
    while True:
        g = gradient(w)
        s += g * g
        w = w - LR / (1 + t * 0.5) * g / (math.sqrt(s) + 1e-10)
        t += 1
        yield w


def adadelta(w: float, gradient: Callable[[float], float]) -> Iterator[float]:
    s = travel = 0.0
    while True:
        g = gradient(w)
        s = 0.9 * s + 0.1 * g * g
        step = math.sqrt(travel + 1e-6) / math.sqrt(s + 1e-6) * g
        travel = 0.9 * travel + 0.1 * step * step
        w = w - step
        yield w


def adam_like(w: float, gradient: Callable[[float], float], amsgrad: bool, decay: float) -> Iterator[float]:
    m = v = largest = 0.0
    for t in range(1, 1000):
        g = gradient(w)
        m, v = 0.8 * m + 0.2 * g, 0.7 * v + 0.3 * g * g
        largest = max(v, largest) if amsgrad else v
        m_hat, v_hat = m / (1 - 0.8**t), largest / (1 - 0.7**t)
        w = w - LR * decay * w - LR * m_hat / (math.sqrt(v_hat) + 1e-2)
        yield w


def lion(w: float, gradient: Callable[[float], float]) -> Iterator[float]:
    m = 0.0
    while True:
        g = gradient(w)
        c = 0.9 * m + 0.1 * g
        w = w - LR * (math.copysign(1.0, c) + WD * w)
        m = 0.99 * m + 0.01 * g
        yield w


BETAS = {"betas": (0.8, 0.7), "eps": 1e-2}
CASES: dict[str, tuple[Rule, Callable[..., Iterator[float]]]] = {
    "sgd": (optim.sgd(LR), sgd),
    "sgd with momentum": (optim.sgd(LR, momentum=0.8, dampening=0.3), sgd_momentum),
    "nesterov": (optim.sgd(LR, momentum=0.8, nesterov=True), nesterov),
    "momentum": (optim.momentum(LR), course_momentum),
    "rmsprop": (optim.rmsprop(LR, alpha=0.9), rmsprop),
    "centered rmsprop": (optim.rmsprop(LR, alpha=0.9, centered=True, momentum=0.5, eps=1e-3), centered),
    "adagrad": (optim.adagrad(LR, lr_decay=0.5, initial_accumulator_value=0.25), adagrad),
    "adadelta": (optim.adadelta(), adadelta),
    "adam": (optim.adam(LR, **BETAS), lambda w, g: adam_like(w, g, False, 0.0)),
    "amsgrad": (optim.amsgrad(LR, **BETAS), lambda w, g: adam_like(w, g, True, 0.0)),
    "adamw": (optim.adamw(LR, weight_decay=WD, **BETAS), lambda w, g: adam_like(w, g, False, WD)),
    "lion": (optim.lion(LR, weight_decay=WD), lion),
}
EVERY = pytest.mark.parametrize("rule", [rule for rule, _ in CASES.values()], ids=list(CASES))


def slope(w: Any) -> Any:
    return 2.0 * w - 0.5 * w * w


@pytest.mark.parametrize("name", CASES)
def test_the_formula(name: str) -> None:
    rule, reference = CASES[name]
    p = np.array([[1.0, -0.7], [0.3, 2.0]])
    expected = [reference(float(w), slope) for w in p.ravel()]
    state = rule.init(p)
    for _ in range(12):
        updates, state = rule.update(slope(p), state, p)
        p = p + updates
        np.testing.assert_allclose(p.ravel(), [next(e) for e in expected], rtol=1e-12)


@pytest.mark.parametrize(
    "factory", [optim.sgd, optim.momentum, optim.rmsprop, optim.adagrad, optim.adadelta, optim.adam]
)
def test_coupled_decay_is_the_gradient_of_a_penalty(factory: Callable[..., Rule]) -> None:
    p, g = np.array([1.0, -2.0]), np.array([0.3, 0.4])
    plain, decayed = factory(), factory(weight_decay=0.7)
    expected = plain.update(g + 0.7 * p, plain.init(p), p)[0]
    np.testing.assert_array_equal(decayed.update(g, decayed.init(p), p)[0], expected)
    uphill = factory(weight_decay=0.7, maximize=True)
    expected = plain.update(0.7 * p - g, plain.init(p), p)[0]
    np.testing.assert_array_equal(uphill.update(g, uphill.init(p), p)[0], expected)


def test_the_courses_momentum_is_the_common_one_with_a_tenth_of_the_rate() -> None:
    course, common = optim.momentum(0.5, beta=0.9), optim.sgd(0.05, momentum=0.9)
    p = q = np.array([1.0, -0.7])
    a, b = course.init(p), common.init(q)
    for _ in range(5):
        (u, a), (v, b) = course.update(slope(p), a, p), common.update(slope(q), b, q)
        p, q = p + u, q + v
    np.testing.assert_allclose(p, q, rtol=1e-14)


# --- pure


@EVERY
def test_a_rule_changes_nothing_that_it_is_given(rule: Rule) -> None:
    p = {"W": np.array([[1.0, -0.7]]), "b": [np.array(0.3), (np.zeros((0, 2)),)]}
    g = {"W": np.array([[0.5, 0.2]]), "b": [np.array(-1.0), (np.zeros((0, 2)),)]}
    state = rule.update(g, rule.init(p), p)[1]
    for array in (g["W"], p["W"], *(v for v in state["W"].values() if isinstance(v, np.ndarray))):
        array.flags.writeable = False
    before = copy.deepcopy((g, state, p))
    first, second = rule.update(g, state, p), rule.update(g, state, p)
    assert str((g, state, p)) == str(before)
    assert str(first) == str(second)
    assert first[0]["b"][0].shape == ()
    assert first[0]["b"][1][0].shape == (0, 2)
    assert str(rule.init(p)) != str(state)


@EVERY
def test_single_precision_stays(rule: Rule) -> None:
    p = [np.array([1.0, -0.7], np.float32), np.array(0.5, np.float32)]
    state = rule.init(p)
    for _ in range(3):
        updates, state = rule.update([slope(q).astype(np.float32) for q in p], state, p)
        p = apply_updates(p, updates)
        assert {np.asarray(q).dtype for q in p} == {np.dtype(np.float32)}
        assert {v.dtype for s in state for v in s.values() if hasattr(v, "dtype")} <= {np.dtype(np.float32)}


@EVERY
def test_a_rule_on_tensors_records_itself(rule: Rule) -> None:
    p, g = np.array([1.0, -0.7]), np.array([0.5, 0.2])
    state = rule.update(g, rule.init(p), p)[1]
    arrays = {k: v for k, v in state.items() if isinstance(v, np.ndarray)}
    numbers = {k: v for k, v in state.items() if k not in arrays}
    traced = {k: tg.Tensor(v) for k, v in arrays.items()}
    ours, after = rule.update(tg.Tensor(g), {**traced, **numbers}, tg.Tensor(p))
    expected, expected_after = rule.update(g, state, p)
    np.testing.assert_allclose(ours.data, expected, rtol=1e-15)
    for name in arrays:
        np.testing.assert_allclose(after[name].data, expected_after[name], rtol=1e-15)
    assert ours.requires_grad


@EVERY
def test_a_rule_takes_its_count_from_an_array(rule: Rule) -> None:
    """So that a recorded step may be run again with the next number."""
    p, g = np.array([1.0, -0.7]), np.array([0.5, 0.2])
    state = rule.update(g, rule.init(p), p)[1]
    expected, expected_after = rule.update(g, state, p)
    traced = {name: tg.Tensor(value) for name, value in state.items() if name != "t"}
    for case in (
        rule.update(g, {**state, "t": np.array(state["t"])}, p),
        rule.update(tg.Tensor(g), {**traced, "t": tg.Tensor(float(state["t"]))}, tg.Tensor(p)),
    ):
        found, after = case
        np.testing.assert_allclose(found.data if isinstance(found, tg.Tensor) else found, expected, rtol=1e-15)
        assert (np.shape(after["t"]), after["t"].item()) == ((), expected_after["t"])


@EVERY
def test_a_rule_stays_on_the_device(rule: Rule) -> None:
    p, g = np.array([1.0, -0.7]), np.array([0.5, 0.2])
    state, held = rule.init(p), rule.init(Device(p.copy()))
    for _ in range(2):
        expected, state = rule.update(g, state, p)
        found, held = rule.update(Device(g.copy()), held, Device(p.copy()))
        assert isinstance(found, Device)
        np.testing.assert_array_equal(found._held, expected)


def test_gradients_of_another_shape_or_structure_are_refused() -> None:
    rule = optim.adam()
    p = {"w": np.zeros((2, 3))}
    state = rule.init(p)
    with pytest.raises(ValueError, match=r"gradient of shape \(3,\) for a parameter of shape \(2, 3\)"):
        rule.update({"w": np.zeros(3)}, state, p)
    with pytest.raises(ValueError, match=r"grads: a dict with the keys \['w'\]"):
        rule.update({"v": np.zeros((2, 3))}, state, p)


def test_numbers_are_parameters_too() -> None:
    rule = optim.sgd(0.5)
    updates, state = rule.update([2.0, 4.0], rule.init([1.0, 1.0]), [1.0, 1.0])
    assert apply_updates([1.0, 1.0], updates) == [0.0, -1.0]
    assert [s["t"] for s in state] == [1, 1]


def test_a_schedule_counts_from_0() -> None:
    seen: list[float] = []
    rule = optim.sgd(lr=lambda t: seen.append(t) or 0.5 / (t + 1))
    p = np.array([1.0])
    state = rule.init(p)
    updates = []
    for _ in range(3):
        u, state = rule.update(np.array([1.0]), state, p)
        updates.append(u.item())
    assert updates == [-0.5, -0.25, -0.5 / 3]
    assert seen == [0, 1, 2]


# --- chains


def test_adamw_is_a_chain() -> None:
    whole = optim.adamw(0.1, weight_decay=0.3)
    parts = chain(optim.adam(1.0), optim.add_decayed_weights(-0.3), optim.scale(0.1))
    p = q = np.array([1.0, -2.0])
    a, b = whole.init(p), parts.init(q)
    for _ in range(4):
        (u, a), (v, b) = whole.update(slope(p), a, p), parts.update(slope(q), b, q)
        p, q = p + u, q + v
    np.testing.assert_allclose(p, q, rtol=1e-14)


def test_clipping_by_value() -> None:
    np.testing.assert_array_equal(
        optim.clip(1.0).update(np.array([-3.0, 0.5, np.nan]), {}, np.zeros(3))[0], [-1, 0.5, np.nan]
    )


@pytest.mark.parametrize("limit", [1.0, 100.0])
def test_clipping_by_the_norm_of_all(limit: float) -> None:
    rule = chain(optim.clip_by_global_norm(limit), optim.scale(1.0))
    g = {"a": np.array([3.0]), "b": np.array([[4.0], [12.0]])}
    p = {name: np.zeros_like(a) for name, a in g.items()}
    clipped = rule.update(g, rule.init(p), p)[0]
    for name, a in g.items():
        np.testing.assert_allclose(clipped[name], a * min(1.0, limit / 13.0), rtol=1e-6)


def test_clipping_by_the_norm_keeps_each_dtype() -> None:
    rule = optim.clip_by_global_norm(1.0)
    g = [np.array([3.0], np.float32), np.array([4.0])]
    found = rule.update(g, [{}, {}], g)[0]
    assert [a.dtype for a in found] == [np.float32, np.float64]


def test_clipping_zeros_and_nothing() -> None:
    rule = optim.clip_by_global_norm(1.0)
    assert rule.update(np.zeros(2), {}, np.zeros(2))[0].tolist() == [0.0, 0.0]
    assert rule.update([], [], [])[0] == []


def test_a_chain_is_made_of_rules() -> None:
    with pytest.raises(TypeError, match="not an update rule"):
        chain(optim.clip(1.0), optim.Adam)


# --- hyper-parameters out of range


@pytest.mark.parametrize(
    ("factory", "wrong", "message"),
    [
        (optim.sgd, {"lr": -0.1}, "sgd: lr = -0.1 is negative"),
        (optim.sgd, {"lr": math.nan}, "sgd: lr = nan"),
        (optim.sgd, {"nesterov": True}, "nesterov needs a momentum"),
        (optim.sgd, {"nesterov": True, "momentum": 0.9, "dampening": 0.1}, "no dampening"),
        (optim.momentum, {"beta": 1.0}, "beta = 1.0 must be at least 0 and less than 1"),
        (optim.rmsprop, {"alpha": -0.1}, "alpha"),
        (optim.adagrad, {"weight_decay": -1.0}, "weight_decay"),
        (optim.adadelta, {"rho": 1.5}, "rho"),
        (optim.adam, {"betas": (0.9, 1.0)}, "adam: beta2 = 1.0"),
        (optim.amsgrad, {"betas": (-0.9, 0.9)}, "amsgrad: beta1"),
        (optim.adamw, {"eps": -1e-8}, "adamw: eps"),
        (optim.adamw, {"weight_decay": -1e-8}, "adamw: weight_decay"),
        (optim.lion, {"betas": (0.9, math.nan)}, "lion: beta2"),
        (optim.clip, {"value": -1.0}, "clip: value"),
        (optim.clip_by_global_norm, {"max_norm": -1.0}, "max_norm"),
    ],
)
def test_what_is_out_of_range_is_refused(factory: Callable[..., Rule], wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        factory(**wrong)
