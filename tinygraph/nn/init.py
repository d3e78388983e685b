"""How parameters begin: the course's initialisers and the field's, each a function of a shape."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from tinygraph.mode import MODE, tracer
from tinygraph.transforms.draws import for_examples, note

Array = np.ndarray[Any, Any]
Seed = int | np.random.Generator | np.random.RandomState | None
Initialiser = Callable[..., Array]

__all__ = [
    "bengio",
    "constant",
    "fans",
    "glorot_normal",
    "glorot_uniform",
    "he",
    "he_uniform",
    "initialiser",
    "kaiming_normal",
    "kaiming_uniform",
    "lecun_normal",
    "manual_seed",
    "normal",
    "ones",
    "orthogonal",
    "uniform",
    "xavier",
    "zeros",
]

_default = np.random.default_rng()


def manual_seed(seed: int) -> None:
    """Seed the generator that initialisers and dropout draw from where they are given none of their own.

    Example:
        >>> manual_seed(0)
        >>> first = normal((2,))
        >>> manual_seed(0)
        >>> bool((normal((2,)) == first).all())
        True
    """
    _default.bit_generator.state = np.random.default_rng(seed).bit_generator.state


def generator(rng: Seed = None) -> Any:
    """The generator that is meant: the common one, one given, or a new one with this seed.

    `np.random.RandomState(seed)` draws the numbers that `np.random.seed(seed)` gave the course's exercises.
    """
    mode = MODE.get()
    if mode is not None and mode.tracer is not None:
        mode.tracer.notice("draws random numbers", "a layer")
    if rng is None:
        return note(_default)
    return note(rng if isinstance(rng, np.random.RandomState) else np.random.default_rng(rng))


def kept(rng: Seed = None) -> Any:
    """The generator that a layer keeps to draw from; None is the common one, of which a copy of a layer has no copy."""
    return None if rng is None or rng is _default else generator(rng)


def drawing(rng: Seed = None) -> Any:
    """The generator that is meant, to draw from in a forward pass: a program that is recorded draws from it too.

    Inside a `vmap` it draws for one example or for all, or raises, as its `randomness` says.
    """
    recorder = tracer()
    if recorder is None or isinstance(rng, int):
        return for_examples(generator(rng))
    return for_examples(recorder.effects.draws(note(_default if rng is None else rng)))


def fans(shape: Sequence[int]) -> tuple[int, int]:
    """Fan-in and fan-out of a weight: how many numbers enter one output, and how many outputs one input enters.

    Weights are (outputs, inputs, *window), as the course's W[l] of shape (n[l], n[l-1]) and a convolution's kernel.

    Raises:
        ValueError: fewer than two dimensions.

    Example:
        >>> fans((3, 5)), fans((16, 8, 3, 3))
        ((5, 3), (72, 144))
    """
    if len(shape) < 2:
        raise ValueError(f"fan-in and fan-out need a weight of two dimensions or more, got shape {tuple(shape)}")
    window = math.prod(shape[2:])
    return shape[1] * window, shape[0] * window


def zeros(shape: Sequence[int], *, rng: Seed = None, dtype: Any = np.float64) -> Array:
    """Zeros: right for biases; for weights symmetry is never broken (course 1, week 3)."""
    return np.zeros(shape, dtype)


def ones(shape: Sequence[int], *, rng: Seed = None, dtype: Any = np.float64) -> Array:
    """Ones: the scale of a normalisation."""
    return np.ones(shape, dtype)


def constant(value: float) -> Initialiser:
    """An initialiser that fills with one number.

    Example:
        >>> constant(0.5)((2,))
        array([0.5, 0.5])
    """

    def filled(shape: Sequence[int], *, rng: Seed = None, dtype: Any = np.float64) -> Array:
        return np.full(shape, value, dtype)

    return filled


def normal(shape: Sequence[int], std: float = 0.01, *, rng: Seed = None, dtype: Any = np.float64) -> Array:
    """Normal with mean 0 and this standard deviation: the course's randn * 0.01."""
    drawn: Array = generator(rng).standard_normal(shape) * std
    return drawn.astype(dtype, copy=False)


def uniform(shape: Sequence[int], bound: float = 0.01, *, rng: Seed = None, dtype: Any = np.float64) -> Array:
    """Uniform between -bound and bound."""
    drawn: Array = generator(rng).uniform(-bound, bound, shape)
    return drawn.astype(dtype, copy=False)


def he(shape: Sequence[int], *, rng: Seed = None, dtype: Any = np.float64) -> Array:
    """Normal with variance 2 / fan-in, for ReLU: He et al., Delving Deep into Rectifiers (2015); course 2, week 1.

    Example:
        >>> round(float(he((100, 200), rng=0).std()), 2)
        0.1
    """
    return normal(shape, math.sqrt(2.0 / max(fans(shape)[0], 1)), rng=rng, dtype=dtype)


def he_uniform(shape: Sequence[int], *, rng: Seed = None, dtype: Any = np.float64) -> Array:
    """Uniform with variance 2 / fan-in, for ReLU."""
    return uniform(shape, math.sqrt(6.0 / max(fans(shape)[0], 1)), rng=rng, dtype=dtype)


def xavier(shape: Sequence[int], *, rng: Seed = None, dtype: Any = np.float64) -> Array:
    """Normal with variance 1 / fan-in, for tanh: what the course calls Xavier; LeCun's elsewhere.

    Xavier Glorot's own, of fan-in and fan-out, is `bengio` in the course and `glorot_normal` in the field.
    """
    return normal(shape, math.sqrt(1.0 / max(fans(shape)[0], 1)), rng=rng, dtype=dtype)


def bengio(shape: Sequence[int], *, rng: Seed = None, dtype: Any = np.float64) -> Array:
    """Normal with variance 2 / (fan-in + fan-out): Glorot and Bengio (2010); course 2, week 1."""
    return normal(shape, math.sqrt(2.0 / max(sum(fans(shape)), 1)), rng=rng, dtype=dtype)


glorot_normal = bengio


def glorot_uniform(shape: Sequence[int], *, rng: Seed = None, dtype: Any = np.float64) -> Array:
    """Uniform with variance 2 / (fan-in + fan-out): Glorot and Bengio (2010), equation 16."""
    return uniform(shape, math.sqrt(6.0 / max(sum(fans(shape)), 1)), rng=rng, dtype=dtype)


def orthogonal(shape: Sequence[int], gain: float = 1.0, *, rng: Seed = None, dtype: Any = np.float64) -> Array:
    """A random matrix with orthonormal rows, or columns, times gain: Saxe et al. (2014). Lengths are kept over depth.

    Example:
        >>> w = orthogonal((2, 3), rng=0)
        >>> bool(np.allclose(w @ w.T, np.eye(2)))
        True
    """
    fans(shape)
    rows, columns = shape[0], math.prod(shape[1:])
    drawn = generator(rng).standard_normal((max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(drawn)
    q = q * np.where(np.diag(r) < 0, -1.0, 1.0)  # else the draw would not be uniform
    return (gain * (q if rows >= columns else q.T)).reshape(shape).astype(dtype, copy=False)


kaiming_normal, kaiming_uniform, lecun_normal = he, he_uniform, xavier

NAMED: dict[str, Initialiser] = {
    "bengio": bengio,
    "glorot_normal": glorot_normal,
    "glorot_uniform": glorot_uniform,
    "he": he,
    "he_uniform": he_uniform,
    "kaiming_normal": kaiming_normal,
    "kaiming_uniform": kaiming_uniform,
    "lecun_normal": lecun_normal,
    "normal": normal,
    "ones": ones,
    "orthogonal": orthogonal,
    "uniform": uniform,
    "xavier": xavier,
    "zeros": zeros,
}


def initialiser(given: Initialiser | str) -> Initialiser:
    """An initialiser by its name, or as it is.

    Raises:
        ValueError: a name that is not one of `NAMED`.
        TypeError: neither a name nor a function.

    Example:
        >>> initialiser("he") is he
        True
    """
    if callable(given):
        return given
    if not isinstance(given, str):
        raise TypeError(
            f"an initialiser is a name or a function of a shape, not a {type(given).__name__}; for numbers take "
            "init.constant, or write them to the parameter's .data"
        )
    if given not in NAMED:
        raise ValueError(f"initialiser {given!r} is not one of {', '.join(NAMED)}; or give a function of a shape")
    return NAMED[given]


class Starting(NamedTuple):
    """How the weight and the bias of a layer begin."""

    weight: Initialiser
    bias: Initialiser


def starting(weight: Initialiser | str | None, bias: Initialiser | str | None, fan_in: int) -> Starting:
    """The initialisers of a layer: those given; else PyTorch's, uniform within ±1/sqrt(fan-in), biases too."""
    usual = partial(uniform, bound=1.0 / math.sqrt(max(fan_in, 1)))
    return Starting(
        usual if weight is None else initialiser(weight),
        initialiser(bias) if bias is not None else usual if weight is None else zeros,
    )
