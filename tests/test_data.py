"""Sets of data: the digits are what they should be and come with the wheel, synthetic sets are the known ones."""

import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tinygraph.data import adding_problem, blobs, breast_cancer, circles, diabetes, digits, flower, moons, sonnets

ROOT = Path(__file__).parent.parent


def test_the_digits_are_the_known_ones() -> None:
    images, labels = digits()
    assert images.shape == (1797, 64)
    assert images.dtype == np.float64
    assert labels.dtype == np.int64
    assert (images.min(), images.max()) == (0.0, 1.0)
    assert np.bincount(labels).tolist() == [
        178,
        182,
        177,
        183,
        181,
        182,
        181,
        179,
        174,
        180,
    ]  # as UCI's page lists them
    assert np.array_equal(images * 16, np.round(images * 16))
    assert (images * 16).sum() == 561718.0
    first = (images[0].reshape(8, 8) * 16).astype(int)
    assert first[0].tolist() == [0, 0, 5, 13, 9, 1, 0, 0]


def test_each_call_gives_arrays_of_its_own() -> None:
    digits()[0][:] = 7.0
    assert digits()[0].max() == 1.0


def test_the_sonnets_are_fourteen_lines_each() -> None:
    poems = sonnets().strip().split("\n\n")
    assert [len(poem.splitlines()) for poem in poems] == [14] * 11


def test_the_wheel_carries_the_digits_and_where_they_are_from(tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="builds the wheel")
    program = "import sys, hatchling.build as b; print(b.build_wheel(sys.argv[1]))"
    command = [sys.executable, "-c", program, str(tmp_path)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    with zipfile.ZipFile(tmp_path / built.stdout.split()[-1]) as wheel:
        names = wheel.namelist()
    assert {
        "tinygraph/data/digits.npz",
        "tinygraph/data/sonnets.txt",
        "tinygraph/data/README.md",
        "tinygraph/cli/report.html",
    } <= set(names)


# --- synthetic and real sets


def test_moons_circles_and_blobs_are_those_of_scikit_learn() -> None:
    theirs = pytest.importorskip("sklearn.datasets")
    for ours, other in [
        (moons(301, noise=0.2, seed=3), theirs.make_moons(301, noise=0.2, random_state=3)),
        (circles(99, noise=0.05, seed=2), theirs.make_circles(99, noise=0.05, factor=0.8, random_state=2)),
        (blobs(100, centers=3, seed=5), theirs.make_blobs(100, centers=3, random_state=5)),
    ]:
        np.testing.assert_allclose(ours.x, other[0], rtol=0, atol=1e-14)
        np.testing.assert_array_equal(ours.y, other[1])


def test_the_flower_is_drawn_in_the_course_order() -> None:
    rng = np.random.RandomState(1)
    t = np.linspace(0, 3.12, 200) + rng.randn(200) * 0.2
    r = 4 * np.sin(4 * t) + rng.randn(200) * 0.2
    x, y = flower()
    np.testing.assert_allclose(x[:200], np.c_[r * np.sin(t), r * np.cos(t)], rtol=0, atol=1e-15)
    assert y.tolist() == [0] * 200 + [1] * 200


def test_the_adding_problem_marks_one_number_in_each_half() -> None:
    x, y = adding_problem(50, length=11, seed=4)
    marks = x[:, :, 1]
    assert set(np.unique(marks)) == {0.0, 1.0}
    assert np.all(marks[:, :5].sum(axis=1) == 1)
    assert np.all(marks[:, 5:].sum(axis=1) == 1)
    np.testing.assert_allclose((marks * x[:, :, 0]).sum(axis=1), y)
    with pytest.raises(ValueError, match="length=1"):
        adding_problem(3, length=1)


def test_sets_of_scikit_learn() -> None:
    pytest.importorskip("sklearn")
    x, y = breast_cancer()
    assert (x.shape, y.shape, y.dtype, int(y.sum())) == ((569, 30), (569,), np.int64, 357)
    assert diabetes().y.dtype == np.float64


def test_without_scikit_learn_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.delitem(sys.modules, "sklearn.datasets", raising=False)
    with pytest.raises(ModuleNotFoundError, match="breast_cancer comes with scikit-learn: pip install"):
        breast_cancer()
