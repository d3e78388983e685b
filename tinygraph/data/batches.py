"""Mini-batches: samples in a new order each epoch, a few at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from tinygraph.data.prefetch import prefetched
from tinygraph.data.seeds import Generator, Seed, generator_state, restore_generator, whole_number
from tinygraph.tensor import Tensor
from tinygraph.tree import flatten

Augment = Callable[[Any, np.random.Generator], Any]


class Batches:
    """Mini-batches of samples; each `for` over it is one epoch, which visits every sample once, in a new order.

    Args:
        x: an array; a tuple or dict of arrays of as many samples each; a list, or anything with a length and an
            index, of samples; any iterable of samples, which come in their own order; or a function that returns
            one, so that a generator can be had anew for each epoch. Samples are arrays, numbers, or tuples or dicts
            of them.
        y: targets; each batch is then a pair (x, y).
        batch_size: samples a batch; the last batch is smaller if they do not divide.
        shuffle: False keeps the order.
        seed: a number gives each epoch an order of its own, the same in each run; None another in each run. A
            generator is drawn from once an epoch; with a function of the epoch's number, from 0, that returns a
            generator, `seed=lambda epoch: np.random.RandomState(11 + epoch)`, come the course's own mini-batches.
        drop_last: leave out a last batch that is smaller.
        axis: along which the samples lie: 0, rows, or 1, the course's columns. In columns y has them last.
        augment: a function of (inputs, generator) that changes the inputs of each batch, as `tinygraph.data.shift`.
        prefetch: how many batches a thread prepares ahead; 0 is none.

    Raises:
        ValueError: arrays of different numbers of samples, or none; a batch size below 1.
        RuntimeError: a generator is spent after its one epoch.

    Example:
        >>> batches = Batches(np.arange(5.0), np.arange(5), batch_size=2, seed=0)
        >>> [len(x) for x, y in batches], len(batches)
        ([2, 2, 1], 3)
        >>> sorted(int(label) for x, y in batches for label in y)
        [0, 1, 2, 3, 4]
    """

    def __init__(
        self,
        x: Any,
        y: Any = None,
        *,
        batch_size: int = 32,
        shuffle: bool = True,
        seed: Seed = 0,
        drop_last: bool = False,
        axis: int = 0,
        augment: Augment | None = None,
        prefetch: int = 0,
    ) -> None:
        if not isinstance(batch_size, int | np.integer) or batch_size < 1:
            raise ValueError(f"Batches: batch_size={batch_size!r} is not a whole number of at least 1")
        if prefetch < 0:
            raise ValueError(f"Batches: prefetch={prefetch} is not a number of batches")
        self.batch_size, self.shuffle, self.drop_last, self.axis = int(batch_size), shuffle, drop_last, axis
        self.augment, self.prefetch = augment, prefetch
        self.seed = int(np.random.SeedSequence().entropy) if seed is None else seed  # type: ignore[arg-type]
        self.epoch = 0
        self._source = _source(x, y, axis)

    @property
    def samples(self) -> int | None:
        """How many samples there are; None where only going through them would tell."""
        return self._source.count

    def __len__(self) -> int:
        if self.samples is None:
            raise TypeError("Batches of an iterable have no length: nobody knows how many samples will come")
        return self.samples // self.batch_size if self.drop_last else -(-self.samples // self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        """One epoch. The next one is another, also where this is left early."""
        rng = self._generator(self.epoch)
        order = None
        if self.shuffle and self.samples is not None:
            order = rng.permutation(self.samples)
        seed = whole_number(rng) if self.augment is not None else 0
        self.epoch += 1
        batches = self._batches(order, seed)
        return prefetched(batches, self.prefetch) if self.prefetch else batches

    def _generator(self, epoch: int) -> Generator:
        if isinstance(self.seed, Generator):
            return self.seed
        return self.seed(epoch) if callable(self.seed) else np.random.default_rng([self.seed, epoch])

    def _batches(self, order: Any, seed: int) -> Iterator[Any]:
        for i, (count, batch) in enumerate(self._source.batches(order, self.batch_size)):
            if count < self.batch_size and self.drop_last:
                return
            yield batch if self.augment is None else self._augmented(batch, np.random.default_rng([seed, i]))

    def _augmented(self, batch: Any, rng: np.random.Generator) -> Any:
        if isinstance(batch, tuple):
            return (self.augment(batch[0], rng), *batch[1:])  # type: ignore[misc]
        return self.augment(batch, rng)  # type: ignore[misc]

    # --- saving

    def state_dict(self) -> dict[str, Any]:
        """Which epoch comes next, and what its order depends on; between epochs this is all there is to know."""
        state: dict[str, Any] = {"epoch": self.epoch, "batch_size": self.batch_size, "samples": self.samples}
        if isinstance(self.seed, int):
            state["seed"] = self.seed
        elif isinstance(self.seed, Generator):
            state["generator"] = generator_state(self.seed)
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on with the epoch that a `state_dict` was taken before.

        Raises:
            ValueError: it is the state of other batches: another size, seed or number of samples.
        """
        own = self.state_dict()
        faults = [
            f"{name} was {state.get(name)} and is {own.get(name)}"
            for name in ("batch_size", "samples", "seed")
            if state.get(name) != own.get(name)
        ]
        if faults or ("generator" in state) != ("generator" in own):
            raise ValueError(f"Batches: this is the state of others: {'; '.join(faults) or 'another kind of seed'}")
        self.epoch = state["epoch"]
        if isinstance(self.seed, Generator):
            restore_generator(self.seed, state["generator"])


def _source(x: Any, y: Any, axis: int) -> _Arrays | _Items | _Stream:
    """Where samples come from."""
    if y is not None or isinstance(x, np.ndarray | Tensor | tuple | dict):
        return _Arrays(x if y is None else (x, y), axis)
    if axis:
        raise ValueError(f"Batches: axis={axis} is for arrays; a {type(x).__name__} gives one sample after the other")
    if hasattr(x, "__len__") and hasattr(x, "__getitem__"):
        return _Items(x)
    if callable(x) or isinstance(x, Iterable):
        return _Stream(x)
    raise TypeError(f"Batches: a {type(x).__name__} holds no samples; an array, a list or an iterable is needed")


class _Arrays:
    """Samples along an axis of arrays."""

    def __init__(self, data: Any, axis: int) -> None:
        leaves, self._rebuild = flatten(_as_arrays(data))
        if not leaves:
            raise ValueError("Batches: no arrays were given")
        self._arrays = leaves
        self._axes = [axis if axis == 0 or k == 0 else a.ndim - 1 for k, a in enumerate(leaves)]
        for array, along in zip(leaves, self._axes, strict=True):
            if not -array.ndim <= along < array.ndim:
                raise ValueError(f"Batches: an array of shape {array.shape} has no axis {along} for the samples")
        counts = [a.shape[along] for a, along in zip(leaves, self._axes, strict=True)]
        if len(set(counts)) > 1:
            shapes = ", ".join(str(a.shape) for a in leaves)
            columns = axis == 0 and len({a.shape[-1:] for a in leaves}) == 1
            remedy = "; samples in columns take axis=1" if columns else ""
            raise ValueError(f"Batches: arrays of {' and '.join(map(str, counts))} samples, of shapes {shapes}{remedy}")
        self.count = counts[0]

    def batches(self, order: Any, size: int) -> Iterator[tuple[int, Any]]:
        for first in range(0, self.count, size):
            places = slice(first, first + size) if order is None else order[first : first + size]
            count = min(size, self.count - first)
            yield count, self._rebuild([_taken(a, places, k) for a, k in zip(self._arrays, self._axes, strict=True)])


class _Items:
    """Samples by their number."""

    def __init__(self, items: Any) -> None:
        self._items, self.count = items, len(items)

    def batches(self, order: Any, size: int) -> Iterator[tuple[int, Any]]:
        places = range(self.count) if order is None else order.tolist()
        return _collected((self._items[k] for k in places), size)


class _Stream:
    """Samples as they come."""

    count = None

    def __init__(self, samples: Any) -> None:
        self._samples, self._spent = samples, False

    def batches(self, order: Any, size: int) -> Iterator[tuple[int, Any]]:
        if self._spent:
            raise RuntimeError(
                "Batches: this generator gave its samples in the first epoch and is spent; pass the function that "
                "makes it, Batches(make), or a list"
            )
        self._spent = isinstance(self._samples, Iterator)
        return _collected(self._samples() if callable(self._samples) else self._samples, size)


def _as_arrays(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _as_arrays(part) for key, part in data.items()}
    if isinstance(data, tuple):
        return tuple(_as_arrays(part) for part in data)
    return np.asarray(data.data if isinstance(data, Tensor) else data)


def _taken(array: Any, places: Any, axis: int) -> Any:
    return array[places] if axis == 0 else array[(slice(None),) * (axis % array.ndim) + (places,)]


def _collected(samples: Iterable[Any], size: int) -> Iterator[tuple[int, Any]]:
    """Samples stacked into batches."""
    group: list[Any] = []
    for sample in samples:
        group.append(sample)
        if len(group) == size:
            yield size, _stacked(group)
            group = []
    if group:
        yield len(group), _stacked(group)


def _stacked(samples: list[Any]) -> Any:
    """One batch of the samples, in the structure of the first."""
    first = samples[0]
    if isinstance(first, dict):
        return {key: _stacked([s[key] for s in samples]) for key in first}
    if isinstance(first, tuple):
        return tuple(_stacked([s[k] for s in samples]) for k in range(len(first)))
    try:
        return np.stack([np.asarray(s) for s in samples])
    except ValueError:
        shapes = sorted({np.shape(s) for s in samples})
        raise ValueError(f"Batches: samples of different shapes {shapes} do not stack; pad them first") from None
