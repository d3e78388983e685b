import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import (
    arithmetic,
    budgets,
    by_hand,
    chain,
    cli,
    compiling,
    contestants,
    conv,
    derivatives,
    fit,
    growth,
    harness,
    layers,
    mlp,
    ode,
    optimizers,
    record,
    tables,
    vmap,
)
from benchmarks.harness import Entry, Quartiles, Result
from benchmarks.profiles import PROFILES

ROOT = Path(__file__).parents[1]
TINY = PROFILES["tiny"]


def result_of(workload="chain", case="0-d", **samples):
    return Result(workload, case, operations=10, samples=samples)


@pytest.fixture(scope="module")
def tiny_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("benchmarks")
    command = [sys.executable, "-m", "benchmarks", "--profile", "tiny", "--only", "tinygraph"]
    command += ["--json", str(folder / "out.json"), "--markdown", str(folder / "out.md")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout, json.loads((folder / "out.json").read_text()), (folder / "out.md").read_text()


def who_takes_part(workload, case):
    """Of NumPy and tinygraph: not everything is written by hand."""
    if workload == "fit":
        return {"tinygraph"}
    hands = {name: layer.hand for name, layer in layers.LAYERS.items()}
    hands |= {str(optimizer): optimizer.hand for optimizer in optimizers.OPTIMIZERS}
    by_name = case.partition(", ")[2] if workload == "optimizers" else case
    lacks = workload in ("layers", "optimizers") and hands[by_name] is None
    return {"tinygraph"} if lacks else {"numpy", "tinygraph"}


def test_a_tiny_run_measures_every_workload(tiny_run):
    stdout, everything, markdown = tiny_run
    assert {result["workload"] for result in everything["results"]} == set(cli.WORKLOADS)
    for result in everything["results"]:
        assert result["samples"].keys() == who_takes_part(result["workload"], result["case"]), result["left_out"]
        assert all(seconds > 0 for samples in result["samples"].values() for seconds in samples)
    for workload in cli.WORKLOADS:
        assert f"### {workload}: " in markdown
        assert f"\n{workload}: " in stdout
    assert "budgets of tinygraph" in stdout


def test_a_tiny_run_judges_the_budgets_it_can(tiny_run):
    verdicts = tiny_run[1]["budgets"]
    assert len(verdicts) == len(budgets.BUDGETS)
    for verdict in verdicts:
        needs_a_peer = verdict["unit"] in ("x PyTorch eager", "x JAX jitted", "x autograd", "x MyGrad")
        memory = verdict["unit"] == "KB per operation" and not sys.platform.startswith("linux")
        assert (verdict["verdict"] == "not measured") == (needs_a_peer or memory)


def test_a_tiny_run_draws_how_cost_grows(tmp_path, capsys):
    assert growth.main([str(tmp_path / "growth.svg"), "--profile", "tiny"]) == 0
    assert (tmp_path / "growth.svg").stat().st_size > 10_000
    said = capsys.readouterr().out
    assert re.search(r"layers of 64.*\n +1  numpy .* tinygraph .*\n +2  numpy ", said)


def test_a_tiny_run_tells_what_compiling_costs(capsys):
    assert compiling.main(["--profile", "tiny"]) == 0
    said = capsys.readouterr().out
    assert re.search(r"chain of 100 operations +[\d.]+ \[.*\] +[\d.]+ \[.*\]\n.*\nstep of 64-64-10 ", said)


def makers_of_all_workloads():
    x, w = chain.values(7)
    task = mlp.make_task((6, 5, 4, 3), 2)
    for name, make in chain.MAKERS.items():
        if name != "micrograd":
            yield "chain", name, lambda make=make: make(x, w, 4), chain.TOLERANCE
    for name, make in arithmetic.MAKERS.items():
        yield "arithmetic", name, lambda make=make: make(x, w), arithmetic.TOLERANCE
    for name, make in record.MAKERS.items():
        if name != "micrograd":
            yield "record x * y", name, lambda make=make: make((x, w), False, 3), record.TOLERANCE
            yield "record tanh", name, lambda make=make: make((x, w), True, 3), record.TOLERANCE
    for name, make in mlp.STEPS.items():
        yield "mlp", name, lambda make=make: mlp.entry(make, task), mlp.TOLERANCE
    layer, network = conv.Layer(2, 3, 6, 2, 3, 1), conv.Network(2, 7, (2, 3), 3, 1)
    for name, make in conv.LAYERS.items():
        yield "convolution", name, lambda make=make: conv.entry(make, layer), conv.TOLERANCE
    for name, make in conv.NETWORKS.items():
        yield "convolutional", name, lambda make=make: conv.entry(make, network), conv.TOLERANCE
    for name, make in vmap.MAKERS.items():
        yield "vmap", name, lambda make=make: vmap.entry(make, vmap.make_task((6, 5, 4, 3), 2)), vmap.TOLERANCE
    for case in derivatives.cases(TINY.derivatives):
        for name, make in derivatives.makers_of(case).items():
            yield str(case), name, make, derivatives.TOLERANCE
    yield from makers_of_layers_and_optimizers(task.params)


def makers_of_layers_and_optimizers(params):
    for name, make in ode.MAKERS.items():
        yield "ode", name, lambda make=make: ode.entry(make, 3, 4), ode.TOLERANCE
    for case in layers.LAYERS:
        for name, make in layers.makers_of(case).items():
            if name != "torch" or case != "HingeLoss":  # PyTorch has none
                yield f"layer {case}", name, make, layers.TOLERANCE
    for case in optimizers.OPTIMIZERS:
        for name, make in optimizers.makers_of(case, params).items():
            yield f"optimizer {case}", name, make, optimizers.TOLERANCE


@pytest.mark.filterwarnings("ignore:.torch.jit.script.:DeprecationWarning")  # PyTorch calls it itself
def test_every_contestant_installed_here_does_the_same_work():
    present, _ = contestants.settle(contestants.CONTESTANTS)
    contestants.restrain(present)
    expected = {}
    for workload, name, make, tolerance in makers_of_all_workloads():
        if name in present:
            outcome = make().check()
            harness.agree(outcome, expected.setdefault(workload, outcome), tolerance)
    assert len(expected) == 13 + len(layers.LAYERS) + len(optimizers.OPTIMIZERS)


def test_pytorch_trains_as_fit_does():
    present, _ = contestants.settle(fit.MAKERS)
    racers = [name for name in present if name in fit.MAKERS]
    for name, task in fit.TASKS.items():
        if not task.drawn:  # the wide network takes its time
            result = result_of("fit", name)
            assert sorted(fit.check(result, task, racers)) == sorted(racers), result.left_out


def test_who_trains_otherwise_is_left_out(monkeypatch):
    monkeypatch.setitem(fit.MAKERS, "torch", lambda *given: lambda: [2.0])
    monkeypatch.setitem(fit.MAKERS, "tinygraph", lambda *given: lambda: [2.1])
    result = result_of("fit")
    assert fit.check(result, fit.TASKS["digits, dense"], ["tinygraph", "torch"]) == ["torch"]
    assert result.faults == ["tinygraph"]


def test_memory_is_judged_by_the_ratio_of_a_round():
    result = result_of("fit", "digits, dense", tinygraph=[1.0, 1.0], torch=[1.0, 2.0])
    result.memory = {"tinygraph": [300.0, 100.0], "torch": [100.0, 100.0]}
    measured = {v.budget.work: v.measured for v in budgets.judge([result]) if v.measured}
    assert measured["training by fit, peak memory over the start"].median == 2.0
    assert measured["training by fit, time"].median == 0.75


def test_the_reference_of_the_chain_has_the_right_gradient():
    x, w = chain.values(5)
    _, x_grad, w_grad = chain.numpy_entry(x, w, 4).check()
    h = 1e-6
    for i in range(5):
        step = h * np.eye(5)[i]
        for wanted, (dx, dw) in ((x_grad[i], (step, 0)), (w_grad[i], (0, step))):
            above = chain.numpy_entry(x + dx, w + dw, 4).check()[0]
            below = chain.numpy_entry(x - dx, w - dw, 4).check()[0]
            assert wanted == pytest.approx((above - below) / (2 * h), rel=1e-6)


def test_the_reference_of_the_network_goes_downhill():
    task = mlp.make_task((6, 5, 4, 3), 8)
    step, params = mlp.numpy_step(task.copy(np.float64))
    first = step()
    for _ in range(200):
        last = step()
    assert last < first
    assert {p.dtype for p in params.values()} == {np.dtype(np.float64)}


def test_the_references_of_the_convolutions_have_the_right_gradients():
    layer = conv.Layer(2, 2, 5, 3, 3, 1)
    x, w, g = layer.arrays()
    _, dx, dw = conv.numpy_layer(layer, x, w, g)()
    network = conv.Network(2, 7, (2, 3), 3, 1)
    images, labels, *params = network.arrays()
    _, *grads = conv.numpy_network(network, images, labels, *params)()
    rng, h = np.random.default_rng(0), 1e-6

    def of_layer(x, w):
        return np.sum(g * conv.numpy_layer(layer, x, w, g)()[0])

    def of_network(*params):
        return conv.numpy_network(network, images, labels, *params)()[0]

    for f, arrays, found in ((of_layer, [x, w], [dx, dw]), (of_network, params, grads)):
        for i, (a, gradient) in enumerate(zip(arrays, found, strict=True)):
            t = rng.normal(size=a.shape)
            above, below = (f(*arrays[:i], a + s * h * t, *arrays[i + 1 :]) for s in (1, -1))
            assert np.sum(gradient * t) == pytest.approx((above - below) / (2 * h), rel=1e-5)


@pytest.mark.parametrize("name", sorted(name for name, case in layers.LAYERS.items() if case.hand))
def test_what_is_written_by_hand_has_the_right_gradients(name):
    work = layers.work_of(layers.LAYERS[name])
    if name == "Dropout":
        by_hand.DROPPING = np.random.default_rng(0)
    step = layers.numpy_step(work)
    found = step()[1:]
    differentiated = list(work.inputs[: work.learned])
    differentiated += [a for key, a in work.state.items() if "running" not in key and "tracked" not in key]
    assert len(found) == len(differentiated)
    rng, h = np.random.default_rng(1), 1e-6
    for a, gradient in zip(differentiated, found, strict=True):
        t, start, values = rng.normal(size=a.shape), a.copy(), []
        for sign in (1, -1):
            a[...] = start + sign * h * t
            if name == "Dropout":
                by_hand.DROPPING = np.random.default_rng(0)
            y = step()[0]
            values.append(np.sum(y if work.g is None else y * work.g))
        a[...] = start
        assert np.sum(gradient * t) == pytest.approx((values[0] - values[1]) / (2 * h), rel=1e-4)


def test_where_nothing_is_written_by_hand_the_first_peer_is_the_reference():
    makers = {
        "tinygraph": lambda: Entry(lambda: None, lambda: HONEST[:1]),
        "torch": lambda: Entry(lambda: None, lambda: HONEST),
    }
    result = result_of("layers")
    assert list(harness.enter(makers, ["numpy", "tinygraph", "torch"], result, 1e-6)) == ["torch"]
    assert result.faults == ["tinygraph"]
    result = harness.race(result_of("layers"), {"torch": Entry(lambda: None, list)}, TINY)
    ((_, _, _, by_hand_cell, peer_cell),) = tables.rows_of(result)
    assert (by_hand_cell, peer_cell) == ("", "1.00 [1.00, 1.00]")


def test_a_step_in_float32_stays_in_float32():
    layer = conv.Layer(2, 1, 5, 3, 3, 0)
    for make in (conv.numpy_layer, conv.tinygraph_layer):
        assert {a.dtype for a in make(layer, *(a.astype(np.float32) for a in layer.arrays()))()} == {
            np.dtype(np.float32)
        }
    for make in (mlp.numpy_step, mlp.tinygraph_step):
        step, params = make(mlp.make_task((6, 5, 3), 2).copy(np.float32))
        assert np.isfinite(float(step()))
        assert {p.dtype for p in params.values()} == {np.dtype(np.float32)}


HONEST = [np.array(2.0), np.array([1.0, -3.0])]
CHEATS = {
    "scaled": [HONEST[0], HONEST[1] * 1.001],
    "sign": [HONEST[0], -HONEST[1]],
    "less": HONEST[:1],
    "summed": [HONEST[0], HONEST[1].sum()],
    "nan": [HONEST[0], HONEST[1] * np.nan],
}


@pytest.mark.parametrize("cheat", CHEATS)
def test_who_does_other_work_is_left_out_and_the_run_fails(cheat):
    makers = {
        "numpy": lambda: Entry(lambda: None, lambda: HONEST),
        "torch": lambda: Entry(lambda: None, lambda: CHEATS[cheat]),
    }
    result = result_of()
    assert list(harness.enter(makers, ["numpy", "torch"], result, 1e-6)) == ["numpy"]
    assert result.faults == ["torch"]
    assert "WrongResultError" in result.left_out["torch"]


def test_a_peer_that_breaks_is_left_out_but_a_tinygraph_that_breaks_fails_the_run():
    def broken():
        raise RecursionError("too deep\nby far")

    makers = {"numpy": lambda: Entry(lambda: None, lambda: HONEST), "torch": broken, "tinygraph": broken}
    result = result_of()
    harness.enter(makers, ["numpy", "tinygraph", "torch"], result, 1e-6)
    assert result.left_out["torch"] == "RecursionError: too deep"
    assert result.faults == ["tinygraph"]
    assert "left out: PyTorch eager: RecursionError: too deep (0-d)" in tables.workload_table(
        "chain", [result], markdown=False
    )


def test_every_contestant_is_sampled_once_a_round():
    calls = {"numpy": 0, "tinygraph": 0}

    def run(name):
        calls[name] += 1

    entries = {name: Entry(lambda name=name: run(name), list) for name in calls}
    result = harness.race(result_of(), entries, TINY)
    assert {name: len(samples) for name, samples in result.samples.items()} == dict.fromkeys(calls, TINY.rounds)
    assert calls["numpy"] == calls["tinygraph"]


def test_ratios_are_taken_within_a_round():
    result = result_of(numpy=[1.0, 10.0, 100.0], tinygraph=[2.0, 20.0, 200.0])
    assert result.ratio("tinygraph") == Quartiles(2.0, 2.0, 2.0)
    assert result.above("tinygraph").median == pytest.approx(1e6)  # 10 s more for 10 operations
    assert result.microseconds("numpy").median == pytest.approx(1e6)


def test_quartiles():
    assert Quartiles.of([1, 2, 3, 4, 5]) == (2, 3, 4)
    assert Quartiles.of([7]) == (7, 7, 7)


@pytest.mark.parametrize(("seconds", "word"), [(1.05, "aim reached"), (1.2, "met"), (1.4, "MISSED")])
def test_verdicts(seconds, word):
    result = result_of(case="100,000 elements", numpy=[1.0], tinygraph=[seconds])
    verdicts = [v for v in budgets.judge([result]) if v.measured]
    assert [(v.word, v.case) for v in verdicts] == [(word, "100,000 elements")]


def test_a_budget_is_judged_by_its_worst_case():
    small = result_of("mlp", "small", numpy=[1.0], tinygraph=[1.9])
    large = result_of("mlp", "large", numpy=[1.0], tinygraph=[1.1])
    assert [v.case for v in budgets.judge([small, large]) if v.measured] == ["small"]


def test_the_cases_that_budgets_name_exist():
    names = {chain.case_name(size) for size in PROFILES["full"].chain_sizes}
    names |= {str(conv.Layer(*case)) for case in PROFILES["full"].convolutions if case[0] > 1}
    names |= {name for name, task in fit.TASKS.items() if not task.drawn}
    assert {case for budget in budgets.BUDGETS for case in budget.cases} == names | set(budgets.BINARY)


def test_a_peer_that_is_not_installed_is_left_out_and_said_so(monkeypatch):
    monkeypatch.setattr(contestants, "find_spec", lambda module: None if module == "torch" else object())
    present, absent = contestants.settle(["tinygraph", "torch"])
    assert present == ["numpy", "tinygraph"]
    assert absent == {"torch": "not installed (pip install torch)"}
    assert "left out: PyTorch eager: not installed" in tables.head({}, absent, "tiny")


def test_the_list_of_peers_names_every_peer():
    text = (ROOT / "benchmarks" / "requirements-peers.txt").read_text()
    listed = set(re.findall(r"^([a-z]+)==[\d.]+$", text, flags=re.MULTILINE))
    peers = {c.distribution for c in contestants.CONTESTANTS.values()} - {"numpy", "tinygraph"}
    assert peers <= listed


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["chian"], "no workload 'chian'; choose from record, chain"),
        (["--threads", "0"], "--threads: '0' is no number from 1 on"),
        (["--only", "pytorch"], "no contestant 'pytorch'; choose from numpy"),
        (["--json", "nowhere/at/all.json"], "no folder"),
    ],
)
def test_a_bad_command_line_says_what_is_wrong(argv, message, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(argv)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


def test_help_names_the_workloads(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    assert all(workload in text for workload in cli.WORKLOADS)


@pytest.mark.parametrize(
    ("value", "text"), [(0.0123, "0.012"), (1.234, "1.23"), (12.34, "12.3"), (1234.5, "1234"), (0, "0")]
)
def test_numbers_have_three_digits(value, text):
    assert tables.number(value) == text
