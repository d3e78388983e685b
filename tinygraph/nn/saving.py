"""Parameters and other state in files: .npz, and .safetensors, which PyTorch and JAX read too. Never pickle."""

from __future__ import annotations

import json
import os
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from tinygraph.nn.module import Module
from tinygraph.op import bare

Array = np.ndarray[Any, Any]
_OUTLINE = "tinygraph"  # under this name stands what is not an array


def save(path: str | Path, state: Any) -> None:
    """Write a model's parameters and buffers, or any state made of arrays, to a file.

    The file is written beside the old one and takes its place when it is complete: whatever happens, the one or the
    other is there, whole. A flat dict of arrays, as a `state_dict` is, becomes a file of just these arrays.

    Args:
        path: ending in .npz, or .safetensors, for which the package safetensors is needed.
        state: a module, which is saved as its `state_dict`; or nested dicts, lists and tuples of arrays, numbers, text,
            truth values and None, as {"model": model.state_dict(), "optimizer": opt.state_dict(), "epoch": 3}.

    Raises:
        ValueError: another ending.
        TypeError: something in the state that is none of these; its place is named. The arguments in the other order.
        OSError: the file cannot be written.

    Example:
        >>> import tempfile
        >>> from tinygraph import nn
        >>> path = Path(tempfile.mkdtemp()) / "model.npz"
        >>> model = nn.Linear(3, 2)
        >>> save(path, model)
        >>> model.load_state_dict(load(path))
    """
    if isinstance(path, Mapping | Module):
        raise TypeError(f"save: the path comes first, save(path, state); got a {type(path).__name__} for it")
    write, _ = _format(path, "save")
    arrays: dict[str, Array] = {}
    outline = _packed(state.state_dict() if isinstance(state, Module) else state, (), arrays)
    flat = isinstance(outline, dict) and outline == {name: {"$array": name} for name in arrays} and arrays
    with replacing(path) as file:
        write(file, arrays, None if flat else json.dumps(outline))


def load(path: str | Path) -> Any:
    """What `save` wrote: the same structure; of a module its `state_dict`.

    Files of other origin give a dict of their arrays.

    Raises:
        ValueError: another ending; a file that is damaged, cut off, or holds Python objects, which are not run.
        OSError: it cannot be opened.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "state.npz"
        >>> save(path, {"weights": [np.ones(2), np.zeros(1)], "epoch": 3})
        >>> load(path)
        {'weights': [array([1., 1.]), array([0.])], 'epoch': 3}
    """
    _, read = _format(path, "load")
    try:
        arrays, outline = read(Path(path))
        return arrays if outline is None else _unpacked(json.loads(outline), arrays)
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, ValueError, NotImplementedError) as error:
        said = str(error) if "pickle" not in str(error) else "it holds Python objects, which are not unpickled"
        raise ValueError(f"{path} cannot be read, is it damaged? {said}") from None


def refuse(path: str | Path, name: str) -> None:
    """What a path would be refused for, before there is something to save.

    Raises:
        ValueError: another ending.
        FileNotFoundError: there is no such folder.
    """
    _format(path, name)
    if not Path(path).parent.is_dir():
        raise FileNotFoundError(f"{name}: {path}: the folder {Path(path).parent} does not exist; make it first")


@contextmanager
def replacing(path: str | Path) -> Iterator[IO[bytes]]:
    """A file that takes the place of `path` when the block ends, and leaves no trace if it raises.

    Example:
        >>> path = Path(tempfile.mkdtemp()) / "notes.txt"
        >>> with replacing(path) as file:
        ...     _ = file.write(b"done")
        >>> path.read_bytes()
        b'done'
    """
    path = Path(path)
    number, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(number, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, path.stat().st_mode if path.exists() else 0o666 & ~_umask())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _umask() -> int:
    """What new files may not be: mkstemp makes them its owner's alone."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    """The new name too must reach the disk; Windows has no way to ask."""
    if os.name == "posix":
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


# --- structure: arrays by name, and an outline in JSON that says where they stand


def _packed(value: Any, place: tuple[str, ...], arrays: dict[str, Array]) -> Any:
    value = bare(value)
    if isinstance(value, np.ndarray | np.generic):
        if value.dtype.kind not in "biufUS":
            raise TypeError(f"save: {'.'.join(place) or 'the state'} is an array of {value.dtype}, not of numbers")
        name = ".".join(place) or "array"
        while name in arrays or name == _OUTLINE:
            name += "_"
        arrays[name] = np.asarray(value)
        return {"$array": name} if isinstance(value, np.ndarray) else {"$number": name}
    if isinstance(value, Mapping):
        if all(isinstance(key, str) and not key.startswith("$") for key in value):
            return {key: _packed(part, (*place, key), arrays) for key, part in value.items()}
        pairs = [[_key(key, place), _packed(part, (*place, str(key)), arrays)] for key, part in value.items()]
        return {"$dict": pairs}
    if isinstance(value, list | tuple):
        parts = [_packed(part, (*place, str(k)), arrays) for k, part in enumerate(value)]
        return parts if isinstance(value, list) else {"$tuple": parts}
    return _key(value, place)


def _key(value: Any, place: tuple[str, ...]) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(
        f"save: {'.'.join(place) or 'the state'} is a {type(value).__name__}; only arrays, numbers, text, None, and "
        "dicts, lists and tuples of them are saved"
    )


def _unpacked(outline: Any, arrays: Mapping[str, Array]) -> Any:
    if isinstance(outline, list):
        return [_unpacked(part, arrays) for part in outline]
    if not isinstance(outline, dict):
        return outline
    special = next(iter(outline), "")
    match special:
        case "$array":
            return arrays[outline[special]]
        case "$number":
            return arrays[outline[special]][()]
        case "$tuple":
            return tuple(_unpacked(part, arrays) for part in outline[special])
        case "$dict":
            return {key: _unpacked(part, arrays) for key, part in outline[special]}
    return {key: _unpacked(part, arrays) for key, part in outline.items()}


# --- formats

Write = Callable[[IO[bytes], Mapping[str, Array], str | None], None]
Read = Callable[[Path], tuple[dict[str, Array], str | None]]


def _format(path: str | Path, name: str) -> tuple[Write, Read]:
    ending = Path(path).suffix
    if ending == ".npz":
        return _write_npz, _read_npz
    if ending == ".safetensors":
        return _write_safetensors, _read_safetensors
    raise ValueError(f"{name}: {path} must end in .npz or .safetensors")


def _write_npz(file: IO[bytes], arrays: Mapping[str, Array], outline: str | None) -> None:
    """As np.savez, which has no room for an array called "file"; without the time, so that equal is equal."""
    named = dict(arrays) | ({} if outline is None else {_OUTLINE: np.frombuffer(outline.encode(), np.uint8)})
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, array in named.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, array, allow_pickle=False)


def _read_npz(path: Path) -> tuple[dict[str, Array], str | None]:
    with path.open("rb") as file:
        stored = np.load(file, allow_pickle=False)
        if not isinstance(stored, np.lib.npyio.NpzFile):
            raise ValueError("it holds one bare array; np.load reads it")
        arrays = {name: stored[name] for name in stored.files}
    outline = arrays.pop(_OUTLINE, None)
    return arrays, None if outline is None else outline.tobytes().decode()


def _write_safetensors(file: IO[bytes], arrays: Mapping[str, Array], outline: str | None) -> None:
    library = _safetensors("numpy")
    whole = {name: np.array(a, order="C", dtype=a.dtype.newbyteorder("=")) for name, a in arrays.items()}
    text = [name for name, a in whole.items() if a.dtype.kind in "US"]
    if text:
        raise TypeError(f"save: {text[0]} is an array of text, which .safetensors cannot hold; .npz can")
    file.write(library.save(whole, metadata={} if outline is None else {_OUTLINE: outline}))


def _read_safetensors(path: Path) -> tuple[dict[str, Array], str | None]:
    library = _safetensors("")
    path.open("rb").close()  # for its errors, which are the same for all files
    try:
        with library.safe_open(path, framework="numpy") as stored:
            outline = (stored.metadata() or {}).get(_OUTLINE)
            arrays = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118  it is no dict
        for name, a in arrays.items():
            if a.dtype.kind not in "biufc":  # another package has taught NumPy to hold it, not to compute with it
                raise TypeError(f"{name} is of dtype {a.dtype}")
    except library.SafetensorError as error:
        raise ValueError(str(error)) from None
    except (TypeError, AttributeError) as error:
        raise ValueError(f"{error}: NumPy has no such numbers, convert them to float32 where they come from") from None
    return arrays, outline


def _safetensors(part: str) -> Any:
    try:
        import safetensors
        import safetensors.numpy
    except ModuleNotFoundError:
        raise ModuleNotFoundError(".safetensors needs a package: pip install safetensors; .npz needs none") from None
    return safetensors.numpy if part else safetensors
