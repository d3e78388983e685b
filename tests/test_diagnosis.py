"""What is wrong with a training run is told, and what to try: bias, variance, gradients, dead units, the rate."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import nn, optim
from tinygraph.train import (
    Choice,
    History,
    Integer,
    LogUniform,
    Uniform,
    dead_relus,
    diagnose,
    gradient_flow,
    lr_range_test,
    overfit_one_batch,
    search,
)

X = np.random.default_rng(0).normal(size=(64, 20))


def squared(p: Any, y: Any) -> Any:
    return ((p - y) ** 2).mean()


def figure() -> Any:
    return pytest.importorskip("matplotlib.figure").Figure().subplots()


# --- bias and variance

LECTURE = [  # train error, dev error, human error; high bias, high variance
    (0.01, 0.11, 0.0, False, True),
    (0.15, 0.16, 0.0, True, False),
    (0.15, 0.30, 0.0, True, True),
    (0.005, 0.01, 0.0, False, False),
    (0.15, 0.16, 0.15, False, False),  # blurred images: Bayes's error is as large
    (0.08, 0.10, 0.01, True, False),
]


@pytest.mark.parametrize(("train", "dev", "human", "bias", "variance"), LECTURE)
def test_the_cases_of_the_lecture(train: float, dev: float, human: float, bias: bool, variance: bool) -> None:
    found = diagnose(train, dev, human=human, tolerance=0.025)
    assert (found.high_bias, found.high_variance) == (bias, variance)
    said = str(found)
    assert ("high bias" in said) == bias
    assert ("high variance" in said) == variance
    assert ("a bigger network" in found.remedies) == bias
    assert ("more data" in found.remedies) == variance
    assert ("go on to the test set" in said) == (not bias and not variance)


def test_a_diagnosis_from_a_history() -> None:
    rows = [
        {"epoch": 1, "accuracy": 0.7, "val_accuracy": 0.68, "loss": 0.5, "val_loss": 0.6},
        {"epoch": 2, "accuracy": 0.99, "val_accuracy": 0.8, "loss": 0.1, "val_loss": 0.7},
    ]
    history = History(rows)
    found = diagnose(history)
    assert (found.train_error, found.dev_error) == (pytest.approx(0.01), pytest.approx(0.2))
    assert (found.high_bias, found.high_variance) == (False, True)
    history.best_epoch = 1
    found = diagnose(history)
    assert (found.high_bias, found.high_variance) == (True, False)
    assert diagnose(history, metric="loss").dev_error == 0.6
    with pytest.raises(ValueError, match=r"no error and no val_error: give fit metrics=.*it has epoch, accuracy"):
        diagnose(history, metric="error")
    with pytest.raises(ValueError, match="dev error is missing"):
        diagnose(0.1)


# --- gradients by layer


def deep(start: Any, activation: Any, depth: int = 12, width: int = 20) -> nn.Sequential:
    layers: list[Any] = []
    for k in range(depth):
        layers += [nn.Linear(width, width, weight_init=start, rng=k), activation]
    return nn.Sequential(*layers)


@pytest.mark.parametrize(
    ("start", "activation", "verdict"),
    [
        (nn.init.normal, np.tanh, "vanishing"),
        (nn.init.xavier, np.tanh, "healthy"),
        (nn.init.he, nn.ReLU(), "healthy"),
        (lambda shape, **k: nn.init.normal(shape, 1.5, **k), nn.ReLU(), "exploding"),
    ],
)
def test_initialisers_and_the_gradients_they_give(start: Any, activation: Any, verdict: str) -> None:
    model = deep(start, activation)
    loss = squared(model(X), np.ones((64, 20)))
    flow = gradient_flow(loss, model)
    assert flow.verdict == verdict
    assert f"gradients are {verdict}" in str(flow)
    assert ("He" in str(flow)) == (verdict != "healthy")
    loss.backward()
    for row, (name, p) in zip(flow.parameters, model.named_parameters(), strict=True):
        assert row.name == name
        assert row.gradient == pytest.approx(np.linalg.norm(p.grad), rel=1e-12)


def test_activations_that_grow_are_seen_and_exploding_gradients_are_called_so() -> None:
    model = deep(lambda shape, **k: nn.init.normal(shape, 1.5, **k), nn.ReLU())
    flow = gradient_flow(squared(model(X), 0.0), model)
    stds = [row.std for row in flow.layers]
    assert stds[-1] > 1e6 * stds[0]
    assert flow.verdict == "exploding"
    x = tg.Tensor(np.ones(3), name="x")
    y = x * 1e-200
    y.name = "y"
    z = np.exp(y * 1e200)
    z.name = "z"
    with np.errstate(over="ignore"):
        flow = gradient_flow((z * 1e150 * 1e150).sum())
    assert flow.layers[0].gradient == np.inf
    assert flow.verdict == "exploding"


def test_each_layer_is_one_row_and_functions_within_a_network_too() -> None:
    model = nn.Sequential(nn.Linear(20, 5, rng=0), np.tanh, nn.Sequential(nn.Linear(5, 4, rng=1), nn.ReLU()))
    out = model(X)
    flow = gradient_flow(squared(out, 0.0), model)
    assert [row.name for row in flow.layers] == ["0", "tanh", "2.0", "2.1"]
    hidden = np.tanh(model[0](X)).data
    assert flow.layers[1].std == pytest.approx(hidden.std(), rel=1e-12)
    g = tg.grad(lambda h: squared(model[2](h), 0.0))(hidden)
    assert flow.layers[1].gradient == pytest.approx(np.linalg.norm(g.data), rel=1e-12)
    assert [line.get_ydata().size for line in flow.plot(label="tanh", ax=figure()).lines] == [4]


def test_named_results_without_any_network() -> None:
    w = tg.Tensor(np.full((3, 20), 0.1), name="W1")
    a = np.tanh(w @ X.T)
    a.name = "A1"
    loss = (a * a).mean()
    flow = gradient_flow(loss, {"W1": w})
    assert [row.name for row in flow.layers] == ["A1"]
    assert w.grad is None
    loss.backward()
    assert flow.parameters[0].gradient == pytest.approx(np.linalg.norm(w.grad))
    assert flow.layers[0].gradient == pytest.approx(np.linalg.norm(a.grad))


def test_a_graph_that_tells_nothing() -> None:
    model = nn.Linear(20, 1, rng=0)
    loss = squared(model(X), 0.0)
    loss.backward(retain_graph=False)
    with pytest.raises(RuntimeError, match="released"):
        gradient_flow(loss, model)
    with tg.no_grad(), pytest.raises(ValueError, match="before backward"):
        gradient_flow(squared(model(X), 0.0), model)
    with pytest.raises(ValueError, match="one number"):
        gradient_flow(model(X), model)


# --- dead rectifiers


def test_dead_units_are_counted_layer_by_layer() -> None:
    first, second = nn.Linear(20, 6, rng=0), nn.Linear(6, 4, rng=1)
    first.bias.data[[1, 4]] = -1e6
    second.bias.data[:] = -1e6
    out = nn.Sequential(first, nn.ReLU(), second, nn.ReLU())(X)
    found = dead_relus(out.sum())
    assert [(f.name, f.dead, f.units) for f in found] == [("1", 2, 6), ("3", 4, 4)]
    assert np.flatnonzero(found[0].silent).tolist() == [1, 4]
    assert str(found[0]) == "1: 2 of 6 units are dead"


def test_channels_columns_and_maximum() -> None:
    images = tg.Tensor(np.random.default_rng(0).normal(size=(5, 3, 4, 4)))
    shifted = images - np.array([0.0, 100.0, 0.0]).reshape(3, 1, 1)
    assert dead_relus(tg.relu(shifted))[0].silent.tolist() == [False, True, False]
    columns = tg.Tensor(np.array([[1.0, -1.0, 2.0], [-1.0, -2.0, -3.0]]))
    assert dead_relus(np.maximum(0, columns), axis=0)[0].silent.tolist() == [False, True]
    assert dead_relus(np.maximum(columns, columns * 2.0)) == []
    assert dead_relus(tg.leaky_relu(columns)) == []


# --- one batch, and the learning rate


class Frozen(nn.Linear):
    """A layer with a fault: no gradient reaches its weights."""

    def forward(self, x: Any) -> Any:
        return x[:, :1] * 0.0 + self.bias[0]


@pytest.mark.parametrize(("layer", "ok"), [(nn.Linear, True), (Frozen, False)])
def test_one_batch_by_heart(layer: Callable[..., nn.Module], ok: bool) -> None:
    model = nn.Sequential(nn.Dropout(keep_prob=1.0), layer(20, 1, rng=0))
    optimizer = optim.Adam(model.parameters(), lr=0.05)
    before, state = model.state_dict(), repr(optimizer.state_dict())
    found = overfit_one_batch(model, squared, optimizer, (X[:8], X[:8, :1] ** 2), steps=150)
    assert found.ok is ok
    assert ("cannot" in str(found)) == (not ok)
    assert all(np.array_equal(before[name], p) for name, p in model.state_dict().items())
    assert repr(optimizer.state_dict()) == state
    assert all(p.grad is None for p in model.parameters())


def test_one_batch_that_diverges() -> None:
    model = nn.Linear(20, 1, rng=0)
    found = overfit_one_batch(model, squared, optim.SGD(model.parameters(), lr=1e9), (X, X[:, :1]))
    assert not found.ok
    assert np.isfinite(model.weight.data).all()


def test_the_suggested_rate_learns_and_the_highest_does_not() -> None:
    model = nn.Linear(20, 1, rng=0)
    optimizer = optim.SGD(model.parameters(), lr=0.123)
    y = X @ np.ones((20, 1))
    before = model.weight.data.copy()
    found = lr_range_test(model, squared, optimizer, (X, y), low=1e-5, high=100.0, batch_size=16)
    assert len(found.rates) < 100  # it ended when the loss grew
    assert found.losses[-1] > found.losses[0]
    assert np.array_equal(model.weight.data, before)
    assert optimizer.param_groups[0]["lr"] == 0.123
    losses = []
    for rate in (found.suggestion / 100, found.suggestion):
        model.weight.data[...] = before
        optimizer.param_groups[0]["lr"] = rate
        for _ in range(40):
            optimizer.zero_grad()
            loss = squared(model(X), y)
            loss.backward()
            optimizer.step()
        losses.append(loss.item())
    assert losses[1] < 0.1 * losses[0]
    ax = found.plot(ax=figure())
    assert ax.get_xscale() == "log"
    assert str(found).splitlines()[0].split() == ["rate", "loss", "smoothed"]


def test_a_range_that_cannot_be_tested() -> None:
    model = nn.Linear(20, 1, rng=0)
    for options in ({"low": 1.0, "high": 0.1}, {"low": 0.0}, {"steps": 2}):
        with pytest.raises(ValueError, match="must grow"):
            lr_range_test(model, squared, optim.SGD(model.parameters(), lr=0.1), (X, X[:, :1]), **options)
    with pytest.raises(ValueError, match="no batches"):
        lr_range_test(model, squared, optim.SGD(model.parameters(), lr=0.1), [])
    with pytest.raises(ValueError, match="a number as its lr"):
        lr_range_test(model, squared, optim.SGD(model.parameters(), lr=lambda t: 0.1), (X, X[:, :1]))
    found = lr_range_test(model, squared, optim.SGD(model.parameters(), lr=0.1), (X, X[:, :1]), low=10.0, high=1e3)
    with pytest.raises(ValueError, match="fell at no rate"):
        found.suggestion  # noqa: B018


# --- search


def bowl(p: dict[str, Any]) -> float:
    """Best at lr = 1e-2 and 1 - beta = 1e-1."""
    return -((np.log10(p["lr"]) + 2) ** 2) - (np.log10(p["1-beta"]) + 1) ** 2


SPACE = {"lr": LogUniform(1e-6, 1.0), "1-beta": LogUniform(1e-3, 1.0)}


def test_coarse_to_fine_comes_closer() -> None:
    found = search(bowl, SPACE, trials=20, refine=2, seed=1)
    assert [t.round for t in found.trials] == [0] * 20 + [1] * 20 + [2] * 20
    coarse = max(t.score for t in found.trials[:20])
    assert found.best.score > 0.5 * coarse  # scores are negative
    assert found.best.round > 0
    assert found.best.score == max(t.score for t in found.trials)
    widths = [np.log(s["lr"].high / s["lr"].low) for s in found.spaces]
    assert widths[0] > 1.5 * widths[1] > 2 * widths[2]
    for t in found.trials:
        space = found.spaces[t.round]["lr"]
        assert space.low <= t.params["lr"] <= space.high
    assert str(search(bowl, SPACE, trials=5, seed=1)) == str(search(bowl, SPACE, trials=5, seed=1))
    assert str(search(bowl, SPACE, trials=5, seed=1)) != str(search(bowl, SPACE, trials=5, seed=2))


def test_draws_are_even_on_their_scale() -> None:
    rng = np.random.default_rng(0)
    logs = np.log10([LogUniform(1e-4, 1.0).draw(rng) for _ in range(2000)])
    assert np.all(np.abs(np.histogram(logs, bins=4, range=(-4, 0))[0] / 2000 - 0.25) < 0.04)
    assert abs(np.mean([Uniform(-1.0, 3.0).draw(rng) for _ in range(2000)]) - 1.0) < 0.1
    counts = np.bincount([Integer(1, 4).draw(rng) for _ in range(2000)])
    assert np.all(np.abs(counts[1:] / 2000 - 0.25) < 0.04)
    sizes = [Integer(1, 1000, log=True).draw(rng) for _ in range(2000)]
    assert min(sizes) == 1
    assert abs(np.mean(np.array(sizes) <= 31) - np.log(31.5 / 0.5) / np.log(1000.5 / 0.5)) < 0.04


def test_a_failing_trial_is_recorded_and_does_no_harm() -> None:
    def fragile(p: dict[str, Any]) -> float:
        if p["lr"] > 1e-3:
            raise FloatingPointError("the loss is NaN\nin log")
        return float("nan") if p["lr"] < 1e-5 else p["lr"]

    found = search(fragile, {"lr": LogUniform(1e-6, 1.0), "fixed": "adam"}, trials=30)
    failed = [t for t in found.trials if t.error]
    assert failed[0].error == "FloatingPointError: the loss is NaN"
    assert found.best.score <= 1e-3
    assert all(not np.isnan(t.score) for t in found.ranked)
    assert "FloatingPointError" in str(found)
    assert {t.params["fixed"] for t in found.trials} == {"adam"}
    hopeless = search(lambda p: 1 / 0, SPACE, trials=3)
    assert len(hopeless.trials) == 3
    with pytest.raises(ValueError, match="no trial succeeded; the first: ZeroDivisionError"):
        hopeless.best  # noqa: B018


def test_losses_are_minimised_and_ctrl_c_keeps_the_trials() -> None:
    found = search(lambda p: -bowl(p), SPACE, maximize=False, trials=20)
    assert found.best.score == min(t.score for t in found.trials)
    calls: list[int] = []

    def pressed(p: dict[str, Any]) -> float:
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return 1.0

    assert len(search(pressed, SPACE).trials) == 3


def test_a_table_a_file_and_pictures(tmp_path: Path) -> None:
    space = {**SPACE, "units": Integer(8, 512, log=True), "activation": Choice("relu", "tanh")}
    found = search(bowl, space, trials=8)
    lines = str(found).splitlines()
    assert lines[0].split() == ["score", "round", "lr", "1-beta", "units", "activation"]
    assert float(lines[1].split()[0]) == pytest.approx(found.best.score, rel=1e-3)
    found.to_csv(tmp_path / "s.csv")
    assert len((tmp_path / "s.csv").read_text().splitlines()) == 17
    ax = found.plot(ax=figure())
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_xscale(), ax.get_yscale()) == ("lr", "1-beta", "log", "log")
    assert found.plot("units", "activation", ax=figure()).get_xscale() == "log"
    assert search(lambda p: p["a"], {"a": Uniform(0.0, 1.0)}, trials=3).plot(ax=figure()).get_ylabel() == "score"


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: LogUniform(0.0, 1.0), "log scale"),
        (lambda: Uniform(1.0, 1.0), "less than high"),
        (lambda: Integer(3, 2), "low must not"),
        (lambda: Integer(0, 2, log=True), "at least 1"),
        (Choice, "nothing to choose"),
        (lambda: search(bowl, {}), "no hyper-parameter"),
        (lambda: search(bowl, SPACE, trials=0), "at least one trial"),
        (lambda: search(bowl, SPACE, keep=0.0), "keep"),
    ],
)
def test_spaces_that_are_none(make: Callable[[], Any], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        make()


def test_a_refined_space_stays_within_and_holds_what_was_good() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        values = [float(v) for v in rng.uniform(2.0, 5.0, 3)]
        narrowed = Uniform(1.0, 6.0).around(values)
        assert 1.0 <= narrowed.low <= min(values) < max(values) <= narrowed.high <= 6.0
    assert Integer(1, 9).around([4, 6]) == Integer(3, 7)
    assert Choice("a", "b", "c").around(["c", "a"]).values == ("a", "c")
    one = LogUniform(1e-4, 1.0).around([1.0])
    assert one.high == pytest.approx(1.0)
    assert one.low < 0.7
