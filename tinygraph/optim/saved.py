"""State as nested dicts of arrays and numbers, out and in again: what is wrong is said before anything is changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tinygraph.optim.rule import State


def entries(saved: Any, like: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    """A saved dict, once it is seen to have the entries of `like` and no other; empty ones may be lost in a file."""
    if not isinstance(saved, Mapping):
        raise ValueError(f"{where}: a dict with {_listed(list(like))} is needed, not a {type(saved).__name__}")
    missing = [name for name in like if name not in saved and not _empty(like[name])]
    unexpected = [str(name) for name in saved if name not in like]
    if missing or unexpected:
        said = [f"{_listed(missing)} missing"] if missing else []
        said += [f"{_listed(unexpected)} unexpected"] if unexpected else []
        raise ValueError(f"{where}: {'; '.join(said)}. Was it saved with the same parameters and optimizer?")
    return {name: saved.get(name, {}) for name in like}


def saved_hyper(group: Mapping[str, Any], names: Mapping[str, Any]) -> dict[str, Any]:
    """The hyper-parameters of a group; a pair of numbers as an array."""
    return {name: np.array(group[name]) if isinstance(group[name], tuple) else group[name] for name in names}


def restored_hyper(saved: Any, like: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Python's own numbers, also where they were saved as arrays."""
    return {name: _plain(value) for name, value in entries(saved, like, where).items()}


def restored(saved: Any, like: Mapping[str, Any], where: str) -> State:
    """A state with the entries, shapes and dtypes of `like`."""
    found = entries(saved, like, where)
    return {name: _restored(found[name], value, f"{where}, {name}") for name, value in like.items()}


def _restored(value: Any, like: Any, where: str) -> Any:
    if isinstance(like, dict):
        return restored(value, like, where)
    if np.shape(value) != np.shape(like):
        raise ValueError(f"{where}: an array of shape {np.shape(like)} is needed, the saved one has {np.shape(value)}")
    if not hasattr(like, "shape"):
        return type(like)(_plain(value))
    return np.array(value, dtype=like.dtype) if isinstance(like, np.ndarray) else value.copy()


def _empty(value: Any) -> bool:
    return isinstance(value, Mapping) and all(map(_empty, value.values()))


def _plain(value: Any) -> Any:
    if not hasattr(value, "tolist"):
        return value
    value = value.tolist()
    return tuple(value) if isinstance(value, list) else value


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names[:6])) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
