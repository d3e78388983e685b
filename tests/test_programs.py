"""Random programs: they run as they are printed, belong to their seed, hold everything, and shrink to what fails."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, find, given, settings
from laws.examples import PROFILE

import tinygraph as tg
from tinygraph.check import compare_grads
from tinygraph.check import strategies as tgst
from tinygraph.check.programs import LARGEST, MOST, Program, Step, random_program
from tinygraph.graph import differentiable
from tinygraph.ops import exponential, index, running

MANY = [random_program(seed) for seed in range(1500)]
SEARCH = settings(max_examples=2000, derandomize=True, database=None, phases=[Phase.generate, Phase.shrink])


def paste(program: Program) -> Any:
    names: dict[str, Any] = {"np": np, "tg": tg, **program.ops}
    exec(str(program), names)  # noqa: S102  what a user does who pastes it
    return names["program"]


@given(program=tgst.programs(kinks=True))
def test_what_is_printed_is_what_runs(program: Program) -> None:
    pasted = paste(program)
    want = program(*program.args)
    np.testing.assert_array_equal(pasted(*program.args), want)
    recorded = program(*map(tg.Tensor, program.args))
    np.testing.assert_allclose(recorded.data, want, rtol=1e-12, atol=1e-12)


@given(program=tgst.programs(kinks=True))
def test_the_representation_pastes_with_a_call(program: Program) -> None:
    names: dict[str, Any] = {"np": np, "tg": tg}
    source = repr(program).replace("\nprogram(", "\nfound = program(")
    exec(source, names)  # noqa: S102  what a user does who pastes it
    np.testing.assert_array_equal(names["found"], program(*program.args))


@given(program=tgst.programs())
def test_values_are_of_moderate_size_and_arguments_left_as_they_were(program: Program) -> None:
    y = program(*program.args)
    assert np.size(y) <= MOST
    assert np.all(np.abs(y) <= LARGEST)
    assert not any(x.flags.writeable for x in program.args)


def test_a_seed_is_a_program_in_every_process() -> None:
    command = "from tinygraph.check.programs import random_program as r; print([repr(r(s)) for s in range(30)])"
    said = {
        subprocess.run(
            [sys.executable, "-c", command],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": "."},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(said) == 1
    assert len({str(p) for p in MANY}) > 900


def test_programs_hold_everything() -> None:
    text = "\n".join(map(str, MANY))
    for phrase in (
        *("for _ in range(", "if ", "else:", "np.where(", ".copy()", "[...", "[::", "None", "True", "@", "np.einsum("),
        *(
            "np.concatenate(",
            "np.stack(",
            "np.sum(",
            "np.var(",
            "np.prod(",
            "np.cumsum(",
            "tg.softmax(",
            "np.transpose(",
        ),
        *("np.broadcast_to(", "np.pad(", "tg.logsumexp(", ".ravel()", "np.dot(", "** a", "np.arctan2(", "np.tril("),
    ):
        assert phrase in text, phrase


def test_programs_share_subexpressions_and_reach_their_arguments() -> None:
    used: Counter[bool] = Counter()
    for program in MANY:
        lines = program.source.splitlines()[1:]
        names = [line.split(" = ")[0].strip() for line in lines if " = " in line]
        uses = Counter(
            n for line in lines for n in set(names) if n in line.partition(" = ")[2].replace("(", " ").split()
        )
        used[max(uses.values(), default=0) > 1] += 1
    assert used[True] > 100
    assert max(len(p.source.splitlines()) for p in MANY) > 10


def test_kinks_are_made_only_when_asked_for() -> None:
    words = ("np.abs(", "np.maximum(", "np.clip(", "tg.relu(", "np.sign(", "np.max(", "np.std(")
    text = "\n".join(map(str, MANY))
    assert not any(word in text for word in words)
    kinked = "\n".join(str(random_program(seed, kinks=True)) for seed in range(800))
    assert all(word in kinked for word in words)


def test_a_traceback_shows_the_line_of_the_program() -> None:
    def broken(x: Any) -> Any:
        raise ArithmeticError("the user's own")

    program = Program((np.ones(2),), (Step("np.tanh({0})", (0,)), Step("broken({1})", (0, 1))), {"broken": broken})
    with pytest.raises(ArithmeticError) as error:
        program(*program.args)
    assert str(error.traceback[-2].statement).strip() == "b = broken(a)"


# --- a planted fault


def wrong(name: str, function: Any, rule: Any, arity: int = 1) -> tg.Op:
    rules = [rule] if arity == 1 else [rule, lambda g, ans, x, y: g * x]
    return tg.op(function, kind="elementwise", vjps=rules, name=name)


def fails(program: Program) -> bool:
    return compare_grads(program, *program.args).wrong > 0


def records(op: tg.Op, program: Program) -> bool:
    """Whether an operation is in a program: one without it cannot fail for it, and takes no check."""
    found = program(*map(tg.Tensor, program.args))
    return any(node.op is op for node in differentiable([found._node]))


def test_a_fault_in_an_op_of_ones_own_shrinks_to_one_call_of_it() -> None:
    softsign = wrong("softsign", lambda x: x / (1.0 + np.abs(x)), lambda g, ans, x: g / (1.0 + np.abs(x)))
    found = find(tgst.programs(ops=[softsign]), fails, settings=SEARCH)
    assert str(found) == "def program(x0):\n    a = softsign(x0)\n    return a"
    assert found.args[0].shape == ()
    assert abs(found.args[0]) <= 0.5
    np.testing.assert_array_equal(paste(found)(*found.args), found(*found.args))


def test_a_fault_that_needs_uneven_shapes_shrinks_to_two_small_arrays() -> None:
    area = wrong("area", lambda x, y: x * y, lambda g, ans, x, y: g * y if x.shape == y.shape else g * ans, arity=2)
    found = find(tgst.programs(ops=[area]), fails, settings=SEARCH)
    assert len(found.source.splitlines()) <= 4
    assert "area(" in str(found)
    assert sum(x.size for x in found.args) <= 5


PLANTED = {
    "tanh": (tg.tanh, lambda g, ans, x: g * (1.0 + ans * ans)),
    "sin": (tg.sin, lambda g, ans, x: -g * np.cos(x)),
    "cumsum": (running._running, lambda g, ans, x, axis: np.cumsum(g, axis)),
    "getitem": (index.getitem, lambda g, ans, x, index: np.zeros_like(x)),
    "sum": (tg.sum, lambda g, ans, x, axis, keepdims: np.ones_like(x) * ans.sum()),
    "log_softmax": (exponential.log_softmax, lambda g, ans, x, axis: g - np.exp(ans)),
}


SLOW = {"cumsum", "log_softmax"}  # to shrink


@pytest.mark.parametrize("name", [n for n in PLANTED if PROFILE == "deep" or n not in SLOW])
def test_a_fault_planted_in_the_table_is_found_and_shrinks_to_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    op, rule = PLANTED[name]
    monkeypatch.setattr(op, "vjps", [rule])
    found = find(tgst.programs(), lambda program: records(op, program) and fails(program), settings=SEARCH)
    assert len(found.source.splitlines()) <= 5, str(found)
    assert sum(x.size for x in found.args) <= 4, repr(found)
