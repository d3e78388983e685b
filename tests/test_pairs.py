"""Anybody's gradients: right ones pass, wrong ones are named by what they have to do with the right ones."""

import numpy as np
import pytest

import tinygraph as tg
from tinygraph.check import (
    GradientError,
    check_backprop,
    check_pair,
    compare_backprop,
    compare_grads,
    compare_pair,
    numeric_grad,
    relation,
)

RNG = np.random.default_rng(3)
M = 5
X, Y = RNG.normal(size=(3, M)), (RNG.random((1, M)) < 0.5).astype(int)
P = {
    "W1": RNG.normal(size=(4, 3)),
    "b1": RNG.normal(size=(4, 1)),
    "W2": RNG.normal(size=(1, 4)),
    "b2": RNG.normal(size=(1, 1)),
}


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def forward_propagation(X, parameters):
    Z1 = parameters["W1"] @ X + parameters["b1"]
    A1 = np.tanh(Z1)
    Z2 = parameters["W2"] @ A1 + parameters["b2"]
    return sigmoid(Z2), {"Z1": Z1, "A1": A1, "Z2": Z2, "A2": sigmoid(Z2)}


def compute_cost(A2, Y):
    return float(np.squeeze(-np.mean(Y * np.log(A2) + (1 - Y) * np.log(1 - A2))))


def backward_propagation(parameters, cache, X, Y):
    m = X.shape[1]
    dZ2 = cache["A2"] - Y
    dZ1 = parameters["W2"].T @ dZ2 * (1 - cache["A1"] ** 2)
    return {
        "dW1": dZ1 @ X.T / m,
        "db1": dZ1.sum(axis=1, keepdims=True) / m,
        "dW2": dZ2 @ cache["A1"].T / m,
        "db2": dZ2.sum(axis=1, keepdims=True) / m,
    }


def of(**changed):
    """The network's report, with some of its gradients changed."""

    def backward(parameters, cache, X, Y):
        found = backward_propagation(parameters, cache, X, Y)
        return {name: changed.get(name, lambda g: g)(g) for name, g in found.items()}

    return compare_backprop(forward_propagation, backward, compute_cost, X=X, Y=Y, parameters=P)


def test_the_courses_own_functions_are_checked_in_one_call():
    check_backprop(forward_propagation, backward_propagation, compute_cost, X=X, Y=Y, parameters=P)
    report = of()
    assert report.right == report.size == 4 * 3 + 4 + 4 + 1
    assert [c.name for c in report.comparisons] == ["dW1", "db1", "dW2", "db2"]


FAULTS = {
    "1/m missing": ({"dW1": lambda g: g * M}, "dW1 is 5 times too large (5 is m, the number of samples)"),
    "1/m twice": ({"db1": lambda g: g / M}, "db1 is 5 times too small (5 is m, the number of samples)"),
    "sign": ({"dW2": lambda g: -g}, "dW2 is of the wrong sign"),
    "sign and 1/m": ({"db2": lambda g: -g / M}, "db2 is of the wrong sign and 5 times too small (5 is m"),
    "half": ({"dW2": lambda g: g / 2}, "dW2 is 2 times too small"),
    "a permille": ({"dW1": lambda g: g * 1.001}, "dW1 is 1.001 times too large"),
    "transposed": ({"dW1": lambda g: g.T}, "dW1 is transposed"),
    "keepdims": ({"db1": lambda g: g.ravel()}, "db1 is of shape (4,) instead of (4, 1) (keepdims=True"),
    "zero": ({"dW1": lambda g: 0 * g}, "dW1 is zero everywhere"),
    "penalty": ({"dW1": lambda g: g - 0.3 * P["W1"]}, "dW1 is without 0.3 times the argument itself"),
    "summed": ({"dW1": lambda g: g.sum(axis=1)}, "dW1 is summed over axis 1"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_and_named(fault):
    changed, said = FAULTS[fault]
    report = of(**changed)
    assert not report.ok
    assert said in str(report)


def test_a_sum_over_the_samples_that_is_missing_is_named():
    def backward(parameters, cache, X, Y):
        found = backward_propagation(parameters, cache, X, Y)
        dZ2 = cache["A2"] - Y
        return {**found, "db1": parameters["W2"].T @ dZ2 * (1 - cache["A1"] ** 2) / X.shape[1]}

    report = compare_backprop(forward_propagation, backward, compute_cost, X=X, Y=Y, parameters=P)
    assert "db1 is not summed over axis 1, of length 5" in str(report)


def test_the_layer_at_which_the_way_back_goes_wrong_is_named():
    def backward(parameters, cache, X, Y):
        found = backward_propagation(parameters, cache, X, Y)
        dZ1 = parameters["W2"].T @ (cache["A2"] - Y) * (1 - cache["Z1"] ** 2)
        return {**found, "dW1": dZ1 @ X.T / M, "db1": dZ1.sum(axis=1, keepdims=True) / M}

    report = compare_backprop(forward_propagation, backward, compute_cost, X=X, Y=Y, parameters=P)
    assert "dW1 and db1 are the first wrong: the fault is in what they share, dZ1" in str(report)
    assert {c.name for c in report.comparisons if not np.all(c.verdicts == "right")} == {"dW1", "db1"}


def linear_activation_forward(A_prev, W, b, activation):
    Z = W @ A_prev + b
    return np.maximum(Z, 0) if activation == "relu" else sigmoid(Z), ((A_prev, W, b), Z)


def linear_activation_backward(dA, cache, activation):
    (A_prev, W, _), Z = cache
    m = A_prev.shape[1]
    dZ = dA * (Z > 0) if activation == "relu" else dA * sigmoid(Z) * (1 - sigmoid(Z))
    return W.T @ dZ, dZ @ A_prev.T / m, dZ.sum(axis=1, keepdims=True) / m


LAYER = {"A_prev": X, "W": P["W1"], "b": P["b1"]}


@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
def test_one_layer_in_the_courses_notation(activation):
    passes = linear_activation_forward, linear_activation_backward
    check_backprop(*passes, **LAYER, activation=activation, samples=M, per_sample=("A_prev",))
    report = compare_backprop(*passes, **LAYER, activation=activation)
    assert [note for note in report.notes if "the number of samples" in note] == [
        "dW is 5 times too small (5 is m, the number of samples)",
        "db is 5 times too small (5 is m, the number of samples)",
    ]
    assert "as in the course, say samples=5, per_sample=('A_prev',)" in report.notes[-1]


def propagate(w, b, X, Y):
    A = sigmoid(w.T @ X + b)
    return {"dw": X @ (A - Y).T / X.shape[1], "db": np.mean(A - Y)}, compute_cost(A, Y)


def test_a_function_that_returns_gradients_and_cost():
    check_backprop(propagate, X=X, Y=Y, w=np.ones((3, 1)), b=2)


def test_theta_alone():
    check_backprop(lambda x, theta: theta * x, lambda x, theta: x, wrt=("theta",), x=2, theta=4)
    report = compare_backprop(lambda x, theta: theta * x, lambda x, theta: -x, wrt=("theta",), x=2, theta=4)
    assert "dtheta is of the wrong sign" in str(report)


def test_what_else_backward_returns_is_said_to_be_unchecked():
    def backward(parameters, cache, X, Y):
        return {"dZ2": cache["A2"] - Y, **backward_propagation(parameters, cache, X, Y)}

    report = compare_backprop(forward_propagation, backward, compute_cost, X=X, Y=Y, parameters=P)
    assert report.ok
    assert "not checked, since no argument has the name: dZ2" in report.notes


def test_errors_name_what_is_missing():
    with pytest.raises(TypeError, match="forward_propagation asks for parameters; given are X, Y"):
        compare_backprop(forward_propagation, backward_propagation, compute_cost, X=X, Y=Y)
    with pytest.raises(ValueError, match="backward returns dW1, but no db1"):
        compare_backprop(forward_propagation, lambda cache: {"dW1": P["W1"]}, compute_cost, X=X, Y=Y, parameters=P)
    with pytest.raises(ValueError, match="backward returns 2 arrays for A_prev, W, b"):
        compare_backprop(linear_activation_forward, lambda dA, cache: (dA, dA), **LAYER, activation="relu")
    with pytest.raises(ValueError, match="none of it is the gradient of W1, b1, W2, b2"):
        compare_backprop(lambda parameters: 1.0, lambda: {"dU": 1.0}, parameters=P)
    with pytest.raises(ValueError, match="a dict of gradients and a cost"):
        compare_backprop(lambda w: w, w=1.0)
    with pytest.raises(TypeError, match="backward returned None"):
        compare_backprop(lambda w: w * w, lambda w: None, w=1.0)
    with pytest.raises(TypeError, match=r"give layer\.forward and layer\.backward"):
        compare_backprop(object(), w=1.0)
    with pytest.raises(TypeError, match="gradients of 2 outputs, where forward returns 1"):
        compare_backprop(lambda w: (w * w, w), lambda da_next, dc_next, cache: da_next, w=np.ones(2))
    with pytest.raises(ValueError, match="per_sample needs samples"):
        compare_backprop(linear_activation_forward, linear_activation_backward, **LAYER, per_sample=("A_prev",))


def test_dropout_left_on_is_said():
    def forward(X, parameters):
        A, cache = forward_propagation(X, parameters)
        return A * (RNG.random(A.shape) < 0.8) / 0.8, cache

    def cost(A2, Y):
        return np.mean((A2 - Y) ** 2)

    report = compare_backprop(forward, backward_propagation, cost, X=X, Y=Y, parameters=P)
    assert not report.ok
    assert report.wrong == 0
    assert "dropout" in str(report)


def lstm_cell_forward(xt, a_prev, c_prev, parameters):
    """The exercise's outputs, a_next, c_next, yt_pred, before its cache."""
    z = parameters["W"] @ np.concatenate([a_prev, xt])
    f, o = sigmoid(z[:2]), sigmoid(z[2:])
    c_next = f * c_prev + np.tanh(z[:2])
    a_next = o * np.tanh(c_next)
    return a_next, c_next, sigmoid(a_next), (a_next, c_next, f, o, a_prev, c_prev, xt, z, parameters)


def lstm_cell_backward(da_next, dc_next, cache):
    _, c_next, f, o, a_prev, c_prev, xt, z, parameters = cache
    dc = dc_next + da_next * o * (1 - np.tanh(c_next) ** 2)
    df, do = dc * c_prev * f * (1 - f) + dc * (1 - np.tanh(z[:2]) ** 2), da_next * np.tanh(c_next) * o * (1 - o)
    dz = np.concatenate([df, do])
    back = parameters["W"].T @ dz
    dW = dz @ np.concatenate([a_prev, xt]).T
    return {"da_prev": back[:2], "dxt": back[2:], "dc_prev": dc * f, "dW": dW}


def test_a_cell_of_two_states_and_a_prediction():
    given = {"xt": RNG.normal(size=(3, 4)), "a_prev": RNG.normal(size=(2, 4)), "c_prev": RNG.normal(size=(2, 4))}
    weights = {"W": RNG.normal(size=(4, 5))}
    check_backprop(lstm_cell_forward, lstm_cell_backward, **given, parameters=weights)

    def forgets(da_next, dc_next, cache):
        return lstm_cell_backward(da_next, 0.0 * dc_next, cache)

    assert compare_backprop(lstm_cell_forward, forgets, **given, parameters=weights).wrong


def test_numbers_among_the_arguments_are_no_parameters_where_only_arrays_have_gradients():
    def pool_forward(A_prev, hparameters, rate=0.5):
        f = hparameters["f"]
        return rate * A_prev.reshape(2, 4 // f, f).sum(axis=2), (A_prev, hparameters, rate)

    def pool_backward(dA, cache):
        return cache[2] * np.repeat(dA, cache[1]["f"], axis=1)

    how = {"hparameters": {"f": 2, "mode": "average"}, "rate": 0.25}
    assert compare_backprop(pool_forward, pool_backward, A_prev=RNG.normal(size=(2, 4)), **how).right == 8


def test_a_loss_that_returns_its_gradient_beside_it():
    def loss(x, y):
        return np.mean((x - y) ** 2), 2.0 * (x - y) / x.size

    x, y = RNG.normal(size=(2, 6))
    check_backprop(loss, x=x, y=y, wrt="x")
    assert compare_backprop(lambda x, y: (loss(x, y)[0], -loss(x, y)[1]), x=x, y=y, wrt="x").wrong == 6


def test_a_gradient_may_be_a_list_of_numbers_and_must_be_something():
    x = RNG.normal(size=3)
    for given, slope in [(x, lambda x: [2.0 * v for v in x]), (list(x), lambda x: 2.0 * np.asarray(x))]:
        assert compare_pair(lambda x: np.sum(np.square(x)), slope, given).right == 3
    with pytest.raises(TypeError, match="the gradient returned None"):
        check_pair(np.sum, lambda x: None, x)


def test_a_pair_over_trees_in_any_order():
    p = {"a": RNG.normal(size=3), "b": [2.0, np.ones((2, 2))]}

    def value(p):
        return (p["a"] ** 2).sum() * p["b"][0] + (p["b"][1] ** 3).sum()

    def gradient(p):
        return {"b": (np.sum(p["a"] ** 2), 3 * p["b"][1] ** 2), "a": 2 * p["a"] * p["b"][0]}

    check_pair(value, gradient, p)
    with pytest.raises(GradientError, match=r"the gradient of x0\['a'\] is of the wrong sign"):
        check_pair(value, lambda p: {**gradient(p), "a": -gradient(p)["a"]}, p)
    with pytest.raises(ValueError, match="the gradient holds a, but nothing for b"):
        compare_pair(value, lambda p: {"a": 1.0}, p)


def test_gradients_in_each_others_places_are_named():
    a, b = RNG.normal(size=3), RNG.normal(size=3)
    report = compare_pair(lambda a, b: a @ b, lambda a, b: (a, b), a, b)
    assert report.notes == (
        "the gradient of x0 is that of x1: exchanged",
        "the gradient of x1 is that of x0: exchanged",
    )


def test_directions_cost_little_and_find_a_fault():
    w = RNG.normal(size=500)
    assert compare_pair(lambda w: np.sum(np.sin(w)), np.cos, w, directions=2).ok
    report = compare_pair(lambda w: np.sum(np.sin(w)), lambda w: 1.001 * np.cos(w), w, directions=2)
    assert report.wrong
    assert report.evaluations < 100


def test_relation_is_silent_where_nothing_simple_helps():
    x = RNG.normal(size=6)
    found = numeric_grad(lambda x: np.sum(np.exp(x)), x)
    assert relation(np.exp(2 * x), found) is None
    assert relation(np.exp(x) * np.nan, found) is None
    assert relation(np.exp(x)[:5], found) is None


def test_a_fault_in_some_elements_is_named_by_where_they_are():
    x = np.array([-2.0, -0.5, 0.3, 1.5, 2.5])

    def said(gradient):
        return compare_pair(lambda x: np.sum(x**3), gradient, x).notes

    assert said(lambda x: 3 * x * abs(x)) == (
        "the gradient of x0 is of the wrong sign just where the argument is negative",
    )
    assert said(lambda x: np.where(x < 0, 0.0, 3 * x**2)) == (
        "the gradient of x0 is wrong just where the argument is negative",
    )
    assert said(lambda x: 3 * x**2 * [2, 1, 1, 1, 1]) == ("the gradient of x0 is 2 times too large in 1 of 5 elements",)
    assert said(lambda x: 3 * x**2 + [1, 1, 0, 0, 1]) == ()


def test_arguments_with_defaults_keep_them():
    def cost(A2, Y, lambd=0.0, parameters=None):
        return compute_cost(A2, Y) + lambd

    def backward(parameters, cache, X, Y, lambd=0.0, depth=2):
        assert depth == 2
        assert lambd == 0.0
        return backward_propagation(parameters, cache, X, Y)

    check_backprop(forward_propagation, backward, cost, X=X, Y=Y, parameters=P)


def test_a_deep_networks_passes_with_one_sample_and_the_output_in_backward():
    def l_model_backward(AL, Y, caches, parameters, X):
        return backward_propagation(parameters, {**caches, "A2": AL}, X, Y)

    for m in (1, M):
        check_backprop(forward_propagation, l_model_backward, compute_cost, X=X[:, :m], Y=Y[:, :m], parameters=P)


def test_a_layer_that_keeps_its_cache():
    class Sigmoid:
        def forward(self, x):
            self.out = sigmoid(x)
            return self.out

        def backward(self, dout):
            return dout * self.out * (1 - self.out)

    layer = Sigmoid()
    check_backprop(layer.forward, layer.backward, x=X)


def test_no_relation_is_claimed_that_is_not_there():
    rng = np.random.default_rng(8)
    for _ in range(200):
        shape = tuple(rng.integers(1, 4, size=rng.integers(1, 3)))
        x = rng.normal(size=shape) * 10.0 ** rng.integers(-6, 6)
        if x.size < 2:
            continue
        found = numeric_grad(lambda x: np.sum(np.tanh(x) * np.cos(x) + x), x)
        assert relation(rng.normal(size=shape), found, x, {"m": 5}) is None


def test_noise_is_no_relation():
    x = np.array([1.0, 2.0, 3.0])
    found = numeric_grad(lambda x: np.sum(x * 1e-6) + 1e-3 * np.sin(1e9 * np.sum(x)), x)
    assert relation(np.array([3.0, 3.0, 3.0]), found) is None


FAULTY = {
    "2 times too small": lambda w: w @ S,
    "of the wrong sign": lambda w: -2.0 * w @ S,
    "transposed": lambda w: (2.0 * w @ S).T,
    "3 times too large (3 is the length of axis 0 of x0)": lambda w: 6.0 * w @ S,
    "zero everywhere": np.zeros_like,
}
S = np.array([[2.0, 0.5, 1.0], [0.5, 1.0, -0.25], [1.0, -0.25, 3.0]])


@pytest.mark.parametrize("words", FAULTY)
def test_every_way_in_names_a_fault_by_the_same_words(words):
    """compare_grads of somebody's gradient, compare_pair, and compare_grads of a rule of an operation."""
    w = np.arange(1.0, 10.0).reshape(3, 3)
    value, wrong = lambda w: np.sum((w @ S) * w), FAULTY[words]
    operation = tg.op(value, vjps=[lambda g, ans, w: g * wrong(w)], name="student")
    expected = (f"the gradient of x0 is {words}",)
    assert compare_pair(value, wrong, w).notes == expected
    assert compare_grads(value, w, gradient=wrong).notes == expected
    assert compare_grads(operation, w).notes == expected


def test_a_gradient_of_another_shape_is_named_by_compare_grads_too():
    report = compare_grads(lambda b: np.sum((X + b) ** 2), np.ones((3, 1)), gradient=lambda b: 2.0 * (X + b))
    assert report.notes == ("the gradient of x0 is not summed over axis 1, of length 5",)
    assert "wrong: x0: a gradient of shape (3, 5)" in str(report)


def test_two_is_a_number_and_no_length():
    report = compare_grads(lambda x: np.sum(x * x), np.array([1.0, 2.0]), gradient=lambda x: x)
    assert report.notes == ("the gradient of x0 is 2 times too small",)


def test_numbers_that_are_not_finite_are_no_relation():
    x = np.array([0.5, -np.inf, np.nan, 2.0])
    found = numeric_grad(lambda x: np.sum(np.nan_to_num(x) * [1.0, 0.0, 0.0, 3.0]), x)
    assert relation(np.array([1.0, 0.0, 0.0, 2.0]), found, x) is None
