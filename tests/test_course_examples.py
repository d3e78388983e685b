"""Every example of the course runs, in its fast mode, and says what it should."""

import importlib
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent.parent / "examples" / "course"
SAYS = {
    "activations": r"sigmoid +g'\(-2\) = 0\.1050, g'\(0\) = 0\.2500(.*\n)*.*linear: .* by \de-1\d\n.*tanh: .* 9e-01",
    "batch_norm": r"running mean \[ 4\.89 -3\.02\](.*\n)*.*differs by 0e\+00(.*\n)*without .*\[0\.1 .*\nwith .*0\.9",
    "bias_variance": r"high variance \(train error 1\.0%(.*\n)*.*2 hidden units: high bias(.*\n)*.*60 samples: high",
    "bowl": r"(.*J = \d\.\d+ → 0\.384049 at w = 1\.8524, b = 0\.0102\n){3}.*positive, a bowl",
    "broadcasting": r"db \(4, 1\) = \[5\. 5\. 5\. 5\.\](.*\n)*.*\(4, 3\).*\(5, 3\)",
    "cats": r"cost after step    0: 0\.693147\n(.*\n)*test accuracy: 9\d\.\d\d %",
    "convolution": r"\[ 0\. 30\. 30\.  0\.\](.*\n)*3 layers, 9,930 parameters(.*\n)*held-out accuracy .*: 0\.[89]",
    "deep": r"(layers 5.* differs by \de[-+]\d\d\n){4}",
    "dropout": r"expectation is kept(.*\n)*.*, 1: J .* rose 0 times(.*\n)*.*off: .*501 right, 0 wrong",
    "early_stopping": r"as they are: stopped after epoch \d+, best was \d+(.*\n)*.*with noise: .* accuracy 0\.[89]",
    "exponential_averages": r"beta 0\.90: averages over about 10 days(.*\n)*beta 0\.98: averages over about 50 days",
    "flower": r"cost after step     0: 0\.693048\n.*0\.288083\n(.*\n)*logistic regression: 47 %",
    "gradient_checking": r"difference 1\.19e-07(.*\n)*.*difference 0\.285(.*\n)*.*4 times too large",
    "graph": r"dW2 = dZ2 @ A1\.T(.*\n)*.*: compiled\n(.*\n)*.*same to the bit: True\nexported: graph\.dot",
    "houses": r"a room of 10 m²: 0\.00, where a straight line says -0",
    "initialization": r"zeros +cost 0\.6931 → 0\.6931 +train 50\.0 %(.*\n)*He +cost 0\.8831 →",
    "layers": r"1 layer, 5 parameters(.*\n)*2 layers, 19 parameters(.*\n)*6 layers, 67 parameters",
    "learning_rate_decay": r"epochs 1 to 4: 0\.100, 0\.067, 0\.050, 0\.040\n",
    "losses_curvature": (
        r"loss, squared error: curvature -0\.060\d "
        r"(.*\n)*cost, squared error: negative curvature at [1-9](.*\n)*cost, cross entropy: negative curvature at 0%"
    ),
    "mini_batches": r"\[64, 64, 64, 64, 44\] samples; dropping the last: 4(.*\n)*.*each epoch: True",
    "moons": r"gd .*accuracy \d+\.\d %\nmomentum .*\nadam .*accuracy [89]\d\.\d %",
    "normalising": r"mu = \[147\.44 +4\.21\](.*\n)*normalised: .* test 9\d",
    "optimizers_on_a_bowl": r"gradient descent : .* after 157 steps(.*\n)*.*: apart by \de-1\d",
    "outputs": r"sigmoid .*accuracy 0\.9(.*\n)*linear .* from -(.*\n)*ReLU .* from 0\.00",
    "recurrent": (
        r"dJ/du = -0\.200630 = (.*\n)*.*up to it: True(.*\n)*GRU  error .* → 0\.[01]"
        r"(.*\n)*loss per character 3.* → [23]"
    ),
    "regularisation": r"L2: .* 0e\+00\nL1: .* 0e\+00\nweight decay: .*\de-1\d(.*\n)*lambda 30: .*‖W‖ 0",
    "saddle": r"\[-1\.  2\.\]: a saddle\n.*\[2\. 2\.\]: a minimum(.*\n)*gradient descent leaves .* after 178 steps",
    "saturation": r"sigmoid cost .*\nrelu +cost \d\.\d+ → 0\.[0-3]",
    "scale": r" 2 hidden units: test error 0\.[3-9](.*\n)*64 hidden units: test error 0\.[0-3]\d\d 0\.0",
    "search": r"score +round +alpha +1-beta +width\n(.*\n)*round 1: alpha from(.*\n)*best on the dev set: 0\.",
    "shallow": r"backward: (.*\n)+.*17 right, 0 wrong(.*\n)+.*db1 is 6 times too small \(6 is m",
    "splits": r"70/20/10 .*: 1258 \+ 359 \+ 180(.*\n)*98\.9/1/0\.1 of a million: \[989000, 10000, 1000\]",
    "symmetry": r"zeros .*rows differ by 0\.00\nall 0\.5 .* rows differ by 0\.00\nrandom .* differ by [1-9]",
    "transformer_sort": (
        r"step    0: .*, rows right 0\.0%"
        r"(.*\n)*step  100: .*, places right [89]\d\.\d%, rows right [2-9]\d"
    ),
    "vanishing": r"1\.5\^150 = 2\.6e\+26, 0\.5\^150 = 7\.0e-46(.*\n)*tanh, × 0\.01 +standard .* of A\[20\] \d\.\de-2",
    "vectorised": r"differ by \de-1\d at most\nvectorised: \d+ times as fast",
}
SHARED = {"columns"}  # what several of them use


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[[str], Any]]:
    """Imports an example, in a folder of its own for the pictures it writes."""
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.chdir(tmp_path)
    yield importlib.import_module
    for path in FOLDER.glob("*.py"):
        sys.modules.pop(path.stem, None)


def test_each_example_is_listed_here() -> None:
    assert {path.stem for path in FOLDER.glob("*.py")} == SAYS.keys() | SHARED


@pytest.mark.parametrize("name", sorted(SAYS))
def test_it_says_what_it_should(name: str, example: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    module = example(name)
    module.main(fast=True)
    said = capsys.readouterr().out
    assert re.search(SAYS[name], said), said
    source = (FOLDER / f"{name}.py").read_text()
    for picture in re.findall(r'"(\w+\.(?:png|svg|html))"', source):
        assert (tmp_path / picture).stat().st_size > 1000, f"{picture} was not drawn"
