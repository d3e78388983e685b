"""Readers of data files: IDX, the format of MNIST, and NumPy's npz. What is damaged is named."""

from __future__ import annotations

import gzip
import math
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from tinygraph.data.samples import Samples, Split

Array = np.ndarray[Any, Any]
_IDX = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_GZIP = b"\x1f\x8b"


def read_idx(path: str | Path) -> Array:
    """The array in an IDX file, as those of MNIST; also if it is packed by gzip, whatever its name.

    The format: two zero bytes, the type of the numbers, how many dimensions, each of them in four bytes, the numbers.

    Raises:
        ValueError: it is no IDX file, or is shorter or longer than it says, or its gzip is damaged.
        OSError: it cannot be opened.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "labels-idx1-ubyte"
        >>> path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1]))
        11
        >>> read_idx(path)
        array([7, 2, 1], dtype=uint8)
    """
    content = _unpacked(Path(path))
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _IDX:
        raise ValueError(f"{path} is no IDX file: it begins with {content[:4].hex(' ') or 'nothing'}, not 00 00 08 ..")
    dtype, dims = np.dtype(_IDX[content[2]]), content[3]
    start = 4 + 4 * dims
    if len(content) < start:
        raise ValueError(f"{path} is short: it ends within its head of {start} bytes, after {len(content)}")
    shape = tuple(int(d) for d in np.frombuffer(content, ">u4", dims, offset=4))
    expected = start + math.prod(shape) * dtype.itemsize
    if len(content) != expected:
        fault = "short" if len(content) < expected else "too long"
        raise ValueError(f"{path} is {fault}: {len(content):,} bytes, and shape {shape} needs {expected:,}")
    array = np.frombuffer(content, dtype, offset=start).reshape(shape)
    return array.astype(dtype.newbyteorder("="))


def _unpacked(path: Path) -> bytes:
    content = path.read_bytes()
    if not content.startswith(_GZIP):
        return content
    try:
        return gzip.decompress(content)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{path} is damaged: {str(error).rstrip('.')}; get it again") from None


def mnist(folder: str | Path) -> Split:
    """The training and the test set of MNIST, or of a set with the same files, from a folder.

    Args:
        folder: with train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and
            t10k-labels-idx1-ubyte, each as it is or with .gz.

    Returns:
        images, float32 of shape (n, 28, 28), from 0 (paper) to 1 (ink); labels, int64 of shape (n,).

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file is damaged, or has not as many labels as there are images.

    Y. LeCun, C. Cortes and C. Burges, The MNIST database of handwritten digits, 1998.
    """
    parts = []
    for name in ("train", "t10k"):
        images, labels = (_find(Path(folder), f"{name}-{kind}") for kind in ("images-idx3-ubyte", "labels-idx1-ubyte"))
        x, y = read_idx(images), read_idx(labels)
        if len(x) != len(y):
            raise ValueError(f"{images} holds {len(x):,} images, and {labels} {len(y):,} labels")
        parts.append(Samples(x.astype(np.float32) / 255, y.astype(np.int64)))
    return Split(tuple(parts))


def _find(folder: Path, name: str) -> Path:
    for path in (folder / name, folder / f"{name}.gz", folder / name.replace("-idx", ".idx")):
        if path.exists():
            return path
    raise FileNotFoundError(f"{folder / name}, or the same with .gz, is not there")


def read_npz(path: str | Path, *names: str) -> Any:
    """Arrays of an .npz file: a dict of all, or a tuple of those named. Pickles are refused.

    Raises:
        KeyError: no array of that name; those that there are are listed.
        ValueError: the file is damaged, or holds objects.
        OSError: it cannot be opened.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "data.npz"
        >>> np.savez(path, x=np.arange(3), y=np.zeros(3))
        >>> x, y = read_npz(path, "x", "y")
        >>> x
        array([0, 1, 2])
    """
    try:
        with open(path, "rb") as file:
            stored = np.load(file, allow_pickle=False)
            if not isinstance(stored, np.lib.npyio.NpzFile):
                raise ValueError("it holds one bare array; np.load reads it")
            missing = [name for name in names if name not in stored.files]
            if missing:
                raise KeyError(f"{path} has no array {missing[0]!r}; it has {', '.join(stored.files) or 'none'}")
            arrays = {name: stored[name] for name in names or stored.files}
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError) as error:
        said = (
            str(error) if "pickle" not in str(error) else "it holds Python objects or is no .npz; nothing is unpickled"
        )
        raise ValueError(f"{path} cannot be read: {said}") from None
    return tuple(arrays.values()) if names else arrays
