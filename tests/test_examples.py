"""Every example runs, and says what it should."""

import inspect
import re
import runpy
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent / "examples"
SAYS = {
    "bare_loop": r"by hand: held-out accuracy 0\.9[5-9].*\n.*\nthe same to the last bit: True",
    "breast_cancer": r"(epoch.*\n)+held-out accuracy 0\.9[6-9].*\n(.*\n)*.*weighs most",
    "check_a_students_backprop": (
        r"as in the lecture: 21 right, 0 wrong(.*\n)*.*db2 is 6 times too small \(6 is m"
        r"(.*\n)*.*dW2 is of the wrong sign(.*\n)*.*dW1 is transposed"
        r"(.*\n)*.*db1 is not summed over axis 1(.*\n)*.*what they share, dZ1"
    ),
    "check_scipy_jac": (
        r"jac is right\n(.*\n)*.*2 times too small in 1 of 3 elements(.*\n)*BFGS with jac: x = \[1\. 1\. 1\.\]"
    ),
    "check_torch_function": r"clipped: .* 6 right(.*\n)*forgetful: .* 2 wrong(.*\n)*in float32 .* 2 wrong",
    "course_graph": r"a = 5 .* dJ/da = 3\n(.*\n)*.*dJ/db = 6\n.*dJ/dc = 9\n.*dJ/du = 3\n.*dJ/dv = 3\nJ = 33",
    "digits_cnn": r"held-out accuracy (0\.98[5-9]|0\.99|1\.0)",
    "digits_mlp": r"held-out accuracy (0\.9[7-9]|1\.0)",
    "gauss_newton": r"frequency 1\.50\d ± 0\.00\d, made with 1\.5(.*\n)*sum of squares 59\.18 → 1\.0444 in \d+ steps",
    "gaussian_process": r"31\.76 → 5\.81\namplitude .*noise 0\.14.*\n.*a minimum: True",
    "higher_order": r"derivative 1 at 0\.5: \+0\.786448\n(.*\n)*Newton's method ends at \[1\. 1\.\]",
    "implicit": r"eccentricity +0\.(59|60)\d, (.*\n)*residual 0\.\d+ → 0\.02\d+\ndE/de .*: (\d\.\d{10}), by hand \3\n",
    "logistic_regression": r"held-out accuracy 0\.9[5-9]",
    "meta_learning": r"learned to learn .*after one step on 10 points 0\.1\d\nlearned all at once .*points 0\.[2-9]",
    "numpy_is_enough": r"energy -62\.7174 J",
    "own_op": r"swish: first and second(.*\n)*forgetful: .* 6 wrong",
    "per_example_gradients": (
        r"W1: \(1000, 64, 32\)(.*\n)*their mean .*: True\nof the 40 largest gradients, 3[5-9] belong to wrong labels"
    ),
    "scan_ode": (
        r"stiffness +\+[34]\.\d+, made with 4\.0\n(.*\n)*mean square 0\.\d+ → 0\.0"
        r"(.*\n)*.*for t in reversed\(range\(200\)\)"
    ),
    "scipy_minimize": (
        r"trust-ncg, jac and hessp +energy -0\.439616, .* \d{2,3} energies\n"
        r"BFGS, jac +energy -0\.439616,(.*\n)*.*differences .*-0\.439616, .* \d{5} energies"
    ),
    "two_layer_network": r"held-out accuracy 0\.9[5-9]",
}
NEEDS = {
    "breast_cancer": "sklearn",
    "check_scipy_jac": "scipy",
    "check_torch_function": "torch",
    "scipy_minimize": "scipy",
}
DISTRIBUTIONS = {"sklearn": "scikit-learn"}  # where pip has another name for it


def test_each_example_is_listed_here() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.py")) == sorted(SAYS)


def run(name: str) -> None:
    """Its main, in the fast mode where it has one."""
    main = runpy.run_path(str(FOLDER / f"{name}.py"), run_name=name)["main"]
    main(**{"fast": True} if "fast" in inspect.signature(main).parameters else {})


@pytest.mark.parametrize("name", sorted(SAYS))
def test_it_runs_and_says_what_it_should(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if name in NEEDS:
        pytest.importorskip(NEEDS[name], reason=f"{NEEDS[name]} is not installed")
    monkeypatch.chdir(tmp_path)  # for the pictures that it writes
    run(name)
    assert re.search(SAYS[name], capsys.readouterr().out)
    for picture in re.findall(r'"(\w+\.(?:png|svg|html))"', (FOLDER / f"{name}.py").read_text()):
        assert (tmp_path / picture).stat().st_size > 1000, f"{picture} was not drawn"


@pytest.mark.parametrize("name", sorted(NEEDS))
def test_without_its_library_it_says_so(name: str, capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    for module in [m for m in sys.modules if m.partition(".")[0] == NEEDS[name]] + [NEEDS[name]]:
        monkeypatch.setitem(sys.modules, module, None)
    run(name)
    distribution = DISTRIBUTIONS.get(NEEDS[name], NEEDS[name])
    assert re.search(rf"is not installed, so .*: pip install {distribution}", capsys.readouterr().out)
