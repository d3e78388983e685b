"""Dropout: numbers left out at random while training."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygraph.nn import init
from tinygraph.nn.module import Module
from tinygraph.ops.nn import dropout


class _Dropout(Module):
    """What the layers below share: a probability and a generator."""

    def __init__(self, p: float | None = None, *, keep_prob: float | None = None, rng: init.Seed = None) -> None:
        self.keep_prob = _kept(type(self).__name__, p, keep_prob)
        self.rng = init.kept(rng)

    @property
    def p(self) -> float:
        """The probability that a number is dropped."""
        return 1.0 - self.keep_prob

    @p.setter
    def p(self, p: float) -> None:
        self.keep_prob = _kept(type(self).__name__, p, None)

    def _dropped(self, x: Any, shape: tuple[int, ...]) -> Any:
        """x under a mask of this shape; x itself in evaluation."""
        if not self.training or self.keep_prob == 1.0:
            return x
        mask = init.drawing(self.rng).random(shape) < self.keep_prob
        return dropout(x, mask=mask, keep_prob=self.keep_prob)

    def extra_repr(self) -> str:
        return f"keep_prob={self.keep_prob:.6g}"


class Dropout(_Dropout):
    """x * mask / keep_prob while training, x itself in evaluation: inverted dropout, which keeps the expectation.

    Args:
        p: the probability that a number is dropped, as in PyTorch; 0.5 if nothing is given.
        keep_prob: the probability that it is kept, as in the course (course 2, week 1); in place of p.
        rng: a seed or a generator, from which every call draws anew; None draws from the common one, that
            `nn.manual_seed` seeds. With `np.random.RandomState(seed)` the masks are those of the course's exercises.

    Raises:
        ValueError: p and keep_prob both, or a number that is no probability.

    Source:
        Srivastava et al., Dropout: a simple way to prevent neural networks from overfitting (2014).

    Example:
        >>> layer = Dropout(keep_prob=0.8, rng=0)
        >>> layer(np.ones(5)), layer.eval()(np.ones(5))
        (array([1.25, 1.25, 1.25, 1.25, 0.  ]), array([1., 1., 1., 1., 1.]))
    """

    def forward(self, x: Any) -> Any:
        return self._dropped(x, np.shape(x))


class Dropout2d(_Dropout):
    """Dropout of whole channels: in x of shape (N, C, ...) each channel of a sample is kept or dropped as one.

    Args:
        p, keep_prob, rng: as in `Dropout`.

    Raises:
        ValueError: as `Dropout`; an x of fewer than three axes.

    Source:
        Tompson et al., Efficient object localization using convolutional networks (2015).

    Example:
        >>> Dropout2d(0.5, rng=0)(np.ones((1, 3, 1, 2)))[0, :, 0]
        array([[0., 0.],
               [2., 2.],
               [2., 2.]])
    """

    def forward(self, x: Any) -> Any:
        shape = np.shape(x)
        if len(shape) < 3:
            raise ValueError(f"{self}: takes x of shape (N, C, ...), three axes or more; got shape {shape}")
        return self._dropped(x, (*shape[:2], *(1,) * (len(shape) - 2)))


def _kept(name: str, p: float | None, keep_prob: float | None) -> float:
    if p is not None and keep_prob is not None:
        raise ValueError(f"{name}: give p, what is dropped, or keep_prob, what is kept, not both")
    if p is not None and not 0.0 <= p <= 1.0:
        raise ValueError(f"{name}: p={p} is no probability")
    if keep_prob is not None and not 0.0 <= keep_prob <= 1.0:
        raise ValueError(f"{name}: keep_prob={keep_prob} is no probability")
    return keep_prob if keep_prob is not None else 1.0 - (0.5 if p is None else p)
