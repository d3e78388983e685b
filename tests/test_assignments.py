"""The course's exercises: what they printed, reproduced through tinygraph in the course's column layout.

The published numbers are no part of the project; without them, beside the checkout, these tests are skipped.
"""

import importlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygraph as tg

ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared"
EXERCISES = SHARED / "assignments"
PITCH = SHARED / "data" / "data.mat"
CATS = [SHARED / "data" / "train_catvnoncat.h5", SHARED / "data" / "test_catvnoncat.h5"]
pytestmark = pytest.mark.skipif(not EXERCISES.is_dir(), reason="the course's published results are not here")

DEEP = os.environ.get("HYPOTHESIS_PROFILE") == "deep"
long = pytest.mark.skipif(not DEEP, reason="long, and like a test that runs: it runs in the deep profile")


def some(*params: Any, of: int) -> list[Any]:
    """The first of them run always, the others in the deep profile: each trains a network for thousands of epochs."""
    return [*params[:of], *(pytest.param(p, marks=long) for p in params[of:])]


THEN = {
    "mul": np.multiply,
    "lt": np.less,
    "gt": np.greater,
    "mul_sqrt": lambda v, a: v * np.sqrt(a),
    "div_sqrt": lambda v, a: v / np.sqrt(a),
}


@pytest.fixture
def course(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Imports an example of the course by its name."""
    monkeypatch.syspath_prepend(str(ROOT / "examples" / "course"))
    yield importlib.import_module
    for name in [path.stem for path in (ROOT / "examples" / "course").glob("*.py")]:
        sys.modules.pop(name, None)


def case(file: str, name: str) -> Any:
    cases = json.loads((EXERCISES / f"{file}.json").read_text())["cases"]
    return next(c for c in cases if c["id"] == name)


def inputs(of: Any) -> dict[str, Any]:
    """The arrays of a case: drawn from the seeds in their order, or given as numbers."""
    found: dict[str, Any] = {}
    rng = np.random.RandomState(0)
    for draw in of["inputs"].get("draws", []):
        if "seed" in draw:
            rng = np.random.RandomState(draw["seed"])
            continue
        value = getattr(rng, draw["dist"])(*draw["shape"])
        for what, by in draw.get("then", []):
            value = THEN[what](value, by)
        found[draw["name"]] = value
    return found | {k: np.array(v) for k, v in of["inputs"].get("literals", {}).items()}


def agree(found: Any, of: Any, *names: str) -> None:
    """Whether what was found is what was printed, within the tolerance of the digits printed."""
    rtol, atol = of["tolerance"]
    values = found if isinstance(found, dict) else dict(zip(names, [found] if len(names) == 1 else found, strict=True))
    for name, value in values.items():
        np.testing.assert_allclose(
            np.asarray(getattr(value, "data", value), dtype=float), of["expected"][name], rtol, atol, err_msg=name
        )


# --- course 1, week 2: logistic regression

LOGISTIC = "c1w2_logistic_regression"


def start(given: dict[str, Any], *names: str) -> list[tg.Tensor]:
    return [tg.Tensor(np.array(given[name], dtype=float), name=name) for name in names]


def propagate(w: tg.Tensor, b: tg.Tensor, X: Any, Y: Any) -> tg.Tensor:
    w.zero_grad()
    b.zero_grad()
    J = tg.binary_cross_entropy_with_logits(w.T @ X + b, np.asarray(Y, dtype=float))
    J.backward()
    return J


def test_sigmoid() -> None:
    agree([tg.sigmoid(0.0), tg.sigmoid(9.2)], case(LOGISTIC, "sigmoid_9.2"), "s0", "s92")


@pytest.mark.parametrize("name", ["propagate_2017", "propagate_2021_nb", "propagate_2021"])
def test_propagate(name: str) -> None:
    of = case(LOGISTIC, name)
    given = inputs(of)
    w, b = start(given, "w", "b")
    J = propagate(w, b, given["X"], given["Y"])
    agree({"cost": J, "dw": w.grad, "db": b.grad}, of)


@pytest.mark.parametrize("name", ["optimize_2017", "optimize_2021"])
def test_optimize(name: str) -> None:
    of = case(LOGISTIC, name)
    given = inputs(of)
    w, b = start(given, "w", "b")
    optimizer = tg.optim.SGD([w, b], lr=of["settings"]["learning_rate"])
    costs = []
    for step in range(of["settings"]["iterations"]):
        J = propagate(w, b, given["X"], given["Y"])
        dw, db = w.grad.copy(), b.grad.copy()
        if step % 100 == 0:
            costs.append(J.item())
        optimizer.step()
    agree({"w": w, "b": b, "dw": dw, "db": db} | ({"costs": costs} if "costs" in of["expected"] else {}), of)


@pytest.mark.parametrize("name", ["predict_2017", "predict_2021"])
def test_predict(name: str) -> None:
    of = case(LOGISTIC, name)
    given = inputs(of)
    w, b = start(given, "w", "b")
    agree((tg.sigmoid(w.T @ given["X"] + b).data > 0.5).astype(int), of, "pred")


def test_model() -> None:
    of = case(LOGISTIC, "model_2021")
    given = inputs(of)
    w, b = tg.Tensor(np.zeros((4, 1))), tg.Tensor(0.0)
    optimizer = tg.optim.SGD([w, b], lr=of["settings"]["learning_rate"])
    costs = []
    for _ in range(of["settings"]["iterations"]):
        costs.append(propagate(w, b, given["X_train"], given["Y_train"]).item())
        optimizer.step()
    found = {"cost0": costs[0], "w": w, "b": b}
    for part in ("train", "test"):
        found[f"pred_{part}"] = (tg.sigmoid(w.T @ given[f"X_{part}"] + b).data > 0.5).astype(int)
    agree(found, of)


@pytest.fixture(scope="module")
def cats() -> Any:
    pytest.importorskip("h5py", reason="h5py is not installed, which reads the images")
    if not all(path.exists() for path in CATS):
        pytest.skip("the course's images are not here")
    sys.path.insert(0, str(ROOT / "examples" / "course"))
    try:
        return importlib.import_module("cats").cats(*CATS)
    finally:
        sys.path.pop(0)


def test_images_of_cats(cats: Any) -> None:
    X, _, test_X, _ = cats
    pixels = np.rint(X[:5, 0] * 255)
    agree([pixels, X.shape, test_X.shape], case(LOGISTIC, "cat_data"), "pixels", "X_train_shape", "X_test_shape")


def test_cats(course: Any, cats: Any) -> None:
    X, Y, test_X, test_Y = cats
    of = case(LOGISTIC, "cat_train")
    columns = course("columns")
    p, costs = course("cats").model(X, Y, of["settings"]["learning_rate"], of["settings"]["iterations"])
    found = {"costs": costs, "train_acc": columns.accuracy(p, X, Y), "test_acc": columns.accuracy(p, test_X, test_Y)}
    agree(found, of)


@long
def test_learning_rates_on_cats(course: Any, cats: Any) -> None:
    X, Y, test_X, test_Y = cats
    of = case(LOGISTIC, "cat_learning_rates")
    columns, found = course("columns"), []
    for rate in of["settings"]["learning_rates"]:
        p, _ = course("cats").model(X, Y, rate, of["settings"]["iterations"])
        found.append([columns.accuracy(p, X, Y), columns.accuracy(p, test_X, test_Y)])
    agree(found, of, "acc")


# --- course 1, week 3: the planar flower

PLANAR = "c1w3_planar"


def test_small_random_weights() -> None:
    rng = np.random.RandomState(2)
    found = {"W1": tg.nn.init.normal((4, 2), rng=rng), "W2": tg.nn.init.normal((1, 4), rng=rng)}
    agree(found, case(PLANAR, "init"))


def forward(given: dict[str, Any]) -> dict[str, Any]:
    Z1 = given["W1"] @ given["X"] + given["b1"]
    A1 = np.tanh(Z1)
    Z2 = given["W2"] @ A1 + given["b2"]
    return {"Z1": Z1, "A1": A1, "Z2": Z2, "A2": tg.sigmoid(Z2)}


def test_forward() -> None:
    of = case(PLANAR, "forward_2017")
    given = inputs(of)
    values = forward(given | {name: tg.Tensor(given[name]) for name in ("W1", "b1", "W2", "b2")})
    agree([value.data.mean() for value in values.values()], of, "means")
    of = case(PLANAR, "forward_2021")
    given = inputs(of)
    agree(forward(given | {name: tg.Tensor(given[name]) for name in ("W1", "b1", "W2", "b2")}), of)


def cross_entropy(A: Any, Y: Any) -> Any:
    """The cost as the lecture writes it, from probabilities."""
    return -np.mean(Y * np.log(A) + (1 - Y) * np.log(1 - A))


def test_cost() -> None:
    for name in ("cost_2017", "cost_2018"):
        of = case(PLANAR, name)
        given = inputs(of)
        agree(cross_entropy(tg.Tensor(given["A2"]), given["Y"]), of, "cost")
    of = case(PLANAR, "cost_2021")
    given = inputs(of)
    first, second = (tg.Tensor(given[name]) for name in ("A2_1", "A2_2"))
    agree([cross_entropy(first, given["Y"]), cross_entropy(second, given["Y_2"])], of, "cost1", "cost2")


@pytest.mark.parametrize("name", ["backward_2017", "backward_2018", "backward_2021"])
def test_backward_from_given_activations(name: str) -> None:
    """The exercise hands over activations that no forward pass made: the chain rule runs from Z2 and Z1 given."""
    of = case(PLANAR, name)
    given = inputs(of)
    X, A1, A2, W2 = (given[k] for k in ("X", "A1", "A2", "W2"))
    m = X.shape[1]
    dZ2 = (A2 - given["Y"]) / m
    _, pull = tg.vjp(lambda W2, A1, b2: W2 @ A1 + b2, W2, A1, np.zeros((1, 1)))
    dW2, dA1, db2 = pull(dZ2)
    _, pull = tg.vjp(lambda W1, b1: np.tanh(W1 @ X + b1), np.zeros((len(A1), len(X))), np.zeros((len(A1), 1)))
    dZ1 = dA1 * (1 - A1**2)
    _, pull = tg.vjp(lambda W1, b1: W1 @ X + b1, np.zeros((len(A1), len(X))), np.zeros((len(A1), 1)))
    dW1, db1 = pull(dZ1)
    agree({"dW1": dW1, "db1": db1, "dW2": dW2, "db2": db2}, of)


def test_update() -> None:
    of = case(PLANAR, "update")
    given = inputs(of)
    p = {name: tg.Tensor(given[name], name=name) for name in ("W1", "b1", "W2", "b2")}
    for name, t in p.items():
        t.grad = given[f"d{name}"]
    tg.optim.SGD(p.values(), lr=of["settings"]["learning_rate"]).step()
    agree(p, of)


def test_predictions(course: Any) -> None:
    of = case(PLANAR, "predict")
    given = inputs(of)
    p = {name: tg.Tensor(given[name]) for name in ("W1", "b1", "W2", "b2")}
    found = course("columns").predict(p, given["X"], np.tanh)
    agree({"pred": found, "mean": found.mean()}, of)


@pytest.mark.parametrize("name", ["nn_model_2018", "nn_model_2021"])
def test_a_network_on_a_few_points(course: Any, name: str) -> None:
    of = case(PLANAR, name)
    given = inputs(of)
    columns = course("columns")
    p = columns.parameters([2, 4, 1], tg.nn.init.normal, np.random.RandomState(2))
    if "W1" in given:
        zeros = {"b1": np.zeros((len(given["W1"]), 1)), "b2": np.zeros((1, 1))}
        p = {name: tg.Tensor((zeros | given)[name]) for name in ("W1", "b1", "W2", "b2")}
    costs = columns.descend(p, given["X"], given["Y"], 1.2, of["settings"]["iterations"], 1000, np.tanh)
    agree({name: p[name] for name in ("W1", "b1", "W2", "b2")}, of)
    if "cost0" in of["expected"]:
        np.testing.assert_allclose(costs[0], of["expected"]["cost0"], atol=5e-7)


def test_the_flower(course: Any) -> None:
    flower, columns = course("flower"), course("columns")
    X, Y = columns.in_columns(tg.data.flower())
    p, costs = flower.model(X, Y, hidden=4, steps=10000)
    agree(costs[:8], case(PLANAR, "train_flower"), "costs_0_to_7000")
    agree(costs[8:], case(PLANAR, "train_flower_end"), "costs_8000_9000")
    agree(int(columns.accuracy(p, X, Y, np.tanh)), case(PLANAR, "train_flower_acc"), "acc")
    straight = columns.parameters([2, 1], tg.nn.init.zeros)
    columns.descend(straight, X, Y, 1.2, 1000, 1000)
    agree(columns.accuracy(straight, X, Y), case(PLANAR, "linear_baseline"), "acc")


def test_hidden_sizes_of_the_flower(course: Any) -> None:
    of = case(PLANAR, "hidden_sizes")
    flower, columns = course("flower"), course("columns")
    X, Y = columns.in_columns(tg.data.flower())
    found = []
    for hidden in of["settings"]["n_h"]:
        p, _ = flower.model(X, Y, hidden, of["settings"]["iterations"])
        found.append(columns.accuracy(p, X, Y, np.tanh))
    agree(found, of, "acc")


# --- course 1, week 4: two and four layers on the cats; the first cost alone but in the deep profile


@pytest.mark.parametrize(
    ("hidden", "initialiser", "costs", "scores"),
    [
        ((7,), "normal", (0.693049735659989, 0.6464320953428849, 0.6325140647912678), (0.048554785628770, 100, 72)),
        (
            (20, 7, 5),
            "xavier",
            (0.7717493284237686, 0.6720534400822914, 0.6482632048575212),
            (0.092878215265, 98.56459330144, 80),
        ),
    ],
)
def test_hidden_layers_on_cats(
    course: Any, cats: Any, hidden: tuple[int, ...], initialiser: str, costs: tuple[float, ...], scores: Any
) -> None:
    X, Y, *test = cats
    columns = course("columns")
    p = columns.parameters([len(X), *hidden, 1], getattr(tg.nn.init, initialiser), np.random.RandomState(1))
    found = columns.descend(p, X, Y, 0.0075, 2500 if DEEP else 1, 100)
    known = costs if DEEP else costs[:1]
    np.testing.assert_allclose(found[: len(known)], known, rtol=0, atol=5e-12)
    if DEEP:
        np.testing.assert_allclose(
            [found[-1], columns.accuracy(p, X, Y), columns.accuracy(p, *test)], scores, rtol=1e-9
        )


# --- course 2, week 1: L2 and dropout on the football pitch; the first cost alone but in the deep profile


@pytest.mark.parametrize(
    ("lambd", "keep_prob", "costs", "scores"),
    [
        (0.0, 1.0, (0.6557412523481002, 0.16329987525724216, 0.13851642423255986), (94.7867298578, 91.5)),
        (0.7, 1.0, (0.6974484493131264, 0.2684918873282239, 0.2680916337127301), (93.8388625592, 93.0)),
        (0.0, 0.86, (0.6543912405149825, 0.061016986574905605, 0.060582435798513114), (92.8909952607, 95.0)),
    ],
)
def test_regularisation_on_the_football_pitch(
    course: Any, lambd: float, keep_prob: float, costs: tuple[float, ...], scores: tuple[float, ...]
) -> None:
    if not PITCH.exists():
        pytest.skip("the course's positions are not here")
    held = pytest.importorskip("scipy.io", reason="scipy is not installed, which reads the positions").loadmat(PITCH)
    X, Y, *test = (held[name].T for name in ("X", "y", "Xval", "yval"))
    nn, columns = tg.nn, course("columns")
    p = columns.parameters([2, 20, 3, 1], nn.init.xavier, np.random.RandomState(3))
    optimizer, found = tg.optim.SGD(p, lr=0.3), []
    for step in range(30000 if DEEP else 1):
        dropout = nn.Dropout(keep_prob=keep_prob, rng=np.random.RandomState(1))  # the exercise seeds it in each pass
        J = columns.cost(p, X, Y, lambda Z, dropout=dropout: dropout(tg.relu(Z))) + nn.l2_penalty(p, lambd, X.shape[1])
        if step % 10000 == 0:
            found.append(J.item())
        optimizer.zero_grad()
        J.backward(retain_graph=False)
        optimizer.step()
    np.testing.assert_allclose(found, costs[: len(found)], rtol=0, atol=5e-13)
    if DEEP:
        np.testing.assert_allclose([columns.accuracy(p, X, Y), columns.accuracy(p, *test)], scores, rtol=1e-9)


# --- course 2, week 1: initialisation and gradient checking

INITIAL = "c2w1_initialization"


@pytest.mark.parametrize(("name", "sizes"), [("init_random_x10", (3, 2, 1)), ("init_he", (2, 4, 1))])
def test_initial_weights(name: str, sizes: tuple[int, ...]) -> None:
    init, rng = tg.nn.init, np.random.RandomState(3)

    def draw(shape: tuple[int, ...]) -> Any:
        return init.he(shape, rng=rng) if name == "init_he" else init.normal(shape, 10.0, rng=rng)

    agree({"W1": draw((sizes[1], sizes[0])), "W2": draw((sizes[2], sizes[1]))}, case(INITIAL, name))


@pytest.mark.parametrize("name", some("train_he", "train_random_x10", "train_zeros", "train_randn_x1", of=2))
def test_circles(course: Any, name: str) -> None:
    of = case(INITIAL, name)
    init, columns, example = tg.nn.init, course("columns"), course("initialization")
    initialiser = {
        "train_zeros": init.zeros,
        "train_he": init.he,
        "train_random_x10": lambda shape, rng: init.normal(shape, 10.0, rng=rng),
        "train_randn_x1": lambda shape, rng: init.normal(shape, 1.0, rng=rng),
    }[name]
    X, Y = columns.in_columns(tg.data.circles(300, seed=1))
    p, costs = example.model(X, Y, initialiser, of["settings"]["iterations"])
    test = columns.accuracy(p, *columns.in_columns(tg.data.circles(100, seed=2))) / 100
    found = {"train": columns.accuracy(p, X, Y) / 100, "test": test}
    agree(found | ({"costs": costs} if "costs" in of["expected"] else {"costs_1000_on": costs[1:]}), of)


CHECKING = "c2w1_gradient_checking"


@pytest.mark.parametrize("name", ["one_dim_2017", "one_dim_2021"])
def test_gradient_check_in_one_dimension(name: str) -> None:
    of = case(CHECKING, name)
    x, theta = (float(inputs(of)[k]) for k in ("x", "theta"))
    J, dtheta = tg.value_and_grad(lambda theta: theta * x)(theta)
    found = tg.check.course_gradient_check(lambda theta: theta * x, dtheta, theta)
    agree({"J": J, "dtheta": dtheta, "difference": found.difference}, of)


def test_gradient_check_in_many_dimensions(course: Any) -> None:
    example = course("gradient_checking")
    given = inputs(case(CHECKING, "n_dim_correct"))
    X, Y, p = example.problem()
    for name, array in {"X": X, "Y": Y, **p}.items():
        np.testing.assert_array_equal(array, given[name])
    agree(example.check(example.backward).difference, case(CHECKING, "n_dim_correct"), "difference")
    wrong = example.check(example.with_two_bugs)
    agree(wrong.difference, case(CHECKING, "n_dim_buggy"), "difference")
    assert not wrong.ok
    assert "theta['W2'] is 2 times too large" in str(wrong)
    assert "theta['b1'] is 4 times too large" in str(wrong)


# --- course 2, week 2: mini-batches, momentum, Adam, decay

OPTIMIZATION = "c2w2_optimization"

DRAWN = ("W1", "b1", "W2", "b2")


def one_step(of: Any, make: Any) -> tuple[dict[str, tg.Tensor], Any]:
    """Parameters and gradients as the exercise draws them, and one step of an optimizer."""
    given = inputs(of)
    p = {name: tg.Tensor(given[name], name=name) for name in DRAWN}
    for name, t in p.items():
        t.grad = given[f"d{name}"]
    optimizer = make(p)
    optimizer.step()
    return p, optimizer


@pytest.mark.parametrize("name", ["gd_2017", "gd_2021"])
def test_a_step_of_gradient_descent(name: str) -> None:
    of = case(OPTIMIZATION, name)
    agree(one_step(of, lambda p: tg.optim.SGD(p, lr=of["settings"]["learning_rate"]))[0], of)


@pytest.mark.parametrize("name", ["momentum_2017", "momentum_2021"])
def test_a_step_of_momentum(name: str) -> None:
    of = case(OPTIMIZATION, name)
    beta, rate = of["settings"]["beta"], of["settings"]["learning_rate"]
    p, _ = one_step(of, lambda p: tg.optim.Momentum(p, lr=rate, beta=beta))
    agree(p | {f"v{name}": (inputs(of)[name] - p[name].data) / rate for name in DRAWN}, of)


@pytest.mark.parametrize("name", ["minibatch_2017", "minibatch_2021"])
def test_mini_batches(name: str) -> None:
    of = case(OPTIMIZATION, name)
    given, settings = inputs(of), of["settings"]
    rng = np.random.RandomState(settings["seed"])
    batches = list(tg.data.Batches(given["X"], given["Y"], batch_size=settings["size"], axis=1, seed=rng))
    if name == "minibatch_2017":
        agree([[x.shape for x, _ in batches], batches[0][0][0, :3]], of, "shapes", "sanity")
    else:
        labels = np.concatenate([y for _, y in batches], axis=1)[0]
        agree({f"X{i}": x for i, (x, _) in enumerate(batches)} | {"Y": labels}, of)


@long
@pytest.mark.parametrize("kind", ["gd", "momentum", "adam"])
def test_the_moons_of_2017(course: Any, kind: str) -> None:
    of = case(OPTIMIZATION, f"moons_2017_{kind}")
    example = course("moons")
    X, Y = course("columns").in_columns(tg.data.moons())
    p, _, lasts = example.train(X, Y, kind, of["settings"]["epochs"], of["settings"]["learning_rate"])
    found = {"acc": course("columns").accuracy(p, X, Y) / 100}
    agree(found | ({"costs": lasts} if "costs" in of["expected"] else {}), of)


@pytest.mark.parametrize(
    "name", some("adam", "stepdecay_gd", "gd", "momentum", "stepdecay_momentum", "stepdecay_adam", of=2)
)
def test_the_moons_of_2021(course: Any, name: str) -> None:
    of = case(OPTIMIZATION, f"moons_2021_{name}")
    example, rate, kind = course("moons"), of["settings"]["learning_rate"], name.rsplit("_", maxsplit=1)[-1]
    X, Y = course("columns").in_columns(tg.data.moons())
    schedule = example.staircase(rate) if kind != name else None
    p, means, _ = example.train(X, Y, kind, of["settings"]["epochs"], rate, schedule)
    found = {"costs": means, "acc": course("columns").accuracy(p, X, Y) / 100}
    agree(found | ({"lrs": [schedule(e) for e in range(0, 5000, 1000)]} if schedule else {}), of)


@long
def test_a_decay_that_is_too_fast(course: Any) -> None:
    of = case(OPTIMIZATION, "moons_2021_gd_decay")
    example = course("moons")
    X, Y = course("columns").in_columns(tg.data.moons())
    p, means, _ = example.train(X, Y, "gd", of["settings"]["epochs"], 0.1, lambda epoch: 0.1 / (1 + epoch))
    found = {"costs": means, "acc": course("columns").accuracy(p, X, Y) / 100}
    agree(found | {"lrs": [0.1, *(0.1 / (1 + e - 1) for e in range(1000, 5000, 1000))]}, of)
