"""Adam and its kin: AMSGrad, AdamW, Lion."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygraph.op import Array
from tinygraph.optim.adaptive import averaged_square
from tinygraph.optim.rule import Rule, fractions, leafwise, nonnegative

Betas = tuple[float, float]


def _adam(
    g: Array, p: Array, t: Any, m: Array, v: Array, *v_max: Array, lr: float, betas: Betas, eps: float, decay: float
) -> tuple[Array, ...]:
    beta1, beta2 = betas
    m *= beta1
    m += (1 - beta1) * g
    v = averaged_square(v, g, beta2)
    largest = [np.maximum(v_max[0], v)] if v_max else []
    # lr m_hat / (sqrt(v_hat) + eps), with the bias corrections drawn out of the arrays into two numbers
    root = (1 - beta2**t) ** 0.5
    size = np.sqrt(largest[0] if largest else v)
    size += eps * root
    step = m / size
    step *= -lr * root / (1 - beta1**t)
    if decay:
        step -= (lr * decay) * p
    return step, m, v, *largest


def _adam_rule(name: str, lr: Any, betas: Betas, eps: float, amsgrad: bool, **rest: Any) -> Rule:
    beta1, beta2 = betas
    nonnegative(name, lr=lr, eps=eps, weight_decay=rest.get("weight_decay", 0.0) + rest["decay"])
    fractions(name, beta1=beta1, beta2=beta2)
    slots = {"m": 0.0, "v": 0.0, **({"v_max": 0.0} if amsgrad else {})}
    return leafwise(_adam, slots, lr=lr, betas=(beta1, beta2), eps=eps, reads_params=bool(rest["decay"]), **rest)


def adam(
    lr: Any = 1e-3,
    betas: Betas = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    amsgrad: bool = False,
    *,
    maximize: bool = False,
) -> Rule:
    """Adam: momentum over RMSprop, both corrected for their start from zero.

    m := beta1 m + (1 - beta1) dW, v := beta2 v + (1 - beta2) dW^2,
    W := W - lr m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps).

    Args:
        lr: the learning rate, or a schedule.
        betas: the weights of the past, each in [0, 1).
        eps: outside the root, after the corrections, as in the course.
        weight_decay: an L2 penalty's gradient, weight_decay W, is added to dW; `adamw` takes it apart.
        amsgrad: divide by the largest v so far.
        maximize: go uphill.

    Source: Kingma and Ba, Adam (2015), algorithm 1; Reddi, Kale and Kumar (2018), algorithm 2, for AMSGrad.

    Example:
        >>> import numpy as np
        >>> rule = adam(lr=0.1)
        >>> rule.update(np.array([4.0]), rule.init(np.array([1.0])), np.array([1.0]))[0].round(6)
        array([-0.1])
    """
    return _adam_rule("adam", lr, betas, eps, amsgrad, weight_decay=weight_decay, decay=0.0, maximize=maximize)


def amsgrad(
    lr: Any = 1e-3,
    betas: Betas = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    *,
    maximize: bool = False,
) -> Rule:
    """AMSGrad: Adam that divides by the largest v so far, so that no step grows because gradients were forgotten.

    The same as `adam(amsgrad=True)`, which tells the arguments.

    Source: Reddi, Kale and Kumar, On the convergence of Adam and beyond (2018), algorithm 2.

    Example:
        >>> import numpy as np
        >>> sorted(amsgrad().init(np.array([1.0])))
        ['m', 't', 'v', 'v_max']
    """
    return _adam_rule("amsgrad", lr, betas, eps, True, weight_decay=weight_decay, decay=0.0, maximize=maximize)


def adamw(
    lr: Any = 1e-3,
    betas: Betas = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.01,
    amsgrad: bool = False,
    *,
    maximize: bool = False,
) -> Rule:
    """Adam with weight decay apart from the gradient: W := W - lr (Adam's step + weight_decay W).

    The arguments are those of `adam`.

    Source: Loshchilov and Hutter, Decoupled weight decay regularization (2019), algorithm 2.

    Example:
        >>> import numpy as np
        >>> rule = adamw(lr=0.1, weight_decay=0.5)
        >>> rule.update(np.array([0.0]), rule.init(np.array([2.0])), np.array([2.0]))[0].round(6)
        array([-0.1])
    """
    return _adam_rule("adamw", lr, betas, eps, amsgrad, decay=weight_decay, maximize=maximize)


def _lion(g: Array, p: Array, t: Any, m: Array, *, lr: float, betas: Betas, decay: float) -> tuple[Array, Array]:
    beta1, beta2 = betas
    step = np.sign(beta1 * m + (1 - beta1) * g)
    step *= -lr
    if decay:
        step -= (lr * decay) * p
    m *= beta2
    m += (1 - beta2) * g
    return step, m


def lion(lr: Any = 1e-4, betas: Betas = (0.9, 0.99), weight_decay: float = 0.0, *, maximize: bool = False) -> Rule:
    """Lion: the sign of momentum, every number moves by lr.

    W := W - lr (sign(beta1 m + (1 - beta1) dW) + weight_decay W), then m := beta2 m + (1 - beta2) dW.

    Args:
        lr: the learning rate, or a schedule; a third to a tenth of Adam's.
        betas: the weights of the past, each in [0, 1).
        weight_decay: apart from the gradient, as in AdamW.
        maximize: go uphill.

    Source: Chen et al., Symbolic discovery of optimization algorithms (2023), algorithm 2.

    Example:
        >>> import numpy as np
        >>> rule = lion(lr=0.1)
        >>> rule.update(np.array([4.0, -1e-3]), rule.init(np.zeros(2)), np.zeros(2))[0]
        array([-0.1,  0.1])
    """
    beta1, beta2 = betas
    nonnegative("lion", lr=lr, weight_decay=weight_decay)
    fractions("lion", beta1=beta1, beta2=beta2)
    hyper: dict[str, Any] = {"betas": (beta1, beta2), "decay": weight_decay, "maximize": maximize}
    return leafwise(_lion, {"m": 0.0}, lr=lr, reads_params=bool(weight_decay), **hyper)
