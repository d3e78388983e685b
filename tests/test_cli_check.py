"""`tinygraph check`: verdicts as exit codes, values as people write them, and errors that say what to do."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tinygraph.cli import main

MODULE = """
import numpy as np

def loss(w, x=2.0, power=3):
    return np.sum(np.tanh(w * x) ** power)

def layer(w, x, labels):
    return np.tanh(x @ w)[np.arange(len(labels)), labels]

def cost(w, b):
    return (w**2).sum() * b

def dcost(w, b):
    return 2 * w * b, (w**2).sum()

def half(w, b):
    return w * b, (w**2).sum()

def noisy(w):
    return (w * np.random.default_rng().random(np.shape(w))).sum()

def broken(w):
    raise RuntimeError("no such luck\\nat all")

def last(*, w):
    return w**2

three = 3
"""


@pytest.fixture
def check(tmp_path, monkeypatch, capsys):
    """Run the command in a folder with a module, and return its exit code, output and complaint."""
    name = f"module_{tmp_path.name}".replace("-", "_")
    (tmp_path / f"{name}.py").write_text(MODULE)
    (tmp_path / "needy.py").write_text("import a_library_that_is_missing")
    (tmp_path / "failing.py").write_text("1 / 0")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "modules", sys.modules)

    def run(*words):
        code = main(["check", *(word.replace("my:", f"{name}:").replace("my.py", f"{name}.py") for word in words)])
        out, err = capsys.readouterr()
        return code, out, err.replace(name, "my")

    yield run
    for module in (name, "needy", "failing"):
        sys.modules.pop(module, None)


def test_a_right_gradient_in_every_mode_and_order(check):
    code, out, err = check("my:loss", "w=[0.5,-1,2]", "--order", "2")
    assert (code, err) == (0, "")
    assert [line.partition(":")[0] for line in out.splitlines()] == [
        f"gradients of order {order}, mode {mode}" for order in (1, 2) for mode in ("rev", "fwd")
    ]
    assert out.count("3 right, 0 wrong") == 4


def test_a_file_a_mode_and_a_keyword(check):
    assert check("my.py:loss", "w=1.5", "x=random()", "--mode", "rev")[1].count("2 right") == 1
    assert check("my:last", "w=2")[0] == 0
    assert check("numpy:sin", "x=random(2,3)")[0] == 0


def test_whole_numbers_that_are_constant_stay_so(check):
    words = ["my:layer", "w=random(4,3)", "x=random(2,4)", "labels=[0,2]", "--constant", "labels"]
    code, out, _ = check(*words, "x", "--mode", "rev")
    assert code == 0
    assert "12 right" in out
    assert "20 right" in check(*words, "--mode", "rev")[1]
    assert "2 right" in check(*words, "--directions", "2", "--mode", "rev")[1]


def test_somebodys_gradient_with_the_arguments_names(check):
    assert check("my:cost", "w=[1,2]", "b=3", "--gradient", "my:dcost")[0] == 0
    code, out, _ = check("my:cost", "w=[1,2]", "b=3", "--gradient", "my:half")
    assert code == 1
    assert "the gradient of w is 2 times too small" in out
    assert "wrong: w[1]: exact 6, numeric 12" in out


def test_chance_is_not_called_wrong(check):
    code, out, _ = check("my:noisy", "w=positive(2)", "--mode", "rev")
    assert code == 1
    assert "not deterministic" in out
    assert "0 wrong" in out


USAGE = {
    "my:losss": "my has no losss; it has broken, cost, dcost, half, last, layer, loss, noisy",
    "my:three": "my:three is int, not a function",
    "nowhere:f": "there is no module nowhere here",
    "nowhere.py:f": "there is no file nowhere.py",
    "needy:f": "needy cannot be imported: it needs a_library_that_is_missing",
    "failing:f": "failing cannot be imported: ZeroDivisionError: division by zero",
    "my": "write MODULE:FUNCTION",
    "my:loss": "w has no value, add one: w=random(3)",
    "my:loss w=(3,4)": "write w=random(3,4) for that shape",
    "my:loss w=1 w=2": "w is given twice",
    "my:loss 3": "'3' is no value: write NAME=VALUE",
    "my:loss w=1+": "invalid syntax",
    "my:loss w=v": "must be a number, a list or random(3,4)",
    "my:loss v=1": "my:loss takes w, x, power; there is no v",
    "my:loss w=1 --constant w": "nothing to differentiate by",
    "my:loss w=1 --constant v": "--constant v: no value is given",
    "my:loss w=1 --gradient my:loss --order 2": "about tinygraph's own gradient",
    "my:loss w=1 --directions 0": "not a whole number of at least 1",
    "my:loss w=1 --seed=-1": "not a whole number of at least 0",
    "my:loss w=1 --order 3": "invalid choice",
}


@pytest.mark.parametrize("words", USAGE)
def test_what_makes_no_sense_is_said_in_few_words(check, words):
    code, out, err = check(*words.split())
    assert (code, out) == (2, "")
    assert USAGE[words] in err
    assert "Traceback" not in err


def test_a_function_that_fails_is_named(check):
    code, _, err = check("my:broken", "w=1")
    assert code == 1
    assert err == "tinygraph: my:broken cannot be checked: RuntimeError: no such luck at all\n"


def test_the_same_numbers_for_the_same_seed(check):
    one = check("my:loss", "w=random(3)", "--seed", "1")
    assert one == check("my:loss", "w=random(3)", "--seed", "1")


def test_as_a_program(tmp_path):
    (tmp_path / "mine.py").write_text(MODULE)
    command = [sys.executable, "-m", "tinygraph", "check", "mine:loss", "w=1"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
