"""The optimizers by PyTorch's names: each is `Optimizer` with one rule, which tells its formula and arguments."""

from __future__ import annotations

from typing import Any

from tinygraph.optim.adam import Betas, adam, adamw, amsgrad, lion
from tinygraph.optim.adaptive import adadelta, adagrad, rmsprop
from tinygraph.optim.descent import momentum, sgd
from tinygraph.optim.optimizer import Optimizer


class SGD(Optimizer):
    """Gradient descent, with momentum in the common form, as `sgd`: W := W - lr dW.

    Example:
        >>> from tinygraph.tensor import Tensor
        >>> w = Tensor([1.0])
        >>> opt = SGD([w], lr=0.1)
        >>> (w * w).sum().backward()
        >>> opt.step()
        >>> w.data
        array([0.8])
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        hyper = {"lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay}
        super().__init__(params, sgd, **hyper, nesterov=nesterov, maximize=maximize)


class Momentum(Optimizer):
    """Momentum as in the course, as `momentum`: v := beta v + (1 - beta) dW, W := W - lr v.

    Example:
        >>> from tinygraph.tensor import Tensor
        >>> w = Tensor([1.0])
        >>> opt = Momentum([w], lr=0.1, beta=0.9)
        >>> (w * w).sum().backward()
        >>> opt.step()
        >>> w.data
        array([0.98])
    """

    def __init__(
        self, params: Any, lr: Any = 0.01, beta: float = 0.9, weight_decay: float = 0.0, *, maximize: bool = False
    ) -> None:
        super().__init__(params, momentum, lr=lr, beta=beta, weight_decay=weight_decay, maximize=maximize)


class RMSprop(Optimizer):
    """RMSprop, as `rmsprop`: s := alpha s + (1 - alpha) dW^2, W := W - lr dW / (sqrt(s) + eps).

    Example:
        >>> from tinygraph.tensor import Tensor
        >>> w = Tensor([1.0])
        >>> opt = RMSprop([w], lr=0.1, alpha=0.75)
        >>> (w * w).sum().backward()
        >>> opt.step()
        >>> w.data.round(6)
        array([0.8])
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 0.01,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        hyper = {"lr": lr, "alpha": alpha, "eps": eps, "weight_decay": weight_decay, "momentum": momentum}
        super().__init__(params, rmsprop, **hyper, centered=centered, maximize=maximize)


class Adagrad(Optimizer):
    """Adagrad, as `adagrad`: s := s + dW^2, W := W - lr dW / (sqrt(s) + eps).

    Example:
        >>> from tinygraph.tensor import Tensor
        >>> w = Tensor([1.0])
        >>> opt = Adagrad([w], lr=0.1)
        >>> (w * w).sum().backward()
        >>> opt.step()
        >>> w.data.round(6)
        array([0.9])
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 0.01,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
        *,
        maximize: bool = False,
    ) -> None:
        hyper = {"lr": lr, "lr_decay": lr_decay, "weight_decay": weight_decay, "eps": eps, "maximize": maximize}
        super().__init__(params, adagrad, initial_accumulator_value=initial_accumulator_value, **hyper)


class Adadelta(Optimizer):
    """Adadelta, as `adadelta`: steps of the size of past steps.

    Example:
        >>> from tinygraph.tensor import Tensor
        >>> w = Tensor([1.0])
        >>> opt = Adadelta([w], rho=0.75)
        >>> (w * w).sum().backward()
        >>> opt.step()
        >>> w.data.round(6)
        array([0.998])
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, adadelta, lr=lr, rho=rho, eps=eps, weight_decay=weight_decay, maximize=maximize)


class Adam(Optimizer):
    """Adam, as `adam`: W := W - lr m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps).

    Example:
        >>> from tinygraph.tensor import Tensor
        >>> w = Tensor([1.0])
        >>> opt = Adam([w], lr=0.1)
        >>> (w * w).sum().backward()
        >>> opt.step()
        >>> w.data.round(6)
        array([0.9])
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: Betas = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        hyper = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, adam, **hyper, amsgrad=amsgrad, maximize=maximize)


class AMSGrad(Optimizer):
    """AMSGrad, as `amsgrad`: Adam that divides by the largest v so far.

    Example:
        >>> from tinygraph.tensor import Tensor
        >>> w = Tensor([1.0])
        >>> opt = AMSGrad([w], lr=0.1)
        >>> (w * w).sum().backward()
        >>> opt.step()
        >>> w.data.round(6)
        array([0.9])
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: Betas = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, amsgrad, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, maximize=maximize)


class AdamW(Optimizer):
    """Adam with weight decay apart from the gradient, as `adamw`.

    Example:
        >>> from tinygraph.tensor import Tensor
        >>> w = Tensor([1.0])
        >>> opt = AdamW([w], lr=0.1, weight_decay=0.5)
        >>> (w * w).sum().backward()
        >>> opt.step()
        >>> w.data.round(6)
        array([0.85])
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: Betas = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        hyper = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, adamw, **hyper, amsgrad=amsgrad, maximize=maximize)


class Lion(Optimizer):
    """Lion, as `lion`: every number moves by lr, in the direction of momentum's sign.

    Example:
        >>> from tinygraph.tensor import Tensor
        >>> w = Tensor([1.0])
        >>> opt = Lion([w], lr=0.1)
        >>> (w * w).sum().backward()
        >>> opt.step()
        >>> w.data
        array([0.9])
    """

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-4,
        betas: Betas = (0.9, 0.99),
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lion, lr=lr, betas=betas, weight_decay=weight_decay, maximize=maximize)
