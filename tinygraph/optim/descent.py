"""Gradient descent and momentum."""

from __future__ import annotations

from typing import Any

from tinygraph.op import Array
from tinygraph.optim.rule import Rule, fractions, leafwise, nonnegative


def _sgd(g: Array, p: Array, t: Any, *, lr: float) -> tuple[Array]:
    return (-lr * g,)


def _with_momentum(
    g: Array, p: Array, t: Any, v: Array, *, lr: float, momentum: float, dampening: float, nesterov: bool
) -> tuple[Array, Array]:
    v *= momentum
    v += (1 - dampening * (t > 1)) * g if dampening else g  # the first gradient is taken whole
    return -lr * (g + momentum * v if nesterov else v), v


def sgd(
    lr: Any = 1e-3,
    momentum: float = 0.0,
    dampening: float = 0.0,
    weight_decay: float = 0.0,
    nesterov: bool = False,
    *,
    maximize: bool = False,
) -> Rule:
    """Gradient descent, W := W - lr dW, with momentum in the common form: v := momentum v + dW, W := W - lr v.

    With `dampening`, v := momentum v + (1 - dampening) dW from the second step on. With `nesterov`, W := W - lr (dW +
    momentum v): the gradient is looked at where momentum leads. The course's momentum is `momentum`.

    Args:
        lr: the learning rate, or a schedule.
        weight_decay: an L2 penalty's gradient, weight_decay W, is added to dW.
        maximize: go uphill.

    Source: Polyak (1964); Sutskever et al., On the importance of initialization and momentum (2013); PyTorch's form.

    Example:
        >>> import numpy as np
        >>> rule = sgd(lr=0.1)
        >>> rule.update(np.array([2.0]), rule.init(np.array([1.0])), np.array([1.0]))[0]
        array([-0.2])
    """
    nonnegative("sgd", lr=lr, momentum=momentum, weight_decay=weight_decay)
    if nesterov and (not momentum or dampening):
        raise ValueError("sgd: nesterov needs a momentum and no dampening")
    shared: dict[str, Any] = {"weight_decay": weight_decay, "maximize": maximize}
    if not momentum:
        return leafwise(_sgd, {}, lr=lr, **shared)
    hyper: dict[str, Any] = {"momentum": momentum, "dampening": dampening, "nesterov": nesterov}
    return leafwise(_with_momentum, {"v": 0.0}, lr=lr, **hyper, **shared)


def _momentum(g: Array, p: Array, t: Any, v: Array, *, lr: float, beta: float) -> tuple[Array, Array]:
    v *= beta
    v += (1 - beta) * g
    return -lr * v, v


def momentum(lr: Any = 0.01, beta: float = 0.9, weight_decay: float = 0.0, *, maximize: bool = False) -> Rule:
    """Momentum as in the course: v := beta v + (1 - beta) dW, W := W - lr v.

    v is the gradients' exponentially weighted average, so it has a gradient's size. `sgd(lr, momentum=beta)` adds them
    up instead: its steps are 1 / (1 - beta) times as long at the same learning rate.

    Args:
        lr: the learning rate, or a schedule.
        beta: the weight of the past, in [0, 1).
        weight_decay: an L2 penalty's gradient, weight_decay W, is added to dW.
        maximize: go uphill.

    Example:
        >>> import numpy as np
        >>> rule = momentum(lr=0.1, beta=0.9)
        >>> rule.update(np.array([2.0]), rule.init(np.array([1.0])), np.array([1.0]))
        (array([-0.02]), {'t': 1, 'v': array([0.2])})
    """
    nonnegative("momentum", lr=lr, weight_decay=weight_decay)
    fractions("momentum", beta=beta)
    return leafwise(_momentum, {"v": 0.0}, lr=lr, beta=beta, weight_decay=weight_decay, maximize=maximize)
