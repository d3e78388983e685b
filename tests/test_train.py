"""fit: it does what the bare loop does, and what one asks of it beside."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import nn, optim
from tinygraph.data import Batches, Normalizer, breast_cancer, split
from tinygraph.mode import MODE
from tinygraph.train import (
    DivergenceError,
    EarlyStopping,
    History,
    accuracy,
    evaluate,
    fit,
    predict,
    tune_malloc,
)

ROOT = Path(__file__).parent.parent
RNG = np.random.default_rng(0)
X = RNG.normal(size=(70, 3))
Y = (X @ np.array([1.0, -2.0, 0.5]) + 0.1 * RNG.normal(size=70))[:, None]
QUIET: dict[str, Any] = {"progress": False}


def squared(p: Any, y: Any) -> Any:
    return ((p - y) ** 2).mean()


def network(seed: int = 0) -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 8, rng=seed), np.tanh, nn.Linear(8, 1, rng=seed + 1))


class Noisy(nn.Module):
    """Dropout, as a layer that holds a generator; in evaluation nothing is dropped."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self.calls: list[bool] = []

    def forward(self, x: Any) -> Any:
        self.calls.append(self.training)
        return x * (self._rng.random(x.shape) < 0.8) / 0.8 if self.training else x


def weights(model: nn.Module) -> list[np.ndarray]:
    return [p.data.copy() for p in model.parameters()]


def equal(a: nn.Module, b: nn.Module) -> bool:
    return all(np.array_equal(p, q) for p, q in zip(weights(a), weights(b), strict=True))


def figures(history: History) -> dict[str, list[float]]:
    return {name: history[name].tolist() for name in history.columns if name != "seconds"}


def test_it_is_the_bare_loop() -> None:
    ours, bare = network(), network()
    history = fit(ours, squared, optim.Adam(ours.parameters(), lr=0.01), (X, Y), epochs=3, batch_size=16, **QUIET)
    optimizer, losses = optim.Adam(bare.parameters(), lr=0.01), []
    batches = Batches(X, Y, batch_size=16, seed=0)
    for _ in range(3):
        total = 0.0
        for x, y in batches:
            optimizer.zero_grad()
            loss = squared(bare(x), y)
            loss.backward()
            optimizer.step()
            total += len(x) * loss.item()
        losses.append(total / len(X))
    assert equal(ours, bare)
    assert history["loss"].tolist() == losses
    assert history["epoch"].tolist() == [1, 2, 3]


def test_a_run_repeats_itself_and_another_seed_does_not() -> None:
    runs = []
    for seed in (1, 1, 2):
        model = nn.Sequential(network(), Noisy(5))
        history = fit(model, squared, optim.SGD(model.parameters(), lr=0.1), (X, Y), epochs=3, seed=seed, **QUIET)
        runs.append((model, history))
    assert equal(runs[0][0], runs[1][0])
    assert figures(runs[0][1]) == figures(runs[1][1])
    assert not equal(runs[0][0], runs[2][0])


@pytest.mark.parametrize("form", ["tuple", "batches", "list", "prefetched", "array"])
def test_data_in_any_form(form: str) -> None:
    model = network() if form != "array" else nn.Linear(3, 3, rng=0)
    data: Any = {
        "tuple": (X, Y),
        "batches": Batches(X, Y),
        "list": list(Batches(X, Y)),
        "prefetched": Batches(X, Y, prefetch=2),
        "array": X,
    }[form]
    history = fit(model, squared, optim.Adam(model.parameters(), lr=0.05), data, epochs=20, validation=data, **QUIET)
    assert history["loss"][-1] < 0.3 * history["loss"][0]
    assert threading.active_count() == 1 or not [t for t in threading.enumerate() if "prefetch" in t.name]


def test_columns_of_the_course() -> None:
    w, b = tg.Tensor(np.zeros((1, 3))), tg.Tensor(np.zeros((1, 1)))
    history = fit(
        lambda x: w @ x + b, squared, optim.SGD([w, b], lr=0.1), (X.T, Y.T), axis=1, epochs=20, batch_size=64, **QUIET
    )
    rows = nn.Linear(3, 1, weight_init=nn.init.zeros)
    same = fit(rows, squared, optim.SGD(rows.parameters(), lr=0.1), (X, Y), epochs=20, batch_size=64, **QUIET)
    np.testing.assert_allclose(history["loss"], same["loss"], rtol=1e-12)
    np.testing.assert_allclose(w.data, rows.weight.data, rtol=1e-12)


def test_a_generator_is_spent_after_one_epoch() -> None:
    model = network()
    with pytest.raises(ValueError, match=r"no samples in epoch 2; a generator gives its batches once"):
        fit(model, squared, optim.SGD(model.parameters(), lr=0.1), (b for b in [(X, Y)]), epochs=2, **QUIET)


# --- figures


def test_validation_is_the_mean_over_samples_in_evaluation_mode() -> None:
    noisy = Noisy(0)
    model = nn.Sequential(network(), noisy)
    expected = squared(model.eval()(X[:50]), Y[:50]).item()
    model.train()
    noisy.calls.clear()
    found = evaluate(model, squared, (X[:50], Y[:50]), metrics={"bias": lambda p, y: np.mean(p - y)}, batch_size=16)
    assert found["loss"] == pytest.approx(expected, rel=1e-13)
    assert found["bias"] == pytest.approx(float(np.mean(model.eval()(X[:50]).data - Y[:50])), rel=1e-12)
    assert noisy.calls[:4] == [False] * 4
    np.testing.assert_array_equal(predict(model, X, batch_size=16).shape, (70, 1))


def test_modes_are_as_they_should_be_and_as_they_were() -> None:
    frozen, noisy = Noisy(0), Noisy(1)
    model = nn.Sequential(network(), frozen, noisy)
    frozen.eval()
    evaluate(model, squared, (X, Y))
    assert (frozen.training, noisy.training, model.training) == (False, True, True)
    noisy.calls.clear()
    fit(
        model,
        squared,
        optim.SGD(model.parameters(), lr=0.1),
        (X, Y),
        epochs=2,
        validation=(X, Y),
        batch_size=35,
        **QUIET,
    )
    assert noisy.calls == [True, True, False, False] * 2


def test_evaluation_records_nothing() -> None:
    seen = []
    model = network()
    evaluate(lambda x: seen.append(model(x)) or seen[-1], squared, (X, Y))
    assert not seen[0].requires_grad
    assert MODE.get() is None


def test_accuracy_of_logits_probabilities_and_columns() -> None:
    logits = np.array([[2.0, 1.0], [0.0, 3.0], [1.0, 0.0]])
    assert accuracy(logits, [0, 1, 1]) == pytest.approx(2 / 3)
    assert accuracy(logits, np.eye(2)[[0, 1, 1]]) == pytest.approx(2 / 3)
    assert accuracy(logits.T, [0, 1, 0], axis=0) == 1.0
    assert accuracy(np.array([[0.4], [0.6]]), [[1], [1]], threshold=0.5) == 0.5
    with pytest.raises(ValueError, match=r"\(3, 2\)"):
        accuracy(logits, [0, 1])


def test_metrics_of_training_and_validation_stand_in_the_history() -> None:
    labels = (Y[:, 0] > 0).astype(int)
    model = nn.Linear(3, 2, rng=0)
    history = fit(
        model,
        tg.cross_entropy,
        optim.Adam(model.parameters(), lr=0.1),
        (X, labels),
        validation=(X, labels),
        metrics={"accuracy": accuracy},
        epochs=20,
        **QUIET,
    )
    assert history.columns == ["epoch", "loss", "accuracy", "val_loss", "val_accuracy", "lr", "seconds"]
    assert history["val_accuracy"][-1] == np.mean(predict(model, X).argmax(axis=1) == labels) > 0.9


# --- updates


@pytest.mark.parametrize("n", [70, 64, 61])  # 61 leaves a last group of batches of 8, 8, 8 and 5
def test_accumulated_small_batches_equal_a_large_one(n: int) -> None:
    models = []
    for size, accumulate in ((32, 1), (8, 4)):
        model = network()
        optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        batches = Batches(X[:n], Y[:n], batch_size=size, shuffle=False)
        history = fit(model, squared, optimizer, batches, accumulate=accumulate, epochs=3, **QUIET)
        models.append((weights(model), history["loss"]))
    for a, b in zip(models[0][0], models[1][0], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11)
    np.testing.assert_allclose(models[0][1], models[1][1], rtol=1e-12)


def test_gradients_are_clipped() -> None:
    w = tg.Tensor(np.zeros(2))
    data = [(np.array([[30.0, 40.0]]), np.zeros(1))]
    for options, expected in [
        ({"clip_norm": 1.0}, [-0.6, -0.8]),
        ({"clip_value": 1.0}, [-1.0, -1.0]),
        ({}, [-30.0, -40.0]),
    ]:
        w.data = np.zeros(2)
        fit(lambda x: x @ w, lambda p, y: p.sum(), optim.SGD([w], lr=1.0), data, epochs=1, **options, **QUIET)
        np.testing.assert_allclose(w.data, expected, rtol=1e-5)


def test_schedules_by_epoch_and_by_step() -> None:
    rates: list[float] = []
    for by, expected in (("epoch", [0.1, 0.1, 0.05, 0.05]), ("step", [0.1, 0.05, 0.1 / 3, 0.025])):
        rates.clear()
        w = tg.Tensor(np.zeros((3, 1)))
        optimizer = optim.SGD([w], lr=1.0)
        step = optimizer.step
        optimizer.step = lambda *a, o=optimizer, s=step: (rates.append(o.param_groups[0]["lr"]), s(*a))[1]
        fit(
            lambda x, w=w: x @ w, squared, optimizer, (X, Y), schedule=lambda t: 0.1 / (1 + t), schedule_by=by,
            batch_size=35, epochs=2, **QUIET,
        )  # fmt: skip
        np.testing.assert_allclose(rates, expected)


def test_a_scheduler_that_looks_at_the_dev_set() -> None:
    w = tg.Tensor(np.zeros((3, 1)))
    optimizer = optim.SGD([w], lr=1e-12)
    plateau = optim.ReduceLROnPlateau(optimizer, patience=1, factor=0.5, eps=0.0)
    history = fit(lambda x: x @ w, squared, optimizer, (X, Y), validation=(X, Y), schedule=plateau, epochs=5, **QUIET)
    np.testing.assert_allclose(history["lr"] / 1e-12, [1, 1, 1, 0.5, 0.5])


def test_lbfgs_with_its_closure() -> None:
    model = nn.Linear(3, 1, rng=0)
    optimizer = optim.LBFGS(model.parameters(), line_search_fn="strong_wolfe", tolerance_change=1e-14)
    fit(model, squared, optimizer, (X, Y), batch_size=70, epochs=20, **QUIET)
    expected = np.linalg.lstsq(np.c_[X, np.ones(70)], Y, rcond=None)[0][:, 0]
    np.testing.assert_allclose(np.r_[model.weight.data[0], model.bias.data], expected, atol=1e-6)


def test_single_precision_stays() -> None:
    model = nn.Linear(3, 1, rng=0, dtype=np.float32)
    data = (X.astype(np.float32), Y.astype(np.float32))
    fit(model, squared, optim.Adam(model.parameters()), data, accumulate=2, clip_norm=1.0, epochs=2, **QUIET)
    assert model.weight.dtype == np.float32


# --- early stopping and callbacks


def stopped_by(losses: list[float], **options: Any) -> tuple[History, list[float]]:
    """A run whose dev losses are these, and whose only weight counts its updates."""
    w, told = nn.Linear(1, 1, bias=False, weight_init=nn.init.zeros), iter(losses)
    loss = lambda p, y: (p - p.data).sum() if p.requires_grad else np.array(next(told))  # noqa: E731
    optimizer = optim.SGD(w.parameters(), lr=1.0)
    count: list[float] = []
    optimizer.step = lambda: (w.weight.data.__iadd__(1.0), count.append(1))[0]
    stopping = EarlyStopping(**options)
    data = (np.ones((1, 1)), np.ones((1, 1)))
    history = fit(w, loss, optimizer, data, validation=data, early_stopping=stopping, epochs=len(losses), **QUIET)
    return history, w.weight.data.ravel().tolist()


def test_early_stopping_restores_the_best_weights() -> None:
    losses = [3.0, 2.0, 1.0, 1.5, 1.2, 1.1, 0.5]
    history, weight = stopped_by(losses, patience=3)
    assert (len(history), history.best_epoch, weight) == (6, 3, [3.0])
    assert history.stopped == "early stopping: val_loss has not improved for 3 epochs"
    history, weight = stopped_by(losses, patience=4)
    assert (len(history), history.best_epoch, weight, history.stopped) == (7, 7, [7.0], None)
    history, weight = stopped_by(losses, patience=2, restore_best=False)
    assert (len(history), history.best_epoch, weight) == (5, None, [5.0])
    history, weight = stopped_by([1.0, 0.95, 0.9, 0.8], patience=2, min_delta=0.15)
    assert (len(history), history.best_epoch, weight) == (3, 1, [1.0])
    history, weight = stopped_by([1.0, 2.0, 1.5], patience=1, mode="max")
    assert (len(history), history.best_epoch, weight) == (3, 2, [2.0])
    assert stopped_by([float("nan"), 1.0, 2.0], patience=2)[0].best_epoch == 2


def test_true_is_early_stopping_as_usual_and_false_is_none() -> None:
    for option, patience in ((True, 5), (3, 3), (False, None)):
        model, seen = nn.Linear(3, 1, rng=0), []
        fit(
            model, squared, optim.SGD(model.parameters(), lr=0.0), (X, Y), validation=(X, Y), early_stopping=option,
            callbacks=[lambda run, seen=seen: seen.append(run.epoch)], epochs=10, **QUIET,
        )  # fmt: skip
        assert seen[-1] == (10 if patience is None else 1 + patience)


def test_early_stopping_on_what_is_not_measured() -> None:
    model = network()
    with pytest.raises(ValueError, match=r"watches 'val_loss'.*give validation="):
        fit(model, squared, optim.SGD(model.parameters(), lr=0.1), (X, Y), early_stopping=3, **QUIET)
    with pytest.raises(ValueError, match="neither"):
        EarlyStopping(mode="best")


def test_callbacks_are_called_when_they_want_to_be() -> None:
    told: list[tuple[Any, ...]] = []

    class Watcher:
        def on_fit_begin(self, run: Any) -> None:
            told.append(("begin", run.epoch))

        def on_batch_end(self, run: Any) -> None:
            told.append(("batch", run.step, round(run.loss, 3) > 0, run.model is model))

        def on_fit_end(self, run: Any) -> None:
            told.append(("end", run.epoch, len(run.history)))

    def stop(run: Any) -> None:
        told.append(("epoch", run.epoch, run.history[-1]["loss"] == run.history["loss"][-1]))
        if run.epoch == 2:
            run.stop("enough")

    model = network()
    history = fit(
        model, squared, optim.SGD(model.parameters(), lr=0.1), (X, Y), batch_size=35, epochs=9,
        callbacks=[Watcher(), stop], **QUIET,
    )  # fmt: skip
    batches = [("batch", k, True, True) for k in range(1, 5)]
    assert told == [
        ("begin", 0), *batches[:2], ("epoch", 1, True), *batches[2:], ("epoch", 2, True), ("end", 2, 2)
    ]  # fmt: skip
    assert history.stopped == "enough"
    with pytest.raises(TypeError, match="is no function"):
        fit(model, squared, optim.SGD(model.parameters(), lr=0.1), (X, Y), callbacks=[3], **QUIET)


def test_a_callback_sees_the_gradients_of_the_batch() -> None:
    class Norms:
        norms: list[float] = []  # noqa: RUF012

        def on_batch_end(self, run: Any) -> None:
            self.norms.append(sum(float((p.grad**2).sum()) for p in run.model.parameters()))

    model = network()
    fit(model, squared, optim.SGD(model.parameters(), lr=0.1), (X, Y), epochs=1, callbacks=[Norms()], **QUIET)
    assert len(Norms.norms) == 3
    assert min(Norms.norms) > 0


# --- what goes wrong


def test_nan_in_the_loss_stops_and_names_the_operation() -> None:
    model = nn.Sequential(nn.Linear(3, 3, rng=0), np.log)
    before = weights(model)
    with pytest.raises(
        DivergenceError, match=r"epoch 1, batch 1.*the loss is nan: log made NaN: inputs .*32, 3"
    ) as info:
        fit(model, squared, optim.SGD(model.parameters(), lr=0.1), (X, Y), **QUIET)
    assert "test_train.py" in str(info.value)
    assert all(np.array_equal(a, b) for a, b in zip(before, weights(model), strict=True))
    assert len(info.value.history) == 0
    assert MODE.get() is None


class Root(nn.Module):
    def forward(self, x: Any) -> Any:
        return np.log(x * 1e-310)  # a number whose inverse is too large


def test_a_gradient_that_is_infinite_stops_before_the_update() -> None:
    w = nn.Linear(1, 1, bias=False, weight_init=nn.init.ones)
    model = nn.Sequential({"first": w, "root": Root()})
    with pytest.raises(DivergenceError, match="a gradient is not finite: the reverse rule of log made infinity"):
        fit(model, squared, optim.SGD(w.parameters(), lr=0.1), (np.ones((4, 1)), np.ones((4, 1))), **QUIET)
    assert w.weight.data.tolist() == [[1.0]]


def test_the_layer_is_named_and_the_epochs_before_are_kept() -> None:
    class Spoiled(nn.Module):
        calls = 0

        def forward(self, x: Any) -> Any:
            self.calls += 1
            return np.sqrt(x * 0.0 + (-1.0 if self.calls > 3 else 1.0))

    model = nn.Sequential({"body": nn.Sequential({"inner": nn.Linear(3, 1, rng=0), "spoiled": Spoiled()})})
    with pytest.raises(DivergenceError, match=r"epoch 2, batch 2.*sqrt made NaN.*in layer body\.spoiled") as info:
        fit(model, lambda p, y: p.sum() * 0.0, optim.SGD(model.parameters(), lr=0.1), (X, Y), batch_size=35, **QUIET)
    assert len(info.value.history) == 1


def test_an_input_that_is_nan() -> None:
    spoiled = X.copy()
    spoiled[3, 1] = np.nan
    model = network()
    with pytest.raises(DivergenceError, match="linear was given NaN"):
        fit(model, squared, optim.SGD(model.parameters(), lr=0.1), (spoiled, Y), **QUIET)


@pytest.mark.parametrize("own", [True, False])
def test_dropped_units_are_dropped_again_when_the_culprit_is_sought(own: bool) -> None:
    class Fragile(nn.Module):
        def __init__(self) -> None:
            self.rng = np.random.default_rng(3) if own else nn.init.generator()

        def forward(self, x: Any) -> Any:
            return np.log(x * x + (0.0 if self.rng.random() < 0.5 else 1.0))

    model = nn.Sequential(nn.Linear(1, 1, bias=False, weight_init=nn.init.zeros), Fragile())
    for _ in range(4):  # whichever way the coin falls
        with pytest.raises(DivergenceError, match="log made infinity"):
            fit(model, lambda p, y: p.mean(), optim.SGD(model.parameters(), lr=0.0), (X[:, :1], Y), epochs=20, **QUIET)


def test_ctrl_c_leaves_model_and_history(capsys: pytest.CaptureFixture[str]) -> None:
    def press(run: Any) -> None:
        if run.epoch == 2:
            raise KeyboardInterrupt

    model = network()
    history = fit(model, squared, optim.SGD(model.parameters(), lr=0.1), (X, Y), epochs=9, callbacks=[press], **QUIET)
    assert len(history) == 2
    assert history.stopped == "Ctrl-C in epoch 2"
    assert "fit: stopped by Ctrl-C in epoch 2; the model can be used" in capsys.readouterr().err


@pytest.mark.skipif(os.name != "posix", reason="signals as on POSIX")
def test_ctrl_c_in_an_update_waits_for_its_end() -> None:
    handler = signal.default_int_handler
    before = signal.signal(signal.SIGINT, handler)  # a shell starts what runs in the background without it
    calls: list[int] = []

    def pressed(p: Any, y: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return squared(p, y)

    models = [network(), network()]
    history = fit(models[0], pressed, optim.SGD(models[0].parameters(), lr=0.1), (X, Y), batch_size=35, **QUIET)
    assert (len(history), history.stopped) == (0, "Ctrl-C in epoch 1")
    fit(models[1], squared, optim.SGD(models[1].parameters(), lr=0.1), (X, Y), batch_size=35, epochs=1, **QUIET)
    assert equal(models[0], models[1])  # the second batch was learned as a whole
    assert signal.signal(signal.SIGINT, before) is handler


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"accumulate": 0}, ValueError, "accumulate"),
        ({"schedule_by": "batch"}, ValueError, "schedule_by"),
        ({"data": 3}, TypeError, "not a int"),
        ({"data": {"x": X}}, TypeError, "not a dict"),
        ({"data": [{"x": X}]}, TypeError, "not a dict; for batches of another kind"),
        ({"data": split(X, Y)}, TypeError, "data.train"),
        ({"loss": lambda p, y: p - y}, TypeError, r"not shape \(32, 1\)"),
        ({"loss": lambda p, y: 1.0}, TypeError, "not a float"),
        ({"metrics": {"all": lambda p, y: p}}, TypeError, r"metric 'all' must be one number, got shape \(32, 1\)"),
        ({"validation": []}, ValueError, "no samples"),
    ],
)
def test_mistakes_are_explained(options: dict[str, Any], error: type[Exception], match: str) -> None:
    model = network()
    given = {"loss": squared, "data": (X, Y), "epochs": 1, **options}
    with pytest.raises(error, match=match):
        fit(model, given.pop("loss"), optim.SGD(model.parameters(), lr=0.1), given.pop("data"), **given, **QUIET)


def test_a_function_has_no_weights_to_keep() -> None:
    w = tg.Tensor(np.zeros((3, 1)))
    with pytest.raises(TypeError, match="must be a Module"):
        fit(lambda x: x @ w, squared, optim.SGD([w], lr=0.1), (X, Y), early_stopping=EarlyStopping(monitor="loss"))


# --- progress and history


class Terminal:
    def __init__(self) -> None:
        self.text = ""

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.text += text
        return len(text)

    def flush(self) -> None:
        pass


def test_a_bar_on_a_terminal_and_nothing_elsewhere(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("tqdm")
    model = network()
    fit(model, squared, optim.SGD(model.parameters(), lr=0.1), (X, Y), epochs=2)
    assert capsys.readouterr() == ("", "")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    fit(model, squared, optim.SGD(model.parameters(), lr=0.1), (X, Y), epochs=2)
    assert "epoch 2/2: 100%" in terminal.text
    assert "loss=" in terminal.text


def test_without_tqdm_it_says_so_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    for _ in range(2):
        model = network()
        fit(model, squared, optim.SGD(model.parameters(), lr=0.1), (X, Y), epochs=1)
    assert terminal.text.count("pip install tqdm") == 1


def test_libraries_are_loaded_where_they_are_used() -> None:
    code = (
        "import json, sys; from tinygraph import data, train; from tinygraph.nn import saving;"
        "print(json.dumps(sorted({m.split('.')[0] for m in sys.modules})))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    optional = {"matplotlib", "tqdm", "safetensors", "sklearn", "scipy", "graphviz", "pandas"}
    assert not set(json.loads(done.stdout)) & optional


def test_history_to_files_and_pictures(tmp_path: Path) -> None:
    history = History([{"epoch": 1, "loss": 0.1 + 0.2, "val_loss": 1.0}, {"epoch": 2, "loss": float("nan")}])
    history.stopped = "enough"
    history.to_json(tmp_path / "h.json")
    json.loads((tmp_path / "h.json").read_text())
    again = History.from_json(tmp_path / "h.json")
    np.testing.assert_array_equal(again["loss"], history["loss"])
    assert again.stopped == "enough"
    history.to_csv(tmp_path / "h.csv")
    assert (tmp_path / "h.csv").read_text() == f"epoch,loss,val_loss\n1,{0.1 + 0.2!r},1.0\n2,nan,nan\n"
    assert [row["epoch"] for row in history] == [1, 2]
    assert "val_loss" in history
    assert "0.3" in str(history)
    with pytest.raises(KeyError, match="'acc' was not measured; there are epoch, loss, val_loss"):
        history["acc"]
    figure = pytest.importorskip("matplotlib.figure").Figure()
    lines = history.plot(log=True, ax=figure.subplots()).lines
    assert [line.get_label() for line in lines] == ["loss", "val_loss"]
    np.testing.assert_array_equal(lines[0].get_ydata(), history["loss"])


def test_the_allocator_is_tuned_on_linux_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert tune_malloc() is False
    monkeypatch.undo()
    asked: list[int] = []
    monkeypatch.setattr(sys.modules["tinygraph.train.fit"], "tuned", lambda: asked.append(1))
    model = network()
    for option in (False, True):
        fit(model, squared, optim.SGD(model.parameters(), lr=0.1), (X, Y), epochs=1, tune_malloc=option, **QUIET)
    assert asked == [1]


def test_normalised_data_and_the_course_rows_together() -> None:
    """Rows 16, 20, 21 and 24: a split, its normaliser saved with the model, mini-batches, early stopping."""
    data = split(5.0 + 3.0 * X, Y, "70/20/10")
    model = nn.Sequential(Normalizer().fit(data.train.x), network())
    seen: list[float] = []

    def counted(batches: Batches) -> Iterator[Any]:
        for x, y in batches:
            seen.extend(x[:, 0])
            yield x, y

    class Counting:
        def __iter__(self) -> Iterator[Any]:
            return counted(batches)

    batches = Batches(*data.train, batch_size=16)
    make: Callable[[], optim.Adam] = lambda: optim.Adam(model.parameters(), lr=0.03)  # noqa: E731
    history = fit(model, squared, make(), Counting(), validation=data.dev, epochs=60, early_stopping=10, **QUIET)
    assert sorted(seen[:49]) == sorted(data.train.x[:, 0])
    assert evaluate(model, squared, data.dev)["loss"] == pytest.approx(history["val_loss"].min(), rel=1e-12)
    assert evaluate(model, squared, data.test)["loss"] < 0.5 * np.var(Y)


def test_logistic_regression_tells_benign_tumours_from_malignant() -> None:
    """The mean of four splits: of one alone, 171 samples, the accuracy has a standard deviation of 0.013."""
    pytest.importorskip("sklearn")
    found = []
    for seed in range(4):
        data = split(*breast_cancer(), "70/30", seed=seed)
        model = nn.Sequential(Normalizer().fit(data.train.x), nn.Linear(30, 1, weight_init=nn.init.zeros))
        fit(
            model, lambda z, y: tg.binary_cross_entropy_with_logits(z[:, 0], y.astype(float)),
            optim.Adam(model.parameters(), lr=0.02), data.train, epochs=15, **QUIET,
        )  # fmt: skip
        found.append(accuracy(predict(model, data.test.x), data.test.y))
    assert np.mean(found) >= 0.96


def test_a_list_of_arrays_is_asked_about() -> None:
    model = nn.Linear(2, 1)
    with pytest.raises(TypeError, match=r"a list of 2 arrays is no data: give \(x, y\) in parentheses"):
        fit(model, squared, optim.SGD(model.parameters(), lr=0.1), [np.ones((4, 2)), np.ones((4, 1))])


def test_probabilities_are_not_taken_for_logits_without_a_word() -> None:
    p, y = np.linspace(0.05, 0.95, 10), np.arange(10) > 4
    with pytest.warns(UserWarning, match=r"all outputs lie between 0 and 1; .*threshold=0\.5"):
        assert accuracy(p, y) == 0.5
    assert accuracy(p, y, threshold=0.5) == 1.0
    assert accuracy(p, y, threshold=0.0) == 0.5  # without a warning, which would be an error here
    assert accuracy(np.log(p / (1.0 - p)), y) == 1.0


def test_one_schedule_for_groups_of_several_rates_is_refused() -> None:
    model = nn.Linear(2, 1)
    groups = [{"params": [model.weight], "lr": 0.1}, {"params": [model.bias], "lr": 0.01}]
    data = (np.ones((4, 2)), np.ones((4, 1)))
    with pytest.raises(ValueError, match=r"one learning rate, and theirs are \[0\.1, 0\.01\]; give a list"):
        fit(model, squared, optim.SGD(groups, lr=0.1), data, epochs=1, schedule=lambda epoch: 0.1)
    optimizer = optim.SGD(groups, lr=0.1)
    fit(model, squared, optimizer, data, epochs=1, schedule=[lambda epoch: 0.2, lambda epoch: 0.02])
    assert [group["lr"] for group in optimizer.param_groups] == [0.2, 0.02]


def test_early_stopping_says_what_it_watches() -> None:
    stopping = EarlyStopping(3, monitor="val_accuracy")
    assert repr(stopping) == "EarlyStopping(val_accuracy, mode='max', patience=3)"
    stopping.observe({"val_accuracy": 0.5}, 4)
    assert repr(stopping) == "EarlyStopping(val_accuracy, mode='max', patience=3, best in epoch 4)"
