"""Checkpoints: all that a resumed run needs to equal an unbroken one, bit for bit, in one file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tinygraph.data.seeds import generator_state, restore_generator
from tinygraph.nn.saving import load, refuse, save
from tinygraph.train.update import generators

_VERSION = 1


class Checkpoint:
    """The state of some things in a file. A thing has `state_dict` and `load_state_dict`; the file is always whole.

    Args:
        path: ending in .npz or .safetensors.
        things: by name; what has no state, as None or a list of batches, is passed over.
        model: whose random generators are saved too, with the common one of `tinygraph.nn.manual_seed`.

    Raises:
        ValueError: another ending.
        FileNotFoundError: there is no such folder; better now than after hours of training.

    Example:
        >>> import tempfile
        >>> from tinygraph import nn
        >>> model = nn.Linear(2, 1)
        >>> checkpoint = Checkpoint(Path(tempfile.mkdtemp()) / "run.npz", {"model": model}, model)
        >>> checkpoint.exists
        False
        >>> checkpoint.write()
        >>> checkpoint.restore()
    """

    def __init__(self, path: str | Path, things: Mapping[str, Any], model: Any) -> None:
        self.path = Path(path)
        refuse(path, "checkpoint")
        self._things = {name: thing for name, thing in things.items() if hasattr(thing, "state_dict")}
        self._generators = generators(model)

    @property
    def exists(self) -> bool:
        return self.path.exists()

    def write(self) -> None:
        """Save all of it, in the place of the checkpoint before."""
        state = {name: {"kind": type(t).__name__, "state": t.state_dict()} for name, t in self._things.items()}
        drawn = {name: generator_state(rng) for name, rng in self._generators.items()}
        save(self.path, {"version": _VERSION, "things": state, "generators": drawn})

    def restore(self) -> None:
        """Put everything back to where it was; all of it or, if anything does not fit, nothing.

        Raises:
            ValueError: the file is damaged, or is the checkpoint of another run: of another model, optimizer or data.
        """
        saved = load(self.path)
        if not isinstance(saved, dict) or saved.get("version") != _VERSION:
            raise ValueError(f"{self.path} is no checkpoint of tinygraph.train.fit")
        kinds = {name: type(thing).__name__ for name, thing in self._things.items()}
        theirs = {name: entry["kind"] for name, entry in saved["things"].items()}
        if kinds != theirs:
            raise ValueError(
                f"{self.path} is the checkpoint of another run: it has {_said(theirs)}, and this {_said(kinds)}"
            )
        if set(saved["generators"]) != set(self._generators):
            raise ValueError(
                f"{self.path} is the checkpoint of another run: its model draws from the generators "
                f"{', '.join(saved['generators'])}, and this one from {', '.join(self._generators)}"
            )
        before = {name: thing.state_dict() for name, thing in self._things.items()}
        try:
            for name, thing in self._things.items():
                thing.load_state_dict(saved["things"][name]["state"])
        except ValueError as error:
            for name, thing in self._things.items():
                thing.load_state_dict(before[name])
            raise ValueError(f"{self.path} is the checkpoint of another run: {error}") from None
        for name, rng in self._generators.items():
            restore_generator(rng, saved["generators"][name])


def _said(kinds: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {kind}" for name, kind in kinds.items())
