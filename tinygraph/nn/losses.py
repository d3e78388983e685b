"""Losses as modules, by PyTorch's names: each keeps the arguments of its function, which tells formula and errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygraph.nn.module import Module
from tinygraph.ops.classes import cross_entropy, nll_loss
from tinygraph.ops.entropy import binary_cross_entropy, binary_cross_entropy_with_logits, kl_div
from tinygraph.ops.loss import REDUCTIONS, checked, huber_loss, l1_loss, mse_loss, smooth_l1_loss
from tinygraph.ops.margin import cosine_embedding_loss, cosine_similarity, hinge_loss, multi_margin_loss

__all__ = [
    "BCELoss",
    "BCEWithLogitsLoss",
    "CosineEmbeddingLoss",
    "CosineSimilarity",
    "CrossEntropyLoss",
    "HingeLoss",
    "HuberLoss",
    "KLDivLoss",
    "L1Loss",
    "MSELoss",
    "MultiMarginLoss",
    "NLLLoss",
    "SmoothL1Loss",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cosine_embedding_loss",
    "cosine_similarity",
    "cross_entropy",
    "hinge_loss",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "mse_loss",
    "multi_margin_loss",
    "nll_loss",
    "smooth_l1_loss",
]


class _Loss(Module):
    """A function of predictions and targets, whose arguments are fixed; class weights are buffers."""

    function: Callable[..., Any]

    def __init__(self, **options: Any) -> None:
        if "reduction" in options:
            checked(options["reduction"], self._reductions)
        self._options = tuple(options)
        for name, value in options.items():
            setattr(self, name, np.asarray(value) if name.endswith("weight") and value is not None else value)

    _reductions: tuple[str, ...] = REDUCTIONS

    def forward(self, *arrays: Any, **given: Any) -> Any:
        """The loss; `mask=`, and what else the function takes, may be given with each call."""
        return type(self).function(*arrays, **{**self._fixed(), **given})

    def _fixed(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self._options}

    def extra_repr(self) -> str:
        given = {name: value for name, value in self._fixed().items() if value is not None}
        return ", ".join(f"{name}={value!r}" for name, value in given.items())


class MSELoss(_Loss):
    """The squared error, as `mse_loss`; with half=True the course's (a - y)^2 / 2.

    Example:
        >>> loss = MSELoss()
        >>> float(loss(np.array([1.0, 3.0]), np.array([0.0, 1.0])))
        2.5
    """

    function = staticmethod(mse_loss)

    def __init__(self, *, half: bool = False, reduction: str = "mean") -> None:
        super().__init__(half=half, reduction=reduction)


class L1Loss(_Loss):
    """The absolute error, as `l1_loss`.

    Example:
        >>> float(L1Loss()(np.array([1.0, 3.0]), np.array([0.0, 1.0])))
        1.5
    """

    function = staticmethod(l1_loss)

    def __init__(self, *, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)


class SmoothL1Loss(_Loss):
    """Squared up to beta, absolute beyond, with slope 1, as `smooth_l1_loss`.

    Example:
        >>> float(SmoothL1Loss(beta=2.0)(np.array([10.0]), np.zeros(1)))
        9.0
    """

    function = staticmethod(smooth_l1_loss)

    def __init__(self, *, beta: float = 1.0, reduction: str = "mean") -> None:
        super().__init__(beta=beta, reduction=reduction)


class HuberLoss(_Loss):
    """Squared up to delta, absolute beyond, with slope delta, as `huber_loss`.

    Example:
        >>> float(HuberLoss(delta=2.0)(np.array([10.0]), np.zeros(1)))
        18.0
    """

    function = staticmethod(huber_loss)

    def __init__(self, *, delta: float = 1.0, reduction: str = "mean") -> None:
        super().__init__(delta=delta, reduction=reduction)


class BCELoss(_Loss):
    """Binary cross entropy of probabilities, as `binary_cross_entropy`.

    Example:
        >>> float(BCELoss()(np.array([0.5]), np.array([1.0])).round(4))
        0.6931
    """

    function = staticmethod(binary_cross_entropy)

    def __init__(self, *, weight: Any = None, reduction: str = "mean") -> None:
        super().__init__(weight=weight, reduction=reduction)


class BCEWithLogitsLoss(_Loss):
    """Binary cross entropy of logits, as `binary_cross_entropy_with_logits`.

    Example:
        >>> float(BCEWithLogitsLoss()(np.array([0.0]), np.array([1.0])).round(4))
        0.6931
    """

    function = staticmethod(binary_cross_entropy_with_logits)

    def __init__(self, *, weight: Any = None, pos_weight: Any = None, reduction: str = "mean") -> None:
        super().__init__(weight=weight, pos_weight=pos_weight, reduction=reduction)


class CrossEntropyLoss(_Loss):
    """Cross entropy of logits, as `cross_entropy`: classes along `axis`, the last by default.

    Example:
        >>> float(CrossEntropyLoss(label_smoothing=0.1)(np.zeros((1, 4)), np.array([2])).round(4))
        1.3863
    """

    function = staticmethod(cross_entropy)

    def __init__(
        self,
        *,
        weight: Any = None,
        ignore_index: int = -100,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str = "mean",
    ) -> None:
        super().__init__(
            weight=weight, ignore_index=ignore_index, label_smoothing=label_smoothing, axis=axis, reduction=reduction
        )


class NLLLoss(_Loss):
    """The negative log-probability of the right class, as `nll_loss`.

    Example:
        >>> float(NLLLoss()(np.log(np.full((1, 4), 0.25)), np.array([2])).round(4))
        1.3863
    """

    function = staticmethod(nll_loss)

    def __init__(
        self, *, weight: Any = None, ignore_index: int = -100, axis: int = -1, reduction: str = "mean"
    ) -> None:
        super().__init__(weight=weight, ignore_index=ignore_index, axis=axis, reduction=reduction)


class KLDivLoss(_Loss):
    """The divergence of log-probabilities from a target, as `kl_div`.

    Example:
        >>> float(KLDivLoss(reduction="batchmean")(np.log([[0.5, 0.5]]), np.array([[1.0, 0.0]])).round(4))
        0.6931
    """

    function = staticmethod(kl_div)
    _reductions = (*REDUCTIONS, "batchmean")

    def __init__(self, *, log_target: bool = False, reduction: str = "mean") -> None:
        super().__init__(log_target=log_target, reduction=reduction)


class HingeLoss(_Loss):
    """max(0, margin - y s) for labels ±1, as `hinge_loss`.

    Example:
        >>> float(HingeLoss()(np.array([0.5]), np.array([-1.0])))
        1.5
    """

    function = staticmethod(hinge_loss)

    def __init__(self, *, margin: float = 1.0, reduction: str = "mean") -> None:
        super().__init__(margin=margin, reduction=reduction)


class MultiMarginLoss(_Loss):
    """The hinge of several classes, as `multi_margin_loss`.

    Example:
        >>> float(MultiMarginLoss()(np.array([[0.1, 0.2, 0.4, 0.8]]), np.array([3])).round(4))
        0.325
    """

    function = staticmethod(multi_margin_loss)

    def __init__(
        self, *, p: int = 1, margin: float = 1.0, weight: Any = None, axis: int = -1, reduction: str = "mean"
    ) -> None:
        super().__init__(p=p, margin=margin, weight=weight, axis=axis, reduction=reduction)


class CosineEmbeddingLoss(_Loss):
    """1 - cos for pairs that belong together, cos - margin for others, as `cosine_embedding_loss`.

    Example:
        >>> float(CosineEmbeddingLoss()(np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]]), np.array([1])))
        1.0
    """

    function = staticmethod(cosine_embedding_loss)

    def __init__(self, *, margin: float = 0.0, axis: int = -1, reduction: str = "mean") -> None:
        super().__init__(margin=margin, axis=axis, reduction=reduction)


class CosineSimilarity(_Loss):
    """The cosine of the angle between vectors along `axis`, as `cosine_similarity`.

    Example:
        >>> CosineSimilarity()(np.array([[1.0, 1.0]]), np.array([[2.0, 2.0]])).round(4)
        array([1.])
    """

    function = staticmethod(cosine_similarity)

    def __init__(self, *, axis: int = -1, eps: float = 1e-8) -> None:
        super().__init__(axis=axis, eps=eps)
