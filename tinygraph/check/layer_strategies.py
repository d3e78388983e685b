"""Layers in random configurations, each with an input that it takes: what the strategy `layers` draws."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

import tinygraph as tg
from tinygraph.check.choose import Array, Choose, Shape, array, frozen, pick

Drawn = tuple[Any, Array]
BESIDE_KINKS = 1.0 / 128.0  # numbers are multiples of 1/64 or more, and kinks lie at multiples too


def layer(choose: Choose) -> Drawn:
    """A layer of any kind, and an input away from its kinks."""
    return pick(choose, KINDS)(choose)


def _input(choose: Choose, *of: int) -> Array:
    """Numbers that all differ, and none of which is at a kink."""
    return frozen(array(choose, of) + BESIDE_KINKS)


def _samples(choose: Choose, most: int = 2) -> Shape:
    return tuple(1 + choose(3) for _ in range(choose(most + 1)))


def _flag(choose: Choose) -> bool:
    """True is the simpler."""
    return choose(2) == 0


def _linear(choose: Choose) -> Drawn:
    n, m = 1 + choose(3), 1 + choose(3)
    return tg.nn.Linear(n, m, bias=_flag(choose), rng=choose(100)), _input(choose, *_samples(choose), n)


def _activation(choose: Choose) -> Drawn:
    nn = tg.nn
    made = pick(
        choose,
        [
            *(nn.Identity, nn.ReLU, nn.Sigmoid, nn.Tanh, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.ELU, nn.SELU, nn.SiLU),
            *(nn.GELU, lambda: nn.GELU("tanh"), nn.Mish, nn.Softplus, nn.Softsign, nn.Hardtanh, nn.Hardsigmoid),
            *(nn.Hardswish, nn.LogSigmoid, nn.Softmax, nn.LogSoftmax),
        ],
    )()
    return made, _input(choose, *_samples(choose), 1 + choose(3))


def _convolution(choose: Choose) -> Drawn:
    axes, groups = 1 + choose(2), 1 + choose(2)
    inputs, outputs = groups * (1 + choose(2)), groups * (1 + choose(2))
    how: dict[str, Any] = {"stride": 1 + choose(2), "dilation": 1 + choose(2), "padding": choose(2), "groups": groups}
    how |= {"bias": _flag(choose), "rng": choose(100)}
    kinds = [(tg.nn.Conv1d, tg.nn.ConvTranspose1d), (tg.nn.Conv2d, tg.nn.ConvTranspose2d)]
    made = pick(choose, kinds[axes - 1])(inputs, outputs, 1 + choose(2), **how)
    return made, _input(choose, 1 + choose(2), inputs, *(3 + choose(2) for _ in range(axes)))


def _pool(choose: Choose) -> Drawn:
    nn, axes = tg.nn, 1 + choose(2)
    size, parts = 1 + choose(3), 1 + choose(2)
    how: dict[str, Any] = {"stride": pick(choose, [None, 1, 2]), "padding": choose(1 + size // 2)}
    makers: list[list[Callable[[], Any]]] = [
        [
            *(lambda: nn.MaxPool1d(size, **how), lambda: nn.AvgPool1d(size, **how)),
            *(lambda: nn.AdaptiveAvgPool1d(parts), lambda: nn.AdaptiveMaxPool1d(parts), nn.GlobalAvgPool),
        ],
        [
            *(lambda: nn.MaxPool2d(size, **how), lambda: nn.AvgPool2d(size, **how)),
            *(lambda: nn.AdaptiveAvgPool2d(parts), lambda: nn.AdaptiveMaxPool2d(parts), nn.GlobalAvgPool),
        ],
    ]
    of = (1 + choose(2), 1 + choose(2), *(3 + choose(2) for _ in range(axes)))
    return pick(choose, makers[axes - 1])(), _input(choose, *of)


def _normalization(choose: Choose) -> Drawn:
    nn, c, whole = tg.nn, 3 + choose(2), _flag(choose)
    kinds: list[tuple[Callable[[], Any], Shape]] = [
        (lambda: nn.LayerNorm(c, elementwise_affine=whole), (*_samples(choose), c)),
        (lambda: nn.RMSNorm((2, c), elementwise_affine=whole), (*_samples(choose, 1), 2, c)),
        (lambda: nn.GroupNorm(2, 4, affine=whole), (1 + choose(2), 4, 3)),
        (lambda: nn.BatchNorm1d(c, affine=whole), (3 + choose(2), c)),
        (lambda: nn.BatchNorm1d(2, affine=whole), (2, 2, 2 + choose(2))),
        (lambda: nn.BatchNorm2d(2, affine=whole), (2, 2, 1 + choose(2), 2)),
    ]
    made, of = pick(choose, kinds)
    found = made()
    found.train(_flag(choose))
    return found, _input(choose, *of)


def _embedding(choose: Choose) -> Drawn:
    """Padding is not among the indices: that it gets no gradient is no derivative."""
    n, index, padding = 2 + choose(3), _samples(choose), pick(choose, [None, 0])
    made = tg.nn.Embedding(n, 1 + choose(3), padding, rng=choose(100))
    least = 0 if padding is None else 1
    return made, frozen(
        np.array([least + choose(n - least) for _ in range(math.prod(index))], dtype=int).reshape(index)
    )


def _shaping(choose: Choose) -> Drawn:
    nn = tg.nn
    made = pick(choose, [nn.Flatten(), nn.Flatten(0, 1), nn.Unflatten(1, (2, -1)), nn.Dropout().eval()])
    return made, _input(choose, 1 + choose(2), 2, 1 + choose(3))


def _recurrent(choose: Choose) -> Drawn:
    """A sequence, or several; an RNN of relu would have kinks inside that no input keeps away from."""
    nn, n, h = tg.nn, 1 + choose(2), 1 + choose(2)
    kind, bias, rng = choose(6), _flag(choose), choose(100)
    if kind > 2:
        cell = [nn.RNNCell, nn.GRUCell, nn.LSTMCell][kind - 3](n, h, bias=bias, rng=rng)
        return cell, _input(choose, *_samples(choose, 1), n)
    how: dict[str, Any] = {"num_layers": 1 + choose(2), "batch_first": choose(2) == 1, "bidirectional": choose(2) == 1}
    made = [nn.RNN, nn.GRU, nn.LSTM][kind](n, h, bias=bias, rng=rng, **how)
    return made, _input(choose, 1 + choose(3), *_samples(choose, 1), n)


def _attention(choose: Choose) -> Drawn:
    """Attention of a sequence to itself, and what an encoder is made of; dropout is off."""
    nn, heads, first, bias, rng = tg.nn, 1 + choose(2), choose(2) == 1, _flag(choose), choose(100)
    d = 2 * heads

    def block() -> Any:
        norm_first = choose(2) == 1
        return nn.TransformerEncoderLayer(
            d, heads, 2, 0.0, "gelu", batch_first=first, norm_first=norm_first, bias=bias, rng=rng
        )

    kinds: list[Callable[[], Any]] = [
        lambda: nn.MultiheadAttention(d, heads, bias=bias, batch_first=first, rng=rng),
        lambda: nn.PositionalEncoding(d, 4, batch_first=first),
        lambda: nn.LearnedPositionalEncoding(d, 4, batch_first=first, rng=rng),
        block,
        lambda: nn.TransformerEncoder(block(), 1 + choose(2), norm=pick(choose, [None, nn.LayerNorm(d)])),
    ]
    return pick(choose, kinds)(), _input(choose, 1 + choose(3), 1 + choose(2), d)


KINDS: list[Callable[[Choose], Drawn]] = [
    _linear,
    _activation,
    _shaping,
    _embedding,
    _normalization,
    _pool,
    _convolution,
    _recurrent,
    _attention,
]
