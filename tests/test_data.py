"""The digits are what they should be, come with the wheel, and are split evenly."""

import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tinygraph.data import digits, split

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


def test_the_split_is_stratified_complete_and_the_same_each_time() -> None:
    labels = digits()[1]
    parts = split(np.arange(len(labels)), labels, seed=3)
    assert sorted([*parts.train_x, *parts.held_out_x]) == list(range(len(labels)))
    assert np.array_equal(labels[parts.train_x], parts.train_y)
    assert np.array_equal(labels[parts.held_out_x], parts.held_out_y)
    shares = np.bincount(parts.held_out_y) / np.bincount(labels)
    assert np.all(np.abs(shares - 0.2) < 0.005)
    assert np.array_equal(parts.train_x, split(np.arange(len(labels)), labels, seed=3).train_x)
    assert not np.array_equal(parts.train_x, split(np.arange(len(labels)), labels, seed=4).train_x)


def test_a_split_of_unequal_lengths_or_parts_is_an_error() -> None:
    with pytest.raises(ValueError, match="3 samples and 2 labels"):
        split(np.zeros(3), np.zeros(2))
    with pytest.raises(ValueError, match=r"held_out=1\.5"):
        split(np.zeros(3), np.zeros(3), held_out=1.5)


def test_the_wheel_carries_the_digits_and_where_they_are_from(tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="builds the wheel")
    program = "import sys, hatchling.build as b; print(b.build_wheel(sys.argv[1]))"
    command = [sys.executable, "-c", program, str(tmp_path)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    with zipfile.ZipFile(tmp_path / built.stdout.split()[-1]) as wheel:
        names = wheel.namelist()
    assert {"tinygraph/data/digits.npz", "tinygraph/data/README.md", "tinygraph/cli/report.html"} <= set(names)
