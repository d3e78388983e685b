"""Every loss: its definition written out, PyTorch in the same state, the verification kit, edges and errors."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import nn
from tinygraph.check import check_grads, compare_grads
from tinygraph.nn import losses
from tinygraph.nn.penalties import l1_penalty, l2_penalty

REDUCTIONS = ("mean", "sum", "none")
Arrays = tuple[np.ndarray, np.ndarray]


def shape(rng: np.random.Generator) -> tuple[int, ...]:
    return tuple(int(n) for n in rng.integers(1, 5, rng.integers(1, 4)))


def numbers(rng: np.random.Generator) -> Arrays:
    s = shape(rng)
    return rng.normal(size=s) * 2, rng.normal(size=s)


def logits(rng: np.random.Generator) -> Arrays:
    s = shape(rng)
    return rng.normal(size=s) * 3, rng.integers(0, 2, s) * rng.choice([1.0, 0.7])


def probabilities(rng: np.random.Generator) -> Arrays:
    s = shape(rng)
    return rng.uniform(0.02, 0.98, s), rng.integers(0, 2, s) * rng.choice([1.0, 0.7])


def signs(rng: np.random.Generator) -> Arrays:
    s = shape(rng)
    return rng.normal(size=s) * 2, rng.choice([-1.0, 1.0], s)


def classes(rng: np.random.Generator) -> Arrays:
    n, c = (int(k) for k in rng.integers(1, 6, 2))
    return rng.normal(size=(n, c)) * 3, rng.integers(0, c, n)


def distributions(rng: np.random.Generator) -> Arrays:
    n, c = (int(k) for k in rng.integers(1, 6, 2))
    y = rng.uniform(0.1, 1.0, (n, c))
    return rng.normal(size=(n, c)) * 3, y / y.sum(axis=1, keepdims=True)


def log_probabilities(rng: np.random.Generator) -> Arrays:
    x, labels = classes(rng)
    return x - np.log(np.exp(x).sum(axis=1, keepdims=True)), labels


def divergence(rng: np.random.Generator) -> Arrays:
    x, y = distributions(rng)
    return x - np.log(np.exp(x).sum(axis=1, keepdims=True)), y


# --- each loss of one element or sample, written out

Definition = Callable[..., Any]


def each(f: Callable[..., float]) -> Definition:
    return lambda x, y, **k: np.array([f(a, b, **k) for a, b in zip(x.ravel(), y.ravel(), strict=True)]).reshape(
        x.shape
    )


def rows(f: Callable[..., float]) -> Definition:
    return lambda x, y, **k: np.array([f(a, b, **k) for a, b in zip(x, y, strict=True)])


def huber(a: float, y: float, delta: float = 1.0) -> float:
    return (a - y) ** 2 / 2 if abs(a - y) < delta else delta * abs(a - y) - delta**2 / 2


def softmax(x: np.ndarray) -> np.ndarray:
    return np.exp(x) / np.exp(x).sum()


def smoothed(x: np.ndarray, y: Any, label_smoothing: float = 0.0, weight: Any = None) -> float:
    """Of a class, or of a distribution over the classes."""
    target = np.eye(len(x))[y] if np.ndim(y) == 0 else y
    target = (1 - label_smoothing) * target + label_smoothing / len(x)
    return -sum((1.0 if weight is None else weight[k]) * target[k] * math.log(softmax(x)[k]) for k in range(len(x)))


def crammed(x: np.ndarray, y: int, p: int = 1, margin: float = 1.0, weight: Any = None) -> float:
    wrong = [max(0.0, margin - x[y] + x[k]) ** p for k in range(len(x)) if k != y]
    return (1.0 if weight is None else weight[y]) * sum(wrong) / len(x)


def with_logits(x: float, y: float, pos_weight: float = 1.0) -> float:
    a = 1 / (1 + math.exp(-x))
    return -(pos_weight * y * math.log(a) + (1 - y) * math.log(1 - a))


DEFINITIONS: dict[str, tuple[Callable[..., Arrays], Definition, list[dict[str, Any]]]] = {
    "mse_loss": (numbers, each(lambda a, y, half=False: (a - y) ** 2 / (2 if half else 1)), [{}, {"half": True}]),
    "l1_loss": (numbers, each(lambda a, y: abs(a - y)), [{}]),
    "huber_loss": (numbers, each(huber), [{}, {"delta": 0.5}, {"delta": 3.0}]),
    "smooth_l1_loss": (
        numbers,
        each(lambda a, y, beta=1.0: huber(a, y, beta) / beta if beta else abs(a - y)),
        [{}, {"beta": 0.5}, {"beta": 0}],
    ),
    "binary_cross_entropy": (
        probabilities,
        each(lambda a, y: -(y * math.log(a) + (1 - y) * math.log(1 - a))),
        [{}],
    ),
    "binary_cross_entropy_with_logits": (logits, each(with_logits), [{}, {"pos_weight": 2.5}]),
    "cross_entropy": (classes, rows(smoothed), [{}, {"label_smoothing": 0.2}]),
    "cross_entropy of distributions": (distributions, rows(smoothed), [{}, {"label_smoothing": 0.2}]),
    "nll_loss": (log_probabilities, rows(lambda x, y: -x[y]), [{}]),
    "kl_div": (divergence, each(lambda x, y: y * (math.log(y) - x)), [{}]),
    "hinge_loss": (signs, each(lambda s, y, margin=1.0: max(0.0, margin - y * s)), [{}, {"margin": 0.3}]),
    "multi_margin_loss": (classes, rows(crammed), [{}, {"p": 2, "margin": 0.7}]),
}
NAMES = sorted(DEFINITIONS)
OVER_COUNT = {"binary_cross_entropy", "binary_cross_entropy_with_logits", "kl_div"}  # PyTorch's mean with weights


def loss_of(name: str) -> Callable[..., Any]:
    return getattr(tg, name.partition(" ")[0])


def settled(each_loss: np.ndarray, reduction: str, count: np.ndarray, mask: np.ndarray | None) -> Any:
    """The reduction of losses, by a loop over those that count."""
    kept = np.ones(each_loss.shape, bool) if mask is None else np.broadcast_to(mask, each_loss.shape)
    if reduction == "none":
        return np.where(kept, each_loss, 0.0)
    total = sum(loss for loss, k in zip(each_loss.ravel(), kept.ravel(), strict=True) if k)
    if reduction == "sum":
        return total
    number = sum(n for n, k in zip(np.broadcast_to(count, kept.shape).ravel(), kept.ravel(), strict=True) if k)
    return total / number if number else 0.0


def drawn(name: str, seed: int) -> tuple[Arrays, dict[str, Any], Any]:
    """Inputs of a loss, all that may be asked of it, and the value that its definition gives."""
    rng = np.random.default_rng([len(name), seed])
    make, definition, options = DEFINITIONS[name]
    x, y = make(rng)
    asked = dict(options[seed % len(options)])
    losses = definition(x, y, **asked)
    reduction = REDUCTIONS[seed % 3]
    mask = rng.random(losses.shape) < 0.6 if seed % 2 else None
    count = np.ones(losses.shape)
    if seed % 4 >= 2:
        if name in ("cross_entropy", "nll_loss", "multi_margin_loss") or name.endswith("distributions"):
            weight = rng.uniform(0.5, 2.0, x.shape[1])
            losses = definition(x, y, weight=weight, **asked) if name != "nll_loss" else losses * weight[y]
            count = weight[y] if name in ("cross_entropy", "nll_loss") else count
        else:
            weight = rng.uniform(0.5, 2.0, x.shape if seed % 8 >= 4 else x.shape[-1:])
            losses = losses * weight
            count = count if name in OVER_COUNT else np.broadcast_to(weight, losses.shape)
        asked["weight"] = weight
    value = settled(losses, reduction, count, mask)
    return (x, y), {**asked, "mask": mask, "reduction": reduction}, value


@pytest.mark.parametrize("seed", range(24))
@pytest.mark.parametrize("name", NAMES)
def test_it_is_what_its_definition_says(name: str, seed: int) -> None:
    (x, y), asked, value = drawn(name, seed)
    found = loss_of(name)(x, y, **asked)
    np.testing.assert_allclose(found, value, rtol=1e-12, atol=1e-14)
    recorded = loss_of(name)(tg.Tensor(x), y, **asked)
    np.testing.assert_array_equal(recorded.data, found)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("name", NAMES)
def test_its_gradient_is_what_differences_say_at_both_orders(name: str, seed: int) -> None:
    (x, y), asked, _ = drawn(name, seed)

    def loss(x: Any) -> Any:
        return loss_of(name)(x, y, **asked)

    if asked["mask"] is not None and not np.any(asked["mask"]):
        assert not np.any(tg.grad(lambda x: np.sum(loss(x)))(x))
    elif not np.any(tg.grad(lambda x: np.sum(loss(x)))(x)):
        pytest.skip("nothing costs here: no sample is on the wrong side")
    else:
        check_grads(loss, x, order=2 if seed < 6 else 1, modes=("rev",))


@pytest.mark.parametrize("name", [n for n in NAMES if DEFINITIONS[n][0] not in (classes, log_probabilities, signs)])
def test_targets_have_a_gradient_too(name: str) -> None:
    for seed in (0, 7):
        (x, y), asked, _ = drawn(name, seed)
        y = np.where(y == 0.0, 0.3, y)
        check_grads(lambda y, x=x, asked=asked: loss_of(name)(x, y, **asked), y, modes=("rev",))


# --- wrong formulas are caught by the definitions

WRONG: dict[str, list[Callable[..., Any]]] = {
    "mse_loss": [lambda x, y, **k: tg.mse_loss(x, y, **k) / 2, lambda x, y, **k: tg.l1_loss(x, y, **without(k))],
    "l1_loss": [lambda x, y, **k: tg.huber_loss(x, y, delta=0.01, **k), lambda x, y, **k: -tg.l1_loss(x, y, **k)],
    "huber_loss": [lambda x, y, **k: tg.smooth_l1_loss(x, y, beta=k.pop("delta", 1.0) * 1.01, **k)],
    "smooth_l1_loss": [lambda x, y, **k: tg.huber_loss(x, y, delta=k.pop("beta", 1.0) + 0.01, **k)],
    "binary_cross_entropy": [lambda x, y, **k: tg.binary_cross_entropy(1 - x, y, **k)],
    "binary_cross_entropy_with_logits": [lambda x, y, **k: tg.binary_cross_entropy_with_logits(-x, y, **k)],
    "cross_entropy": [lambda x, y, **k: tg.multi_margin_loss(x, y, **without(k, "label_smoothing"))],
    "cross_entropy of distributions": [lambda x, y, **k: tg.kl_div(np.log(tg.softmax(x)), y, reduction="sum")],
    "nll_loss": [lambda x, y, **k: -tg.nll_loss(x, y, **k), lambda x, y, **k: tg.cross_entropy(2 * x, y, **k)],
    "kl_div": [lambda x, y, **k: tg.kl_div(x, y + 0.01, **k), lambda x, y, **k: tg.kl_div(x, y, **k) * 1.001],
    "hinge_loss": [lambda x, y, **k: tg.hinge_loss(x, -y, **k), lambda x, y, **k: tg.hinge_loss(x + 0.01, y, **k)],
    "multi_margin_loss": [lambda x, y, **k: tg.multi_margin_loss(x, y, **k) * x.shape[1]],
}


def without(given: dict[str, Any], *names: str) -> dict[str, Any]:
    return {k: v for k, v in given.items() if k not in ("half", *names)}


FORGETFUL = {
    "the mask is forgotten": lambda k: {**k, "mask": None},
    "the weights are forgotten": lambda k: {**k, "weight": None},
    "the mean is a sum": lambda k: {**k, "reduction": "sum"} if k["reduction"] == "mean" else k,
}


def differs(name: str, wrong: Callable[..., Any]) -> bool:
    for seed in range(24):
        (x, y), asked, value = drawn(name, seed)
        found = np.asarray(wrong(x, y, **asked))
        if found.shape != np.shape(value) or not np.allclose(found, value, rtol=1e-9, atol=1e-12):
            return True
    return False


@pytest.mark.parametrize("name", NAMES)
def test_a_wrong_formula_is_caught(name: str) -> None:
    right = loss_of(name)
    assert not differs(name, right)
    assert all(differs(name, wrong) for wrong in WRONG[name])
    for fault, forget in FORGETFUL.items():
        assert differs(name, lambda x, y, forget=forget, **k: right(x, y, **forget(k))), fault
    for option in {o for options in DEFINITIONS[name][2] for o in options}:
        assert differs(name, lambda x, y, option=option, **k: right(x, y, **without({**k}, option))), option


# --- PyTorch in the same state


def torch_loss(torch: Any, name: str) -> Callable[..., Any]:
    functional = torch.nn.functional
    return getattr(functional, name.partition(" ")[0])


@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides:UserWarning")  # PyTorch's word on kl_div
@pytest.mark.parametrize("seed", range(0, 24, 2))  # PyTorch has no masks
@pytest.mark.parametrize("name", sorted(set(NAMES) - {"hinge_loss"}))
def test_value_and_gradient_are_those_of_pytorch(name: str, seed: int) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    (x, y), asked, _ = drawn(name, seed)
    asked.pop("mask")
    half = asked.pop("half", False)
    theirs = {k: torch.tensor(v) if isinstance(v, np.ndarray) else v for k, v in asked.items()}
    if "pos_weight" in theirs:
        theirs["pos_weight"] = torch.tensor(theirs["pos_weight"])
    scale = 1.0
    if "weight" in asked and name in ("kl_div", "smooth_l1_loss", "huber_loss"):
        del theirs["weight"], asked["weight"]  # PyTorch has none, or its mean is over the count for this one alone
    if "weight" in asked and name in ("mse_loss", "l1_loss"):
        theirs["weight"] = torch.tensor(np.ascontiguousarray(np.broadcast_to(asked["weight"], x.shape)))
    a = torch.tensor(x, requires_grad=True)
    want = torch_loss(torch, name)(a, torch.tensor(y), **theirs) * (0.5 if half else scale)
    want.sum().backward()
    mine = tg.Tensor(x)
    found = loss_of(name)(mine, y, half=True, **asked) if half else loss_of(name)(mine, y, **asked)
    np.testing.assert_allclose(found.data, want.detach().numpy(), rtol=1e-12, atol=1e-14)
    found.sum().backward()
    np.testing.assert_allclose(mine.grad, a.grad.numpy(), rtol=1e-11, atol=1e-14)


def test_cosines_are_those_of_pytorch_and_of_the_definition() -> None:
    rng = np.random.default_rng(0)
    x, y, labels = rng.normal(size=(5, 3)), rng.normal(size=(5, 3)), np.array([1, -1, 1, -1, -1])
    cosines = (x * y).sum(axis=1) / np.sqrt((x**2).sum(axis=1) * (y**2).sum(axis=1))
    np.testing.assert_allclose(tg.cosine_similarity(x, y), cosines, rtol=1e-14)
    np.testing.assert_allclose(tg.cosine_similarity(x.T, y.T, axis=0), cosines, rtol=1e-14)
    want = [1 - c if k > 0 else max(0.0, c - 0.1) for c, k in zip(cosines, labels, strict=True)]
    np.testing.assert_allclose(tg.cosine_embedding_loss(x, y, labels, margin=0.1, reduction="none"), want, rtol=1e-13)
    mask = np.array([True, False, True, True, False])
    np.testing.assert_allclose(tg.cosine_embedding_loss(x, y, labels, mask=mask), cosine_mean(cosines, labels, mask))
    for f in (tg.cosine_similarity, lambda x, y: tg.cosine_embedding_loss(x, y, labels, margin=0.1)):
        check_grads(f, x, y, order=2)
    torch = pytest.importorskip("torch", reason="torch is not installed")
    for scale in (1.0, 1e-7, 0.0):  # between 0 and eps PyTorch's slope is not that of its own formula
        a, b = torch.tensor(scale * x, requires_grad=True), torch.tensor(y, requires_grad=True)
        torch.nn.functional.cosine_similarity(a, b).sum().backward()
        mine, other = tg.Tensor(scale * x), tg.Tensor(y)
        tg.cosine_similarity(mine, other).sum().backward()
        np.testing.assert_allclose(mine.grad, a.grad.numpy(), rtol=1e-12)
        np.testing.assert_allclose(other.grad, b.grad.numpy(), rtol=1e-11, atol=1e-16)


def cosine_mean(cosines: np.ndarray, labels: np.ndarray, mask: np.ndarray) -> float:
    return float(np.mean([1 - c if k > 0 else max(0.0, c) for c, k, m in zip(cosines, labels, mask, strict=True) if m]))


def test_cosines_of_vectors_of_any_size() -> None:
    x = np.array([[3.0, 4.0], [0.0, 0.0]])
    with np.errstate(all="raise", under="ignore"):
        for size in (1e-5, 1.0, 1e200):
            np.testing.assert_allclose(tg.cosine_similarity(size * x, x), [1.0, 0.0], rtol=1e-14)
        g = tg.grad(lambda x: tg.cosine_similarity(x, np.ones((2, 2))).sum())(x)
    assert np.isfinite(g).all()


# --- classes along any axis


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("name", ["cross_entropy", "nll_loss", "multi_margin_loss", "distributions"])
def test_classes_may_lie_along_any_axis(name: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(3, 2, 4))
    axis = int(rng.integers(-3, 3))
    c = x.shape[axis]
    y = rng.integers(0, c, tuple(n for i, n in enumerate(x.shape) if i != axis % 3))
    mask = rng.random(y.shape) < 0.7
    asked = {"reduction": REDUCTIONS[seed % 3], "mask": [None, mask][seed % 2], "weight": rng.uniform(1.0, 2.0, c)}
    labels, flat = y, y.reshape(-1)
    if name == "distributions":
        flat = rng.uniform(size=(y.size, c))
        labels = np.moveaxis(flat.reshape(*y.shape, c), -1, axis)
    function = getattr(tg, name, tg.cross_entropy)
    lined = np.moveaxis(x, axis, -1).reshape(-1, c)
    whole = {**asked, "mask": None if asked["mask"] is None else mask.reshape(-1)}
    found, want = function(x, labels, axis=axis, **asked), function(lined, flat, **whole)
    np.testing.assert_allclose(np.ravel(found), np.ravel(want), rtol=1e-13)
    assert np.shape(found) == (y.shape if asked["reduction"] == "none" else ())
    check_grads(lambda x: function(x, labels, axis=axis, **asked), x, modes=("rev",))


def test_the_courses_columns() -> None:
    """Samples are columns: dZ = (A - Y) / m, whichever way the labels are written."""
    rng = np.random.default_rng(0)
    Z, labels = rng.normal(size=(4, 6)), rng.integers(0, 4, 6)
    Y = np.eye(4)[labels].T
    A = np.exp(Z) / np.exp(Z).sum(axis=0)
    for y in (Y, labels, labels[None]):
        J, dZ = tg.value_and_grad(lambda Z, y=y: tg.cross_entropy(Z, y, axis=0))(Z)
        np.testing.assert_allclose(J, -np.sum(Y * np.log(A)) / 6, rtol=1e-14)
        np.testing.assert_allclose(dZ, (A - Y) / 6, rtol=1e-12, atol=1e-16)
    a, y = rng.uniform(size=(1, 6)), rng.integers(0, 2, (1, 6))
    np.testing.assert_allclose(
        tg.grad(lambda a: tg.binary_cross_entropy(a, y, reduction="sum"))(a), -y / a + (1 - y) / (1 - a), rtol=1e-12
    )


def test_kl_div_by_batches_and_of_log_targets() -> None:
    (x, y), _, _ = drawn("kl_div", 0)
    whole = float((y * (np.log(y) - x)).sum())
    assert math.isclose(float(tg.kl_div(x, y, reduction="batchmean")), whole / len(x), rel_tol=1e-13)
    assert math.isclose(float(tg.kl_div(x, np.log(y), log_target=True, reduction="sum")), whole, rel_tol=1e-13)
    check_grads(lambda x, y: tg.kl_div(x, y, log_target=True), x, np.log(y), order=2)
    point = np.array([[1.0, 0.0]])
    value, g = tg.value_and_grad(lambda y: tg.kl_div(np.log(np.array([[0.5, 0.5]])), y, reduction="sum"))(point)
    assert math.isclose(float(value), math.log(2))
    assert np.isfinite(g).all()


# --- edges


@pytest.mark.parametrize("size", [1000.0, 1e5])
@pytest.mark.parametrize("name", [n for n in NAMES if n not in ("binary_cross_entropy", "nll_loss", "kl_div")])
def test_huge_predictions_cost_much_and_nothing_overflows(name: str, size: float) -> None:
    with np.errstate(all="raise", under="ignore"):
        for seed in range(6):
            (x, y), asked, _ = drawn(name, seed)
            loss, g = tg.value_and_grad(lambda x, y=y, k=asked: np.sum(loss_of(name)(x, y, **k)))(np.sign(x) * size)
            assert np.isfinite(loss)
            assert np.isfinite(g).all()


@pytest.mark.parametrize(("dtype", "most"), [(np.float64, 100.0), (np.float32, 87.0)])
def test_sure_probabilities_cost_a_finite_price_with_the_right_slope(dtype: Any, most: float) -> None:
    a = np.array([0.0, 1.0, 0.0, 1.0], dtype)
    y = np.array([0.0, 1.0, 1.0, 0.0], dtype)
    with np.errstate(all="raise", under="ignore"):
        loss = tg.binary_cross_entropy(a, y, reduction="none")
        g = tg.grad(lambda a: tg.binary_cross_entropy(a, y, reduction="sum"))(a)
    assert loss.dtype == g.dtype == dtype
    assert list(loss[:2]) == [0.0, 0.0]
    assert (np.floor(loss[2:]) >= most - 1).all()
    assert (np.floor(loss[2:]) <= most).all()
    assert list(g[:2]) == [1.0, -1.0], "-y/a + (1 - y)/(1 - a)"
    assert g[2] < -1e37 < 1e37 < g[3]
    assert np.isfinite(g).all()


def test_probabilities_near_0_keep_their_digits() -> None:
    a = np.array([1e-20, 1e-12])
    np.testing.assert_allclose(tg.binary_cross_entropy(a, np.zeros(2), reduction="none"), a, rtol=1e-11)


@pytest.mark.parametrize("name", NAMES)
def test_single_precision_stays_single(name: str) -> None:
    for seed in range(12):
        (x, y), asked, value = drawn(name, seed)
        mine = tg.Tensor(x.astype(np.float32))
        loss = loss_of(name)(mine, y, **asked)
        assert loss.dtype == np.float32, asked
        np.testing.assert_allclose(loss.data, value, rtol=2e-4, atol=1e-5)
        loss.sum().backward()
        assert mine.grad.dtype == np.float32


@pytest.mark.parametrize("name", NAMES)
def test_what_is_masked_may_be_anything(name: str) -> None:
    (x, y), asked, _ = drawn(name, 1)
    asked = {k: v for k, v in asked.items() if k != "mask"}
    x, y = np.concatenate([x, np.full_like(x[:1], np.nan)]), np.concatenate([y, -y[:1] - 77])
    counts = np.ones(loss_of(name)(x[:-1], y[:-1], reduction="none").shape, bool)
    mask = np.concatenate([counts, np.zeros_like(counts[:1])])
    for reduction in REDUCTIONS:
        asked["reduction"] = reduction
        value, g = tg.value_and_grad(lambda x: np.sum(loss_of(name)(x, y, mask=mask, **asked)))(x)
        np.testing.assert_allclose(value, np.sum(loss_of(name)(x[:-1], y[:-1], **asked)), rtol=1e-12)
        assert np.isfinite(g).all()
        assert not g[-1].any()


@pytest.mark.parametrize("name", NAMES)
def test_where_everything_is_masked_the_mean_is_0(name: str) -> None:
    for seed in (0, 2):
        (x, y), asked, _ = drawn(name, seed)
        asked |= {"mask": np.zeros((), bool), "reduction": "mean"}
        value, g = tg.value_and_grad(lambda x, y=y, k=asked: loss_of(name)(x, y, **k))(x)
        assert value == 0.0
        assert not g.any()


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_batch_adds_up_to_0_and_its_gradient_is_empty(name: str) -> None:
    (x, y), _, _ = drawn(name, 0)
    for reduction in ("sum", "none"):
        value, g = tg.value_and_grad(lambda x, r=reduction: np.sum(loss_of(name)(x, y[:0], reduction=r)))(x[:0])
        assert value == 0.0
        assert g.shape == x[:0].shape
    with np.errstate(invalid="ignore"):  # NumPy's own mean of nothing warns as well
        mine = tg.Tensor(x[:0])
        mean = loss_of(name)(mine, y[:0])
    assert np.isnan(mean.data)
    mean.backward()
    assert mine.grad.shape == x[:0].shape


def test_an_ignored_label_is_a_mask() -> None:
    x, y = np.random.default_rng(0).normal(size=(4, 3)), np.array([0, -100, 2, -100])
    for loss in (tg.cross_entropy, tg.nll_loss, tg.multi_margin_loss):
        want = loss(x[::2], y[::2])
        np.testing.assert_allclose(loss(x, y), want, rtol=1e-14)
        np.testing.assert_allclose(loss(x, np.where(y < 0, 1, y), ignore_index=1), want, rtol=1e-14)
        assert loss(x, np.full(4, -100)) == 0.0


T = tg.Tensor
ERRORS: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: tg.mse_loss(np.ones((3, 1)), np.ones(3)), ValueError, r"mse_loss: .*\(3, 1\).*\(3,\).*alike; reshape one"),
    (lambda: tg.mse_loss(np.ones(3), np.ones(3), weight=np.ones(2)), ValueError, r"mse_loss: weight of shape \(2,\)"),
    (lambda: tg.mse_loss(np.ones(3), np.ones(3), mask=np.ones(3)), TypeError, "mse_loss: mask is of booleans.*weight="),
    (lambda: tg.mse_loss(np.ones(3), np.ones(3), mask=np.ones(4) > 0), ValueError, r"mask of shape \(4,\) .*\(3,\)"),
    (lambda: tg.l1_loss(np.ones(3), np.ones(3), reduction="max"), ValueError, "reduction 'max' .*mean, sum, none"),
    (lambda: tg.huber_loss(np.ones(3), np.ones(3), delta=0.0), ValueError, "huber_loss: delta must be positive, got 0"),
    (lambda: tg.smooth_l1_loss(np.ones(3), np.ones(3), beta=-1), ValueError, "beta must not be negative.*l1_loss"),
    (
        lambda: tg.binary_cross_entropy(np.array([1.5]), np.ones(1)),
        ValueError,
        "got 1.5 to 1.5; for logits.*with_logits",
    ),
    (lambda: tg.binary_cross_entropy(T([0.5]), np.ones(2)), ValueError, r"binary_cross_entropy: .*\(1,\).*\(2,\)"),
    (lambda: tg.cross_entropy(T(np.ones((2, 3))), np.array([0, 3])), IndexError, "cross_entropy.*3 is out of bounds"),
    (
        lambda: tg.cross_entropy(T(np.ones((2, 3))), np.array([0, 3]), label_smoothing=0.1),
        IndexError,
        r"cross_entropy: labels must lie in 0 \.\.\. 2, got 3",
    ),
    (lambda: tg.cross_entropy(np.ones((2, 3)), np.array([0, -1])), IndexError, r"lie in 0 \.\.\. 2, got -1"),
    (lambda: tg.cross_entropy(np.ones((2, 3)), np.array([0])), ValueError, r"integer labels of shape \(2,\), or prob"),
    (lambda: tg.cross_entropy(np.ones((2, 3)), np.ones(2)), ValueError, r"got float64 labels of shape \(2,\)"),
    (lambda: tg.cross_entropy(np.ones((2, 3)), np.array([0, 1]), axis=2), ValueError, "axis 2 is out of bounds"),
    (
        lambda: tg.cross_entropy(np.ones((2, 3)), np.array([0, 1]), weight=np.ones(2)),
        ValueError,
        r"cross_entropy: weight of shape \(2,\) must hold one number for each of 3 classes",
    ),
    (
        lambda: tg.cross_entropy(np.ones((2, 3)), np.array([0, 1]), label_smoothing=2.0),
        ValueError,
        "from 0 to 1, got 2",
    ),
    (lambda: tg.nll_loss(np.ones((2, 3)), np.array([0, 5])), IndexError, r"nll_loss: labels must lie in 0 \.\.\. 2"),
    (lambda: tg.kl_div(np.ones(2), np.ones(2), reduction="batch"), ValueError, "mean, sum, none, batchmean"),
    (lambda: tg.hinge_loss(np.ones(2), np.array([0, 1])), ValueError, r"hinge_loss: .*-1 and \+1, got 0; 2 y - 1"),
    (lambda: tg.multi_margin_loss(np.ones((1, 2)), np.array([0]), p=3), ValueError, "p is 1 or 2, got 3"),
    (lambda: tg.cosine_embedding_loss(np.ones((1, 2)), np.ones((1, 2)), np.array([0])), ValueError, "2 y - 1 makes"),
    (lambda: nn.losses.MSELoss(reduction="batchmean"), ValueError, "reduction 'batchmean'"),
    (lambda: l2_penalty([np.ones(3)], 0.1), ValueError, "l2_penalty: there is no weight.*of= chooses"),
    (lambda: l2_penalty(["W1"], 0.1), TypeError, "of arrays, and 'W1' is a name"),
    (lambda: l1_penalty([np.ones((3, 3))], 0.1, 0), ValueError, "l1_penalty: m is the number of samples.*got 0"),
]


@pytest.mark.parametrize(("use", "kind", "message"), ERRORS)
def test_bad_use_is_told(use: Callable[[], Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        use()


# --- modules


MODULES: dict[str, tuple[Callable[[], Any], dict[str, Any]]] = {
    "mse_loss": (lambda: losses.MSELoss(half=True, reduction="sum"), {"half": True, "reduction": "sum"}),
    "l1_loss": (lambda: losses.L1Loss(reduction="none"), {"reduction": "none"}),
    "smooth_l1_loss": (lambda: losses.SmoothL1Loss(beta=0.5), {"beta": 0.5}),
    "huber_loss": (lambda: losses.HuberLoss(delta=0.5), {"delta": 0.5}),
    "binary_cross_entropy": (lambda: losses.BCELoss(weight=2.0), {"weight": 2.0}),
    "binary_cross_entropy_with_logits": (lambda: losses.BCEWithLogitsLoss(pos_weight=3.0), {"pos_weight": 3.0}),
    "cross_entropy": (lambda: losses.CrossEntropyLoss(label_smoothing=0.3), {"label_smoothing": 0.3}),
    "nll_loss": (lambda: losses.NLLLoss(ignore_index=0), {"ignore_index": 0}),
    "kl_div": (lambda: losses.KLDivLoss(reduction="batchmean"), {"reduction": "batchmean"}),
    "hinge_loss": (lambda: losses.HingeLoss(margin=2.0), {"margin": 2.0}),
    "multi_margin_loss": (lambda: losses.MultiMarginLoss(p=2), {"p": 2}),
}


@pytest.mark.parametrize("name", sorted(MODULES))
def test_a_module_is_its_function(name: str) -> None:
    make, asked = MODULES[name]
    (x, y), _, _ = drawn(name, 0)
    module = make()
    np.testing.assert_array_equal(module(x, y), loss_of(name)(x, y, **asked))
    key = next(iter(asked))
    assert f"{key}=" in repr(module)
    assert list(module.parameters()) == []


def test_class_weights_are_saved_with_the_loss() -> None:
    loss = losses.CrossEntropyLoss(weight=[1.0, 2.0])
    assert list(loss.state_dict()) == ["weight"]
    loss.load_state_dict({"weight": np.array([3.0, 1.0])})
    x, y = np.zeros((2, 2)), np.array([0, 1])
    assert math.isclose(float(loss(x, y)), math.log(2))
    np.testing.assert_allclose(loss(x, y, reduction="none"), np.log(2) * np.array([3.0, 1.0]))


# --- penalties


def test_penalties_are_the_courses_and_leave_biases_alone() -> None:
    rng = np.random.default_rng(0)
    p = {
        "W1": rng.normal(size=(3, 2)),
        "b1": rng.normal(size=(3, 1)),
        "W2": rng.normal(size=(1, 3)),
        "b2": np.ones((1, 1)),
    }
    squares = sum((p[k] ** 2).sum() for k in ("W1", "W2"))
    sizes = sum(np.abs(p[k]).sum() for k in ("W1", "W2"))
    np.testing.assert_allclose(l2_penalty(p, 0.7, 5), 0.7 / (2 * 5) * squares, rtol=1e-14)
    np.testing.assert_allclose(l1_penalty(p, 0.7, 5), 0.7 / 5 * sizes, rtol=1e-14)
    l2, l1 = tg.grad(lambda p: l2_penalty(p, 0.7, 5))(p), tg.grad(lambda p: l1_penalty(p, 0.7, 5))(p)
    for k, w in p.items():
        counts = k.startswith("W")
        np.testing.assert_allclose(l2[k], 0.7 / 5 * w * counts, rtol=1e-14)
        np.testing.assert_allclose(l1[k], 0.7 / 5 * np.sign(w) * counts, rtol=1e-14)
    check_grads(lambda p: l2_penalty(p, 0.7, 5), p, order=2)
    assert tg.grad(lambda w: l1_penalty(w, 1.0))(np.zeros((1, 2))).tolist() == [[0.0, 0.0]]


def test_penalties_of_a_module_and_of_what_is_chosen() -> None:
    model = nn.Sequential(nn.Linear(2, 3, rng=0), nn.Linear(3, 1, rng=1))
    weights = [model[0].weight, model[1].weight]
    want = 0.1 / 2 * sum((w.data**2).sum() for w in weights)
    np.testing.assert_allclose(l2_penalty(model, 0.1).data, want, rtol=1e-14)
    np.testing.assert_allclose(l2_penalty(weights, 0.1).data, want, rtol=1e-14)
    for parameters in (model.parameters(), model.named_parameters(), dict(model.named_parameters()).values()):
        np.testing.assert_allclose(l2_penalty(parameters, 0.1).data, want, rtol=1e-14)
    model.b = [tg.Tensor(np.ones((3, 1)))]
    np.testing.assert_allclose(l2_penalty(model, 0.1).data, want, rtol=1e-14)
    every = l2_penalty(model, 0.1, of=lambda name, parameter: True).item()
    assert math.isclose(every, 0.05 * sum((p.data**2).sum() for p in model.parameters()), rel_tol=1e-14)


def test_l2_is_weight_decay() -> None:
    """W := W - alpha (dW + lambda/m W) = (1 - alpha lambda/m) W - alpha dW."""
    rng = np.random.default_rng(0)
    W, x = tg.Tensor(rng.normal(size=(2, 2)), name="W"), rng.normal(size=(2, 3))
    alone = tg.grad(lambda W: np.sum(np.tanh(W @ x)))(W.data)
    (np.sum(np.tanh(W @ x)) + l2_penalty(W, 0.3, 3)).backward()
    np.testing.assert_allclose(W.data - 0.1 * W.grad, (1 - 0.1 * 0.3 / 3) * W.data - 0.1 * alone, rtol=1e-13)


def test_a_penalty_twice_too_large_is_found() -> None:
    w = np.ones((2, 2))
    report = compare_grads(lambda w: l2_penalty(w, 0.1), w, gradient=lambda w: 0.2 * w)
    assert report.wrong == 4


def test_a_vector_of_weights_given_alone_is_penalised() -> None:
    w = np.array([3.0, 4.0])
    assert l2_penalty(w, 2.0) == 25.0
    assert l1_penalty(tg.Tensor(w), 1.0).item() == 7.0
    convolution = {"W": np.ones((2, 2, 3, 4)), "b": np.full((1, 1, 1, 4), 9.0)}
    assert l2_penalty(convolution, 2.0) == 48.0
    assert l2_penalty({"W": [np.ones((2, 3))], "b": [np.full((2, 1), 9.0)]}, 2.0) == 6.0
    with pytest.raises(ValueError, match=r"of two dimensions or more, among the parameters \(w \(2,\)\); of="):
        l2_penalty({"w": w}, 1.0)
    assert l2_penalty({"w": w, "b": 9.0}, 2.0, of=lambda name, p: name == "w") == 25.0
