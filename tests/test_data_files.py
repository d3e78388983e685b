"""Files of data: what is whole is read, what is damaged is named."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from tinygraph.data import Characters, mnist, read_csv, read_idx, read_npz, sequences


def idx(array: np.ndarray, code: int) -> bytes:
    head = bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


@pytest.mark.parametrize(
    ("code", "dtype"), [(8, "u1"), (9, "i1"), (0x0B, "i2"), (0x0C, "i4"), (0x0D, "f4"), (0x0E, "f8")]
)
@pytest.mark.parametrize("packed", [False, True])
def test_idx_of_each_type(code: int, dtype: str, packed: bool, tmp_path: Path) -> None:
    array = np.arange(-6 if dtype != "u1" else 0, 18 if dtype != "u1" else 24).reshape(2, 3, 4).astype(dtype)
    content = idx(array, code)
    (tmp_path / "file").write_bytes(gzip.compress(content) if packed else content)
    found = read_idx(tmp_path / "file")
    np.testing.assert_array_equal(found, array)
    assert found.dtype == np.dtype(dtype)
    assert found.flags.writeable


GOOD = idx(np.arange(20, dtype=np.uint8).reshape(4, 5), 8)
DAMAGED = {
    "empty": (b"", "no IDX file: it begins with nothing"),
    "magic": (b"\x89PNG" + GOOD[4:], "no IDX file: it begins with 89 50 4e 47"),
    "type": (b"\0\0\x07\x02" + GOOD[4:], "no IDX file"),
    "head": (GOOD[:9], "ends within its head of 12 bytes, after 9"),
    "short": (GOOD[:-1], r"is short: 31 bytes, and shape \(4, 5\) needs 32"),
    "long": (GOOD + b"\0", "is too long: 33 bytes"),
    "gzip cut off": (gzip.compress(GOOD)[:-9], "is damaged"),
    "gzip changed": (gzip.compress(GOOD)[:-6] + b"\1\2" + gzip.compress(GOOD)[-4:], "is damaged"),
    "gzip head": (b"\x1f\x8b" + bytes(20), "is damaged"),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_damaged_idx_files_are_named(case: str, tmp_path: Path) -> None:
    content, match = DAMAGED[case]
    (tmp_path / "train-images").write_bytes(content)
    with pytest.raises(ValueError, match=f"train-images.*{match}"):
        read_idx(tmp_path / "train-images")


def test_mnist_from_its_folder(tmp_path: Path) -> None:
    for name, n in (("train", 6), ("t10k", 2)):
        images, labels = np.full((n, 28, 28), 255, np.uint8), np.arange(n, dtype=np.uint8)
        (tmp_path / f"{name}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(images, 8)))
        (tmp_path / f"{name}-labels-idx1-ubyte").write_bytes(idx(labels, 8))
    data = mnist(tmp_path)
    assert data.train.x.shape == (6, 28, 28)
    assert data.test.x.max() == 1.0
    assert data.test.y.tolist() == [0, 1]
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(idx(np.arange(3, dtype=np.uint8), 8))
    with pytest.raises(ValueError, match=r"t10k-images.*2 images.*t10k-labels.*3 labels"):
        mnist(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(FileNotFoundError, match="t10k-labels-idx1-ubyte"):
        mnist(tmp_path)


def test_npz_by_name(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", x=np.arange(3), y=np.ones(2))
    assert read_npz(tmp_path / "d.npz", "y")[0].tolist() == [1, 1]
    assert list(read_npz(tmp_path / "d.npz")) == ["x", "y"]
    with pytest.raises(KeyError, match="no array 'z'; it has x, y"):
        read_npz(tmp_path / "d.npz", "z")


def test_damaged_npz_files_are_named_and_nothing_is_unpickled(tmp_path: Path) -> None:
    path = tmp_path / "d.npz"
    np.savez(path, x=np.arange(300.0))
    whole = path.read_bytes()
    changed = bytearray(whole)
    changed[1000] ^= 1
    for content in (b"", b"abc", whole[:-100], whole[: len(whole) // 2], bytes(changed)):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"d\.npz cannot be read"):
            read_npz(path)
    with path.open("wb") as file:
        np.save(file, np.arange(3))
    with pytest.raises(ValueError, match="one bare array"):
        read_npz(path)
    np.savez(path, x=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="nothing is unpickled"):
        read_npz(path)
    with pytest.raises(FileNotFoundError):
        read_npz(tmp_path / "none.npz")


# --- tables


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "t.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_types_of_columns(tmp_path: Path) -> None:
    path = written(tmp_path, '\ufeffn,x,name,both\n1,1e3,"a, b",1\n-2,.5,c,z\n\n3,inf,,2\n')
    table = read_csv(path)
    assert table["n"].tolist() == [1, -2, 3]
    assert table["n"].dtype == np.int64
    assert table["x"].tolist() == [1000.0, 0.5, np.inf]
    assert table["name"].tolist() == ["a, b", "c", ""]
    assert table["both"].tolist() == ["1", "z", "2"]
    assert read_csv(path, types={"n": float})["n"].dtype == np.float64
    assert read_csv(path, types={"n": str})["n"].tolist() == ["1", "-2", "3"]


def test_headers_and_delimiters(tmp_path: Path) -> None:
    path = written(tmp_path, "1;2\n3;4\n")
    assert list(read_csv(path, header=False, delimiter=";")) == ["0", "1"]
    assert read_csv(path, header=["a", "b"], delimiter=";")["b"].tolist() == [2, 4]
    assert read_csv(path, delimiter=";")["1"].tolist() == [3]
    assert read_csv(written(tmp_path, "a,b\n"))["a"].shape == (0,)


def test_missing_values_are_named_or_nan(tmp_path: Path) -> None:
    path = written(tmp_path, "a,b\n1,2\n3,\n5,NA\n")
    with pytest.raises(ValueError, match=r"t\.csv, line 3, column b: the value is missing; missing='nan'"):
        read_csv(path)
    table = read_csv(path, missing="nan")
    np.testing.assert_array_equal(table["b"], [2.0, np.nan, np.nan])
    assert table["a"].dtype == np.int64
    np.testing.assert_array_equal(read_csv(path, missing="nan", types={"b": int})["b"], [2.0, np.nan, np.nan])


@pytest.mark.parametrize(
    ("text", "options", "match"),
    [
        ("a,b\n1,2\n3\n", {}, "line 3: 1 values for 2 columns"),
        ("a,b\n1,2,3\n", {}, "line 2: 3 values for 2 columns"),
        ("a,b\n\n\n1\n", {}, "line 4: 1 values"),
        ("", {}, "is empty"),
        ("a,a\n1,2\n", {}, "two columns called 'a'"),
        ("a,b\n1,x\n", {"types": {"b": float}}, "line 2, column b: 'x' is no float64"),
        ("a,b\n1,2.5\n", {"types": {"b": int}}, "line 2, column b: '2.5' is no int64"),
        ("a,b\n1,300\n", {"types": {"b": np.uint8}}, "line 2, column b: '300' is no uint8"),
        ("a,b\n1,perhaps\n", {"types": {"b": bool}}, "column b: 'perhaps' is no bool"),
        ("a,b\n1,2\n", {"types": {"c": int}}, "no column 'c'; it has a, b"),
        ('a,b\n1,"2\n', {}, "line "),
    ],
)
def test_faults_in_tables_are_named(text: str, options: dict, match: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=rf"t\.csv.*{match}"):
        read_csv(written(tmp_path, text), **options)


# --- characters


def test_characters_there_and_back() -> None:
    text = "Sein oder Nichtsein, das ist hier die Frage: ä→\n"
    characters = Characters(text)
    assert characters.decode(characters.encode(text)) == text
    assert len(characters) == len(set(text))
    with pytest.raises(ValueError, match="'z', at 2 of the text"):
        characters.encode("daz")
    with pytest.raises(ValueError, match="whole numbers from 0"):
        characters.decode([len(characters)])
    with pytest.raises(TypeError, match="read_text"):
        Characters(b"abc")  # type: ignore[arg-type]


def test_sequences_predict_the_next_one() -> None:
    x, y = sequences(np.arange(10), 4, stride=2)
    assert x.tolist() == [[0, 1, 2, 3], [2, 3, 4, 5], [4, 5, 6, 7]]
    np.testing.assert_array_equal(y, x + 1)
    assert sequences(np.arange(5), 4).x.shape == (1, 4)
    with pytest.raises(ValueError, match="too few"):
        sequences(np.arange(4), 4)
    with pytest.raises(ValueError, match="stride=0"):
        sequences(np.arange(9), 4, stride=0)
