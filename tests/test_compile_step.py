"""compile takes whole training steps: gradients land on parameters, optimizers move on, as they do without it."""

import threading
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import nn, optim

CLASSES = [optim.SGD, optim.Momentum, optim.RMSprop, optim.Adagrad, optim.Adadelta]
CLASSES += [optim.Adam, optim.AMSGrad, optim.AdamW, optim.Lion]
OPTIMIZERS: dict[str, Callable[[Any], Any]] = {c.__name__: lambda p, c=c: c(p, lr=0.01) for c in CLASSES}
OPTIMIZERS |= {
    "SGD with dampening": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, dampening=0.5),
    "SGD by Nesterov": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.1),
    "RMSprop, centered": lambda p: optim.RMSprop(p, lr=0.01, centered=True, momentum=0.5),
    "Adam uphill": lambda p: optim.Adam(p, lr=0.01, weight_decay=0.1, amsgrad=True, maximize=True),
    "clipped by the norm": lambda p: optim.Optimizer(p, optim.chain(optim.clip_by_global_norm(0.1), optim.adam(0.01))),
    "a schedule": lambda p: optim.Adam(p, lr=lambda step: 0.1 / (1 + step)),
    "a schedule in a rule": lambda p: optim.Optimizer(p, optim.sgd(lr=lambda step: 0.1 if step < 3 else 0.01)),
    "two groups": lambda p: optim.SGD([{"params": [p["W1"]], "lr": 0.5}, {"params": [p["b1"], p["W2"]]}], lr=0.1),
}


def parameters(dtype: Any = np.float64, widths: tuple[int, int, int] = (4, 5, 3)) -> dict[str, tg.Tensor]:
    rng = np.random.default_rng(0)
    a, b, c = widths
    p = {"W1": rng.normal(size=(a, b)), "b1": np.zeros(b), "W2": rng.normal(size=(b, c))}
    return {name: tg.Tensor(x.astype(dtype), name=name) for name, x in p.items()}


def batch(k: int, dtype: Any = np.float64, n: int = 6, width: int = 4) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(k)
    return rng.normal(size=(n, width)).astype(dtype), rng.integers(0, 3, n)


def loss_of(p: Any, x: Any, y: Any) -> tg.Tensor:
    return tg.cross_entropy(tg.relu(x @ p["W1"] + p["b1"]) @ p["W2"], y)


def step_of(p: Any, opt: Any) -> Callable[..., Any]:
    def step(x: Any, y: Any) -> Any:
        opt.zero_grad()
        loss = loss_of(p, x, y)
        loss.backward()
        opt.step()
        return loss.item()

    return step


def same(a: Any, b: Any) -> None:
    assert (a is None) == (b is None)
    if a is not None:
        assert np.asarray(a).dtype == np.asarray(b).dtype
        np.testing.assert_array_equal(a, b)


def alike(p: Any, q: Any) -> None:
    for name in p:
        same(p[name].data, q[name].data)
        same(p[name].grad, q[name].grad)


def same_state(one: Any, two: Any) -> None:
    np.testing.assert_equal(one.state_dict(), two.state_dict())


def is_compiled(compiled: Any, signatures: int = 1) -> None:
    assert len(compiled.signatures) == signatures, compiled.signatures
    assert all(s.endswith(": compiled") for s in compiled.signatures), compiled.signatures


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_step_of_every_optimizer(make: Callable[[Any], Any], dtype: Any) -> None:
    p, q = parameters(dtype), parameters(dtype)
    one, two = make(p), make(q)
    step, compiled = step_of(p, one), tg.compile(step_of(q, two), strict=True)
    for k in range(5):
        x, y = batch(k, dtype)
        found = compiled(x, y)
        assert type(found) is float
        assert found == step(x, y)
        alike(p, q)
    same_state(one, two)
    is_compiled(compiled)


def test_large_parameters_are_updated_in_parts() -> None:
    widths = (300, 120, 3)
    p, q = parameters(widths=widths), parameters(widths=widths)
    one, two = optim.Adam(p, lr=0.01), optim.Adam(q, lr=0.01)
    step, compiled = step_of(p, one), tg.compile(step_of(q, two), strict=True)
    for k in range(3):
        x, y = batch(k, width=300)
        assert compiled(x, y) == step(x, y)
        alike(p, q)
    same_state(one, two)
    assert "W1[0:" in compiled.source


# --- where gradients land


def test_gradients_add_up_over_calls() -> None:
    p, q = parameters(), parameters()

    def of(p: Any) -> Callable[..., Any]:
        def f(x: Any, y: Any) -> Any:
            loss = loss_of(p, x, y)
            loss.backward()
            return loss

        return f

    compiled = tg.compile(of(q), strict=True)
    for k in range(4):
        want, got = of(p)(*batch(k)), compiled(*batch(k))
        assert isinstance(got, tg.Tensor)
        same(want.data, got.data)
        alike(p, q)
    is_compiled(compiled, 2)  # with gradients before the call, and without
    q["W1"].grad[...] = 7.0
    again = q["W1"].grad
    compiled(*batch(9))
    assert (again == 7.0).all()  # a gradient that somebody holds stays as it is


def test_gradients_of_parameters_that_are_arguments() -> None:
    def f(p: Any, x: Any, y: Any) -> Any:
        loss = loss_of(p, x, y)
        loss.backward()
        for t in p.values():
            t.data -= 0.1 * t.grad
            t.zero_grad()
        return loss.item()

    compiled = tg.compile(f, strict=True)
    for start in range(2):  # other Tensors of the same shapes
        p, q = parameters(), parameters()
        for k in range(4):
            assert compiled(q, *batch(k + start)) == f(p, *batch(k + start))
            alike(p, q)
    is_compiled(compiled)


def test_a_gradient_is_its_tensors_own() -> None:
    q = parameters()
    compiled = tg.compile(step_of(q, optim.SGD(q, lr=0.1)), strict=True)
    compiled(*batch(0))
    compiled(*batch(1))
    held = {name: t.grad for name, t in q.items()}
    before = {name: g.copy() for name, g in held.items()}
    for g in held.values():
        assert g.flags.writeable
    for k in range(12):
        compiled(*batch(k))
    for name, g in held.items():
        same(g, before[name])
        assert not np.shares_memory(g, q[name].grad)


def test_a_step_by_hand_and_clipping() -> None:
    def of(p: Any) -> Callable[..., Any]:
        def step(x: Any, y: Any) -> Any:
            loss = loss_of(p, x, y)
            loss.backward(retain_graph=False)
            optim.clip_grad_value_(p, 0.05)
            norm = optim.clip_grad_norm_(p.values(), 0.1)
            for t in p.values():
                t.data -= 0.5 * t.grad
                t.grad = None
            return loss, norm

        return step

    p, q = parameters(np.float32), parameters(np.float32)
    step, compiled = of(p), tg.compile(of(q), strict=True)
    for k in range(5):
        want, got = step(*batch(k, np.float32)), compiled(*batch(k, np.float32))
        same(want[0].data, got[0].data)
        assert want[1] == got[1]
        alike(p, q)


# --- nothing stale


def test_learning_rates_and_states_are_read_afresh() -> None:
    p, q = parameters(), parameters()
    one, two = optim.Adam(p, lr=0.1), optim.Adam(q, lr=0.1)
    step, compiled = step_of(p, one), tg.compile(step_of(q, two), strict=True)
    schedules = [optim.Scheduler(o, lambda k: 0.1 / (1 + k)) for o in (one, two)]
    for k in range(6):
        assert compiled(*batch(k)) == step(*batch(k))
        for s in schedules:
            s.step()
    is_compiled(compiled)
    for o, t in ((one, p), (two, q)):
        saved = o.state_dict()
        o.step()
        o.load_state_dict(saved)
        t["b1"].data = np.ones(5)
        t["W1"].data[0] = 0.0
    for k in range(4):
        assert compiled(*batch(k)) == step(*batch(k))
    for o in (one, two):
        o.param_groups[0]["betas"] = (0.5, 0.9)
    for k in range(4):
        assert compiled(*batch(k)) == step(*batch(k))
    alike(p, q)
    same_state(one, two)
    one.param_groups[0]["lr"] = two.param_groups[0]["lr"] = -1.0
    for f in (step, compiled):
        with pytest.raises(ValueError, match="negative"):
            f(*batch(0))


def test_what_a_step_changes_of_its_own_settings_is_not_frozen() -> None:
    p, q = parameters(), parameters()

    def of(p: Any, opt: Any) -> Callable[..., Any]:
        step = step_of(p, opt)

        def decaying(x: Any, y: Any) -> Any:
            loss = step(x, y)
            opt.param_groups[0]["lr"] *= 0.5
            return loss

        return decaying

    f, compiled = of(p, optim.SGD(p, lr=1.0)), tg.compile(of(q, optim.SGD(q, lr=1.0)))
    with pytest.warns(RuntimeWarning, match="uncompiled"):
        assert compiled(*batch(0)) == f(*batch(0))
    for k in range(3):
        assert compiled(*batch(k)) == f(*batch(k))
    alike(p, q)


def test_a_scheduler_within_a_step_goes_on() -> None:
    p, q = parameters(), parameters()

    def of(p: Any, opt: Any) -> Callable[..., Any]:
        step, scheduler = step_of(p, opt), optim.Scheduler(opt, lambda k: 1.0 / (1 + k))

        def scheduled(x: Any, y: Any) -> Any:
            loss = step(x, y)
            scheduler.step()
            return loss

        return scheduled

    f, compiled = of(p, optim.SGD(p, lr=1.0)), tg.compile(of(q, optim.SGD(q, lr=1.0)))
    with pytest.warns(RuntimeWarning, match="uncompiled"):
        compiled(*batch(0))
    f(*batch(0))
    for k in range(3):
        assert compiled(*batch(k)) == f(*batch(k))
    alike(p, q)


def test_two_steps_in_one_call() -> None:
    p, q = parameters(), parameters()

    def of(p: Any, opt: Any) -> Callable[..., Any]:
        step = step_of(p, opt)
        return lambda x, y: [step(x, y), step(x, y)][1:] and None

    def twice(p: Any, opt: Any) -> Callable[..., Any]:
        def both(x: Any, y: Any) -> Any:
            for _ in range(2):
                opt.zero_grad()
                loss = loss_of(p, x, y)
                loss.backward()
                opt.step()
            return loss.item()

        return both

    one, two = optim.Adam(p, lr=0.1), optim.Adam(q, lr=0.1)
    f, compiled = twice(p, one), tg.compile(twice(q, two), strict=True)
    for k in range(4):
        assert compiled(*batch(k)) == f(*batch(k))
        alike(p, q)
    same_state(one, two)


def test_a_program_that_finds_itself_unfit_has_changed_nothing() -> None:
    p, q = parameters(), parameters()
    one, two = optim.Adam(p, lr=0.1), optim.Adam(q, lr=0.1)
    step, compiled = step_of(p, one), tg.compile(step_of(q, two), strict=True)
    for k in range(3):
        assert compiled(*batch(k)) == step(*batch(k))
    x, y = batch(7)
    for f in (step, compiled):
        with pytest.raises(IndexError):
            f(x, y - 3)  # labels below 0
        with pytest.raises(IndexError):
            f(x, y + 3)
    assert compiled(x, y) == step(x, y)
    alike(p, q)
    same_state(one, two)


def test_parameters_that_share_their_memory_stay_eager() -> None:
    whole = np.ones(6)
    p = {"a": tg.Tensor(whole[:4]), "b": tg.Tensor(whole[2:])}
    opt = optim.SGD(p, lr=0.1)

    def step(x: Any) -> Any:
        opt.zero_grad()
        ((p["a"] * x).sum() * p["b"].sum()).backward()
        opt.step()

    compiled = tg.compile(step)
    with pytest.warns(RuntimeWarning, match="written to"):
        compiled(np.arange(4.0))
    compiled(np.arange(4.0))


@pytest.mark.parametrize("early", [0, 2])
def test_a_step_in_which_recording_stops_moves_its_state_on(early: int) -> None:
    """Of parameters that share their memory, from the beginning or later."""

    def run(wrapped: Any) -> Any:
        p = {"a": tg.Tensor(np.ones(3)), "b": tg.Tensor(np.ones(3))}
        opt = optim.Adam(p, lr=0.1)

        def step(x: Any) -> Any:
            opt.zero_grad()
            (p["a"] * p["b"] * x).sum().backward()
            opt.step()

        f = wrapped(step)
        for i in range(6):
            if i == early:
                whole = np.ones(4)
                p["a"].data, p["b"].data = whole[:3], whole[1:]
            f(np.arange(3.0))
        return opt.steps, opt.state_dict()["state"], p["a"].data, p["b"].data

    with pytest.warns(RuntimeWarning, match="written to"):
        found = run(tg.compile)
    np.testing.assert_equal(found, run(lambda step: step))


def test_a_source_of_a_whole_step() -> None:
    q = parameters()
    compiled = tg.compile(step_of(q, optim.Momentum(q, lr=0.1)), strict=True)
    compiled(*batch(0))
    text = compiled.source
    blocks = ["# forward", "# loss", "# backward", "# update"]
    assert [row.strip() for row in text.splitlines() if row.strip() in blocks] == blocks
    for row in ("def step(x, y, W1, b1, W2, lr, t, v):", "dW2 = ", "v *= 0.9", "W1 += "):
        assert row in text


def test_check_runs_a_step_once_and_compares_what_it_has_changed() -> None:
    p, q = parameters(), parameters()
    one, two = optim.Adam(p, lr=0.1), optim.Adam(q, lr=0.1)
    step, compiled = step_of(p, one), tg.compile(step_of(q, two), strict=True, check=3)
    for k in range(6):
        assert compiled(*batch(k)) == step(*batch(k))
        alike(p, q)
    same_state(one, two)
    ((key, recording),) = compiled._recordings.items()
    for wrong in (lambda *a: (*recording.run(*a)[:-1], 0.0 * p["W1"].data), lambda *a: recording.run(*map(np.copy, a))):
        compiled.check = 1
        compiled._recordings[key] = recording._replace(run=wrong)
        with pytest.raises(AssertionError, match="compiled gives"):
            compiled(*batch(8))


def test_a_step_makes_no_array_after_the_first_calls() -> None:
    q = parameters(np.float32, (64, 64, 10))
    opt = optim.Adam(q, lr=1e-3)

    def step(x: Any, y: Any) -> Any:
        loss = loss_of(q, x, y)
        loss.backward()
        opt.step()
        opt.zero_grad()
        return loss.item()

    compiled = tg.compile(step, borrow=True, strict=True)  # which has the rendering that keeps its arrays
    x, y = batch(0, np.float32, 64, 64)
    for _ in range(4):
        compiled(x, y)
    tracemalloc.start()
    try:
        for _ in range(3):
            compiled(x, y)
        largest = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert largest < 1.5 * x.nbytes  # what NumPy takes for a moment, to add a row to each row in place


def test_a_compiled_step_takes_no_more_memory_than_the_step_as_it_is() -> None:
    x, y = batch(0, np.float32, 1024, 64)

    def memory(compiled: bool) -> tuple[list[int], int]:
        """What is held after each of some calls, and the most in the last of them, arguments made anew and all."""
        q = parameters(np.float32, (64, 64, 10))
        step = step_of(q, optim.SGD(q, lr=0.1))
        run = tg.compile(step, borrow=True, strict=True) if compiled else step
        tracemalloc.start()
        held = []
        try:
            for _ in range(5):
                tracemalloc.reset_peak()
                run(x + 0, y + 0)
                held.append(tracemalloc.get_traced_memory()[0])
            return held, tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    (held, most), (_, most_as_it_is) = memory(True), memory(False)
    assert held[0] < 2 * x.nbytes  # a program, and none of the dozen arrays of this size that it was recorded on
    assert most <= most_as_it_is


# --- networks


def encoder() -> tuple[Any, Any]:
    model = tg.nn.TransformerEncoderLayer(4, 2, 8, 0.2, batch_first=True, rng=0)
    return model, lambda x: (model(x[None]) ** 2).mean()


def recurrent() -> tuple[Any, Any]:
    model = tg.nn.LSTM(4, 3, 2, dropout=0.3, rng=0)
    return model, lambda x: (model(x[:, None])[0] ** 2).mean()


def convolutions() -> tuple[Any, Any]:
    layers = [tg.nn.Conv2d(1, 2, 3, rng=0), tg.nn.BatchNorm2d(2), tg.nn.ReLU(), tg.nn.Dropout2d(0.5, rng=1)]
    model = tg.nn.Sequential(*layers, tg.nn.AvgPool2d(2))
    return model, lambda x: (model(x.reshape(1, 1, 6, 4)) ** 2).mean()


@pytest.mark.parametrize("make", [encoder, recurrent, convolutions])
def test_networks_that_draw_and_keep_averages(make: Any) -> None:
    found = []
    for change in (lambda f: f, lambda f: tg.compile(f, strict=True)):
        model, loss_of = make()
        opt = optim.Adam(model.parameters(), lr=0.01)

        def step(x: Any, loss_of: Any = loss_of, opt: Any = opt) -> Any:
            opt.zero_grad()
            loss = loss_of(x)
            loss.backward(retain_graph=False)
            opt.step()
            return loss.item()

        step = change(step)
        found.append(([step(batch(k)[0]) for k in range(4)], model.state_dict(), opt.state_dict()))
    np.testing.assert_equal(found[0], found[1])


def test_two_networks_that_are_trained_in_turn() -> None:
    found = []
    for change in (lambda f: f, lambda f: tg.compile(f, strict=True)):
        p, q = parameters(), parameters()
        one, two = optim.Adam(p, lr=0.1), optim.SGD(q, lr=0.1)

        def step(x: Any, y: Any, p: Any = p, q: Any = q, one: Any = one, two: Any = two) -> Any:
            one.zero_grad()
            (loss_of(p, x, y) - 0.5 * loss_of(q, x, y).data).backward()
            one.step()
            two.zero_grad()
            loss = loss_of(q, x, y) * loss_of(p, x, y).detach()
            loss.backward()
            two.step()
            return loss.item()

        step = change(step)
        losses = [step(*batch(k)) for k in range(4)]
        found.append((losses, [t.data for t in (*p.values(), *q.values())]))
    np.testing.assert_equal(found[0], found[1])


def test_a_convolutional_network_whose_arrays_numpy_writes_into_temporaries() -> None:
    """NumPy puts a * b, from 256 KB on, into a temporary, in its order of axes; a sum's last bit depends on that."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(16, 1, 28, 28)), rng.integers(0, 10, 16)

    def trained(wrap: Callable[[Any], Any]) -> dict[str, np.ndarray]:
        model = nn.Sequential(
            nn.Conv2d(1, 6, 5, padding=2, rng=0), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(1176, 10, rng=1)
        )
        opt = optim.SGD(model.parameters(), lr=0.1)

        def train(x: Any, y: Any) -> Any:
            loss = tg.cross_entropy(model(x), y)
            opt.zero_grad()
            loss.backward()
            opt.step()
            return loss

        step = wrap(train)
        for _ in range(3):
            step(x, y)
        return model.state_dict()

    eager, compiled = trained(lambda f: f), trained(lambda f: tg.compile(f, strict=True))
    for name in eager:
        np.testing.assert_array_equal(compiled[name], eager[name], err_msg=name)


def test_a_step_that_calls_a_compiled_function() -> None:
    p, q = parameters(), parameters()
    inner = tg.compile(loss_of)
    one, two = optim.SGD(p, lr=0.1), optim.SGD(q, lr=0.1)

    def outer(x: Any, y: Any) -> Any:
        two.zero_grad()
        loss = inner(q, x, y)
        loss.backward()
        two.step()
        return loss.item()

    step, compiled = step_of(p, one), tg.compile(outer, strict=True)
    for k in range(4):
        assert compiled(*batch(k)) == step(*batch(k))
        with tg.no_grad():
            inner(q, *batch(k))  # what it records by itself is another matter
        alike(p, q)
    is_compiled(compiled)


def test_a_method_that_objects_share() -> None:
    class Trainer:
        def __init__(self) -> None:
            self.p = parameters()
            self.opt = optim.Momentum(self.p, lr=0.1)

        def step(self, x: Any, y: Any) -> Any:
            self.opt.zero_grad()
            loss = loss_of(self.p, x, y)
            loss.backward()
            self.opt.step()
            return loss.item()

    one, two, eager = Trainer(), Trainer(), Trainer()
    compiled = tg.compile(Trainer.step, strict=True)
    for k in range(4):
        want = eager.step(*batch(k))
        assert compiled(one, *batch(k)) == compiled(two, *batch(k)) == want
    alike(one.p, eager.p)
    alike(two.p, eager.p)
    is_compiled(compiled, 2)


@pytest.mark.parametrize("calls", [1, 2, 3, 4, 9])  # while the renderings are tried, and after
def test_an_error_in_a_later_call_is_the_functions_own(calls: int) -> None:
    """The program has drawn random numbers by then, and has written to nothing."""
    found = []
    good, bad = np.arange(10) % 3, np.full(10, 7)
    for wrap in (lambda f: f, tg.compile):
        rng = np.random.default_rng(0)
        model = nn.Sequential(nn.Linear(4, 3, rng=1), nn.BatchNorm1d(3), nn.Dropout(0.5, rng=rng))
        optimizer = optim.SGD(model.parameters(), lr=0.1)

        def step(x: Any, labels: Any, model: Any = model, optimizer: Any = optimizer) -> Any:
            outputs = model(x)
            loss = tg.cross_entropy(outputs, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss.data

        run, x = wrap(step), np.random.default_rng(2).normal(size=(10, 4))
        for _ in range(calls):
            run(x, good)
        with pytest.raises(IndexError, match=r"cross_entropy of shape \(10, 3\)") as info:
            run(x, bad)
        found.append((str(info.value), model.state_dict(), rng.random(), [run(x, good) for _ in range(3)]))
    np.testing.assert_equal(found[0], found[1])


def test_threads_that_train_the_same_parameters_take_turns() -> None:
    p, q = parameters(), parameters()
    one, two = optim.Adam(p, lr=0.01), optim.Adam(q, lr=0.01)
    step, compiled = step_of(p, one), tg.compile(step_of(q, two), strict=True)
    x, y = batch(0)
    losses: list[float] = []
    start = threading.Barrier(4)

    def work() -> None:
        start.wait()
        for _ in range(25):
            losses.append(compiled(x, y))  # noqa: PERF401

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    wanted = [step(x, y) for _ in range(100)]
    assert sorted(losses) == sorted(wanted)
    alike(p, q)
    same_state(one, two)
