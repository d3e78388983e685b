"""The course's measure, and checks in the middle of training: what they find, say and cost."""

import sys

import numpy as np
import pytest

import tinygraph as tg
from tinygraph.check import (
    GradientError,
    check_training,
    compare_training,
    course_gradient_check,
    relative_difference,
    training,
)
from tinygraph.check.projection import compare_along


def course_network():
    """The exercise's network of 4-5-3-1 units, three samples, and a gradient: its numbers were published."""
    rng = np.random.RandomState(1)
    X = rng.randn(4, 3)
    shapes = {"W1": (5, 4), "b1": (5, 1), "W2": (3, 5), "b2": (3, 1), "W3": (1, 3), "b3": (1, 1)}
    theta = {name: rng.randn(*shape) for name, shape in shapes.items()}
    Y = np.array([[1, 1, 0]])

    def forward(p):
        A1 = np.maximum(p["W1"] @ X + p["b1"], 0)
        A2 = np.maximum(p["W2"] @ A1 + p["b2"], 0)
        return A1, A2, 1 / (1 + np.exp(-(p["W3"] @ A2 + p["b3"])))

    def cost(p):
        A3 = forward(p)[-1]
        return 1.0 / 3 * np.sum(-np.log(A3) * Y - np.log(1 - A3) * (1 - Y))

    def gradient(p):
        A1, A2, A3 = forward(p)
        dZ3 = A3 - Y
        dZ2 = p["W3"].T @ dZ3 * (A2 > 0)
        dZ1 = p["W2"].T @ dZ2 * (A1 > 0)
        steps = {1: (dZ1, X), 2: (dZ2, A1), 3: (dZ3, A2)}
        dW = {f"dW{i}": dZ @ A.T / 3 for i, (dZ, A) in steps.items()}
        return {**dW, **{f"db{i}": dZ.sum(axis=1, keepdims=True) / 3 for i, (dZ, A) in steps.items()}}

    return cost, gradient, theta


def test_the_exercises_published_numbers():
    cost, gradient, theta = course_network()
    right = course_gradient_check(cost, gradient, theta)
    assert right.difference == pytest.approx(1.1890913e-07, rel=0.01)
    assert right.says.startswith("look")
    assert right.ok
    assert right.report.right == 47

    def buggy(p):
        found = gradient(p)
        return {**found, "dW2": 2 * found["dW2"], "db1": 4 * found["db1"]}

    wrong = course_gradient_check(cost, buggy, theta)
    assert wrong.difference == pytest.approx(0.2850931567761623, abs=1e-9)
    assert wrong.says.startswith("worry")
    assert sorted(wrong.parts, key=lambda name: -wrong.parts[name])[:2] == ["theta['b1']", "theta['W2']"]
    assert "the gradient of theta['W2'] is 2 times too large" in str(wrong)
    assert "the gradient of theta['b1'] is 4 times too large" in str(wrong)


def test_a_gradient_that_is_known_already_and_one_dimension():
    assert course_gradient_check(lambda theta: theta * 2, 2, 4).says == "great"
    cost, gradient, theta = course_network()
    assert course_gradient_check(cost, gradient(theta), theta).ok


def test_the_measure_is_symmetric_and_zero_for_nothing():
    assert relative_difference(np.zeros(3), np.zeros(3)) == 0.0
    assert relative_difference([1.0, 0.0], [0.0, 1.0]) == pytest.approx(2**0.5 / 2)
    assert relative_difference(-np.ones(3), np.ones(3)) == 1.0
    with pytest.raises(ValueError, match="3 numbers and an approximation of 2"):
        relative_difference(np.ones(3), np.ones(2))


def test_a_gradient_that_is_not_a_number_is_no_great_one():
    assert course_gradient_check(lambda x: x**2, lambda x: np.nan, 1.0).says.startswith("worry")


X, Y = np.random.default_rng(0).normal(size=(6, 3)), np.array([0.0, 1.0, 1.0, 0.0, 1.0, 0.0])
START = {"W": np.zeros((3, 2)) + 0.1, "b": np.zeros(2), "v": np.ones(2)}


def loss(p):
    return ((np.tanh(X @ p["W"] + p["b"]) @ p["v"] - Y) ** 2).mean() + 0.01 * (p["W"] ** 2).sum()


def step(p):
    g = tg.grad(loss)(p)
    return {name: p[name] - 0.1 * g[name] for name in p}


class Counted:
    def __init__(self, f):
        self.f, self.calls = f, 0

    def __call__(self, *args):
        self.calls += 1
        return self.f(*args)


def test_right_at_the_start_and_after_some_steps():
    before = {name: x.copy() for name, x in START.items()}
    found = compare_training(loss, START, step, at=(10, 0), announce=None)
    assert {n: report.right for n, report in found.reports.items()} == {0: 10, 10: 10}
    assert all(np.array_equal(START[name], before[name]) for name in START)


def test_a_fault_that_shows_only_after_some_steps():
    def hidden(p):  # forgets b, which is zero at the start
        g = tg.grad(loss)(p)
        return {**g, "b": g["b"] + p["b"]}

    found = compare_training(loss, START, step, gradient=hidden, announce=None)
    assert found.reports[0].ok
    assert found.reports[10].wrong
    assert "after 10 steps: gradients of order 1" in str(found)
    with pytest.raises(GradientError) as error:
        check_training(loss, START, step, gradient=hidden, announce=None)
    assert error.value.__notes__ == ["found after 10 steps of training"]


@pytest.mark.parametrize("n", [1, 7, 60])
def test_elements_cost_at_most_four_calls_each_and_twenty(n):
    f = Counted(lambda w: np.sum(np.sin(w) * w))
    assert compare_training(f, np.linspace(0.3, 1.0, n), at=(0,), mode="elements", announce=None).ok
    assert f.calls <= 4 * n + 20


@pytest.mark.parametrize("n", [1, 10, 1000, 100_000])
@pytest.mark.parametrize(
    "f",
    [
        lambda w: np.sum(np.sin(w) * w),
        lambda w: np.sum(np.maximum(w, 0)),
        lambda w: w.sum(),
        lambda w: np.sum(np.sin(w - w.mean())),
    ],
)
def test_a_projection_costs_at_most_twenty_calls_whatever_the_size(n, f):
    counted = Counted(f)
    w = np.random.default_rng(n).normal(size=n)
    found = compare_training(counted, w, at=(0,), mode="projection", announce=None)
    assert counted.calls <= 20
    assert not found.reports[0].wrong


@pytest.mark.parametrize(
    "fault", [lambda g: 0 * g, lambda g: -g, lambda g: 2 * g, lambda g: 1.001 * g, lambda g: g[::-1]]
)
def test_a_projection_finds_faults_at_the_same_price(fault):
    w = np.random.default_rng(1).normal(size=5000)
    f = Counted(lambda w: np.sum(np.sin(w) * w))
    report = compare_along(f, w, gradient=lambda w: fault(np.cos(w) * w + np.sin(w)))
    assert report.wrong
    assert f.calls <= 20


def test_a_projection_needs_one_number():
    with pytest.raises(ValueError, match="returns one number, not 3"):
        compare_along(np.sin, np.ones(3))


def test_a_projection_takes_a_gradient_in_any_order_but_of_no_other_shape():
    p = {"a": np.ones(3), "b": np.arange(4.0).reshape(2, 2)}

    def cost(p):
        return np.sum(p["a"] ** 2) + np.sum(p["b"] ** 3)

    assert compare_along(cost, p, gradient=lambda p: {"db": 3 * p["b"] ** 2, "da": 2 * p["a"]}).ok
    with pytest.raises(ValueError, match=r"shapes are \(2, 1\), \(2, 2\), not the argument's"):
        compare_along(cost, p, gradient=lambda p: {"a": np.ones((2, 1)), "b": 3 * p["b"] ** 2})


def test_what_it_costs_is_said_before_it_starts(capsys):
    calls = []
    compare_training(Counted(loss), START, step, at=(0, 2), announce=calls.append)
    assert calls == [
        "checking 2 gradients with respect to 10 parameters, element by element: about 120 calls of the loss"
    ]
    compare_training(loss, START, at=(0,), mode="projection", announce=calls.append)
    assert calls[1].endswith("along two random directions: about 20 calls of the loss")
    compare_training(loss, START, at=(0,))
    out, err = capsys.readouterr()
    assert "about 60 calls" in out
    assert not err


class Model:
    training = True

    def __init__(self):
        self.told = []

    def train(self):
        self.training = True

    def eval(self):
        self.training = False

    def loss(self, w):
        keep = np.random.default_rng().random(np.shape(w)) < 0.5 if self.training else 1.0
        return (w**2 * keep).sum()


@pytest.mark.parametrize("mode", ["elements", "projection"])
def test_dropout_left_on_is_said_and_a_model_has_it_off(mode):
    model = Model()
    found = compare_training(model.loss, np.linspace(0.5, 1.7, 40), at=(0,), mode=mode, announce=None)
    assert not found.ok
    assert found.reports[0].wrong == 0
    assert "not deterministic" in str(found)
    assert "dropout" in str(found)
    found = compare_training(model.loss, np.linspace(0.5, 1.7, 40), at=(0,), mode=mode, model=model, announce=None)
    assert found.ok
    assert "note: the model was in training mode" in str(found)
    assert model.training


def test_a_bar_on_a_terminal_only(monkeypatch, capsys):
    pytest.importorskip("tqdm", reason="tqdm is not installed")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert compare_training(loss, START, at=(0,), announce=None).ok
    assert "after 0 steps" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "tqdm", None)
    assert compare_training(loss, START, at=(0,), announce=None).ok
    assert not capsys.readouterr().err


def test_errors():
    with pytest.raises(ValueError, match="give step"):
        compare_training(loss, START)
    with pytest.raises(ValueError, match="there are 'elements' and 'projection'"):
        compare_training(loss, START, at=(0,), mode="all")
    with pytest.raises(TypeError, match="step has to return the next"):
        compare_training(loss, START, lambda p: None, at=np.int64(1), announce=None)
    with pytest.raises(TypeError, match=r"dict\(model.named_parameters\(\)\)"):
        compare_training(loss, Model(), at=0)
    assert training.MODES == ("elements", "projection")
