"""Rules that divide by the size of past gradients: Adagrad, Adadelta, RMSprop."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygraph.op import Array
from tinygraph.optim.rule import Rule, fractions, leafwise, nonnegative


def averaged_square(s: Array, g: Array, beta: float) -> Array:
    """s := beta s + (1 - beta) g^2, in place."""
    s *= beta
    square = g * g
    square *= 1 - beta
    s += square
    return s


def _rmsprop(
    g: Array,
    p: Array,
    t: Any,
    s: Array,
    *more: Array,
    lr: float,
    alpha: float,
    eps: float,
    momentum: float,
    centered: bool,
) -> tuple[Array, ...]:
    s = averaged_square(s, g, alpha)
    after, spread = [s], s
    if centered:
        mean = more[0]
        mean *= alpha
        mean += (1 - alpha) * g
        after.append(mean)
        spread = np.maximum(s - mean * mean, 0.0)  # a variance; rounding may take it below 0
    size = np.sqrt(spread)
    size += eps
    step = g / size
    if momentum:
        v = more[-1]
        v *= momentum
        v += step
        after.append(v)
        step = v
    return -lr * step, *after


def rmsprop(
    lr: Any = 0.01,
    alpha: float = 0.99,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    momentum: float = 0.0,
    centered: bool = False,
    *,
    maximize: bool = False,
) -> Rule:
    """RMSprop: s := alpha s + (1 - alpha) dW^2, W := W - lr dW / (sqrt(s) + eps).

    `centered` takes the gradients' variance for s: s - mean^2, with mean := alpha mean + (1 - alpha) dW. With
    `momentum`, v := momentum v + dW / (sqrt(s) + eps) and W := W - lr v.

    Args:
        lr: the learning rate, or a schedule.
        alpha: the weight of the past, in [0, 1); the course's beta2.
        eps: outside the root, as in the course.
        weight_decay: an L2 penalty's gradient, weight_decay W, is added to dW.
        maximize: go uphill.

    Source: Tieleman and Hinton, lecture 6.5 (2012); Graves (2013) for the centered form.

    Example:
        >>> import numpy as np
        >>> rule = rmsprop(lr=0.1, alpha=0.75)
        >>> rule.update(np.array([4.0]), rule.init(np.array([1.0])), np.array([1.0]))[0].round(6)
        array([-0.2])
    """
    nonnegative("rmsprop", lr=lr, eps=eps, weight_decay=weight_decay, momentum=momentum)
    fractions("rmsprop", alpha=alpha)
    names = ["s", *(["mean"] if centered else []), *(["v"] if momentum else [])]
    hyper: dict[str, Any] = {"alpha": alpha, "eps": eps, "momentum": momentum, "centered": centered}
    shared: dict[str, Any] = {"weight_decay": weight_decay, "maximize": maximize}
    return leafwise(_rmsprop, dict.fromkeys(names, 0.0), lr=lr, **hyper, **shared)


def _adagrad(g: Array, p: Array, t: Any, s: Array, *, lr: float, lr_decay: float, eps: float) -> tuple[Array, Array]:
    s += g * g
    size = np.sqrt(s)
    size += eps
    step = g / size
    step *= -lr / (1 + (t - 1) * lr_decay)
    return step, s


def adagrad(
    lr: Any = 0.01,
    lr_decay: float = 0.0,
    weight_decay: float = 0.0,
    initial_accumulator_value: float = 0.0,
    eps: float = 1e-10,
    *,
    maximize: bool = False,
) -> Rule:
    """Adagrad: s := s + dW^2, W := W - lr / (1 + (t - 1) lr_decay) dW / (sqrt(s) + eps).

    Args:
        lr: the learning rate, or a schedule.
        initial_accumulator_value: what s starts from.
        weight_decay: an L2 penalty's gradient, weight_decay W, is added to dW.
        maximize: go uphill.

    Source: Duchi, Hazan and Singer, Adaptive subgradient methods (2011).

    Example:
        >>> import numpy as np
        >>> rule = adagrad(lr=0.1)
        >>> rule.update(np.array([4.0]), rule.init(np.array([1.0])), np.array([1.0]))[0].round(6)
        array([-0.1])
    """
    nonnegative("adagrad", lr=lr, lr_decay=lr_decay, weight_decay=weight_decay, eps=eps)
    nonnegative("adagrad", initial_accumulator_value=initial_accumulator_value)
    hyper: dict[str, Any] = {"lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
    return leafwise(_adagrad, {"s": initial_accumulator_value}, lr=lr, **hyper)


def _adadelta(
    g: Array, p: Array, t: Any, s: Array, travel: Array, *, lr: float, rho: float, eps: float
) -> tuple[Array, Array, Array]:
    s = averaged_square(s, g, rho)
    step = np.sqrt(travel + eps)
    step /= np.sqrt(s + eps)
    step *= g
    travel = averaged_square(travel, step, rho)
    step *= -lr
    return step, s, travel


def adadelta(
    lr: Any = 1.0, rho: float = 0.9, eps: float = 1e-6, weight_decay: float = 0.0, *, maximize: bool = False
) -> Rule:
    """Adadelta: each step has the size of past steps, in the parameter's own unit; the learning rate is 1.

    s := rho s + (1 - rho) dW^2, step = sqrt(travel + eps) / sqrt(s + eps) dW,
    travel := rho travel + (1 - rho) step^2, W := W - lr step.

    Args:
        lr: the learning rate, or a schedule.
        rho: the weight of the past, in [0, 1).
        weight_decay: an L2 penalty's gradient, weight_decay W, is added to dW.
        maximize: go uphill.

    Source: Zeiler, ADADELTA (2012), algorithm 1.

    Example:
        >>> import numpy as np
        >>> rule = adadelta(rho=0.75)
        >>> rule.update(np.array([4.0]), rule.init(np.array([1.0])), np.array([1.0]))[0].round(6)
        array([-0.002])
    """
    nonnegative("adadelta", lr=lr, eps=eps, weight_decay=weight_decay)
    fractions("adadelta", rho=rho)
    hyper: dict[str, Any] = {"rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
    return leafwise(_adadelta, {"s": 0.0, "travel": 0.0}, lr=lr, **hyper)
