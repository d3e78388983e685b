"""Activations as layers: the functions of the table, to be put into a `Sequential`."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygraph.nn.module import Module
from tinygraph.ops import activation, exponential
from tinygraph.ops.shape import as_array
from tinygraph.tensor import Tensor


class Sigmoid(Module):
    """1 / (1 + exp(-x)).

    Example:
        >>> Sigmoid()(np.array([0.0, 1000.0]))
        array([0.5, 1. ])
    """

    def forward(self, x: Any) -> Any:
        return activation.sigmoid(x)


class Tanh(Module):
    """The hyperbolic tangent.

    Example:
        >>> Tanh()(np.array([0.0, 1000.0]))
        array([0., 1.])
    """

    def forward(self, x: Any) -> Any:
        return np.tanh(x)


class ReLU(Module):
    """max(0, x).

    Example:
        >>> ReLU()(np.array([-1.0, 2.0]))
        array([0., 2.])
    """

    def forward(self, x: Any) -> Any:
        return activation.relu(x)


class ReLU6(Module):
    """min(max(0, x), 6).

    Example:
        >>> ReLU6()(np.array([-1.0, 8.0]))
        array([0., 6.])
    """

    def forward(self, x: Any) -> Any:
        return activation.relu6(x)


class LeakyReLU(Module):
    """x where x > 0, else negative_slope * x.

    Example:
        >>> LeakyReLU(0.1)(np.array([-1.0, 2.0]))
        array([-0.1,  2. ])
    """

    def __init__(self, negative_slope: float = 0.01) -> None:
        self.negative_slope = negative_slope

    def forward(self, x: Any) -> Any:
        return activation.leaky_relu(x, negative_slope=self.negative_slope)

    def extra_repr(self) -> str:
        return f"{self.negative_slope}"


class PReLU(Module):
    """x where x > 0, else weight * x, where the slope is learned: He et al. (2015).

    Args:
        num_parameters: 1 for one slope, or the number of channels, which lie along axis 1, for a slope of each.
        init: the slope to begin with.

    Raises:
        ValueError: an input with another number of channels.

    Example:
        >>> PReLU()(np.array([-2.0, 2.0])).numpy()
        array([-0.5,  2. ])
    """

    def __init__(self, num_parameters: int = 1, init: float = 0.25, *, dtype: Any = np.float64) -> None:
        self.num_parameters = num_parameters
        self.weight = Tensor(np.full(num_parameters, init, dtype))

    def forward(self, x: Any) -> Any:
        if self.num_parameters == 1:
            return activation.prelu(x, self.weight)
        shape = np.shape(x)
        if len(shape) < 2 or shape[1] != self.num_parameters:
            raise ValueError(f"PReLU of {self.num_parameters} channels takes x of (N, C, ...), got shape {shape}")
        return activation.prelu(x, self.weight.reshape(-1, *(1,) * (len(shape) - 2)))

    def extra_repr(self) -> str:
        return f"{self.num_parameters}"


class ELU(Module):
    """x where x > 0, else alpha * (exp(x) - 1).

    Example:
        >>> ELU()(np.array([-1.0, 2.0])).round(4)
        array([-0.6321,  2.    ])
    """

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha

    def forward(self, x: Any) -> Any:
        return activation.elu(x, alpha=self.alpha)

    def extra_repr(self) -> str:
        return f"{self.alpha}"


class SELU(Module):
    """1.0507 * elu(x, alpha=1.6733); weights should begin as `init.lecun_normal`.

    Example:
        >>> SELU()(np.array([-1.0, 2.0])).round(4)
        array([-1.1113,  2.1014])
    """

    def forward(self, x: Any) -> Any:
        return activation.selu(x)


class GELU(Module):
    """x Φ(x), with the normal distribution function Φ; or its approximation by tanh, which is faster.

    Raises:
        ValueError: `approximate` is neither "none" nor "tanh".

    Example:
        >>> GELU()(np.array([-1.0, 2.0])).round(4), GELU("tanh")(np.array([-1.0, 2.0])).round(4)
        (array([-0.1587,  1.9545]), array([-0.1588,  1.9546]))
    """

    def __init__(self, approximate: str = "none") -> None:
        activation.gelu(0.0, approximate)  # a wrong word is told of here
        self.approximate = approximate

    def forward(self, x: Any) -> Any:
        return activation.gelu(x, self.approximate)

    def extra_repr(self) -> str:
        return "" if self.approximate == "none" else repr(self.approximate)


class SiLU(Module):
    """x * sigmoid(x), also called swish.

    Example:
        >>> SiLU()(np.array([-1.0, 2.0])).round(4)
        array([-0.2689,  1.7616])
    """

    def forward(self, x: Any) -> Any:
        return activation.silu(x)


class Mish(Module):
    """x * tanh(softplus(x)).

    Example:
        >>> Mish()(np.array([-1.0, 2.0])).round(4)
        array([-0.3034,  1.944 ])
    """

    def forward(self, x: Any) -> Any:
        return activation.mish(x)


class Softplus(Module):
    """ln(1 + exp(beta * x)) / beta, a smooth relu.

    Example:
        >>> Softplus()(np.array([0.0, 1000.0])).round(4)
        array([6.931e-01, 1.000e+03])
    """

    def __init__(self, beta: float = 1.0) -> None:
        self.beta = beta

    def forward(self, x: Any) -> Any:
        return activation.softplus(x) if self.beta == 1.0 else activation.softplus(as_array(x) * self.beta) / self.beta

    def extra_repr(self) -> str:
        return "" if self.beta == 1.0 else f"beta={self.beta}"


class Softsign(Module):
    """x / (1 + |x|).

    Example:
        >>> Softsign()(np.array([-1.0, 3.0]))
        array([-0.5 ,  0.75])
    """

    def forward(self, x: Any) -> Any:
        return activation.softsign(x)


class Hardtanh(Module):
    """x, but no less than min_val and no more than max_val.

    Example:
        >>> Hardtanh()(np.array([-3.0, 0.5]))
        array([-1. ,  0.5])
    """

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0) -> None:
        self.min_val, self.max_val = min_val, max_val

    def forward(self, x: Any) -> Any:
        return activation.hard_tanh(x, min_val=self.min_val, max_val=self.max_val)

    def extra_repr(self) -> str:
        return f"{self.min_val}, {self.max_val}"


class Hardsigmoid(Module):
    """relu6(x + 3) / 6.

    Example:
        >>> Hardsigmoid()(np.array([-3.0, 0.0]))
        array([0. , 0.5])
    """

    def forward(self, x: Any) -> Any:
        return activation.hard_sigmoid(x)


class Hardswish(Module):
    """x * relu6(x + 3) / 6.

    Example:
        >>> Hardswish()(np.array([0.0, 4.0]))
        array([0., 4.])
    """

    def forward(self, x: Any) -> Any:
        return activation.hard_swish(x)


class LogSigmoid(Module):
    """ln sigmoid(x).

    Example:
        >>> LogSigmoid()(np.array([-1000.0]))
        array([-1000.])
    """

    def forward(self, x: Any) -> Any:
        return activation.log_sigmoid(x)


class Softmax(Module):
    """exp(x) / sum(exp(x)) along an axis, the last by default; PyTorch's `dim`.

    Example:
        >>> Softmax()(np.array([0.0, 0.0]))
        array([0.5, 0.5])
    """

    def __init__(self, axis: int = -1) -> None:
        self.axis = axis

    def forward(self, x: Any) -> Any:
        return exponential.softmax(x, axis=self.axis)

    def extra_repr(self) -> str:
        return f"axis={self.axis}"


class LogSoftmax(Module):
    """ln softmax(x) along an axis, the last by default; PyTorch's `dim`.

    Example:
        >>> LogSoftmax()(np.array([0.0, 1000.0]))
        array([-1000.,     0.])
    """

    def __init__(self, axis: int = -1) -> None:
        self.axis = axis

    def forward(self, x: Any) -> Any:
        return exponential.log_softmax(x, axis=self.axis)

    def extra_repr(self) -> str:
        return f"axis={self.axis}"
