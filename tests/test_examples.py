"""Every example runs, and says what it should."""

import re
import runpy
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent / "examples"
SAYS = {
    "course_graph": r"a = 5 .* dJ/da = 3\n(.*\n)*.*dJ/db = 6\n.*dJ/dc = 9\n.*dJ/du = 3\n.*dJ/dv = 3\nJ = 33",
    "higher_order": r"derivative 1 at 0\.5: \+0\.786448\n(.*\n)*Newton's method ends at \[1\. 1\.\]",
    "logistic_regression": r"held-out accuracy 0\.9[5-9]",
    "numpy_is_enough": r"energy -62\.7174 J",
    "own_op": r"swish: first and second(.*\n)*forgetful: .* 6 wrong",
    "two_layer_network": r"held-out accuracy 0\.9[5-9]",
}


def test_each_example_is_listed_here() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.py")) == sorted(SAYS)


@pytest.mark.parametrize("name", sorted(SAYS))
def test_it_runs_and_says_what_it_should(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(FOLDER / f"{name}.py"), run_name="__main__")
    assert re.search(SAYS[name], capsys.readouterr().out)
