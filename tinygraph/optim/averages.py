"""Exponentially weighted averages, of a series and of the weights of a network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from tinygraph.op import Array
from tinygraph.optim.parameters import flat
from tinygraph.optim.rule import fractions
from tinygraph.optim.saved import entries, restored


def exponential_average(theta: Any, beta: float, *, bias_correction: bool = False) -> Any:
    """The exponentially weighted average of a series: v_t = beta v_{t-1} + (1 - beta) theta_t, from v_0 = 0.

    It averages over about 1 / (1 - beta) of the latest. At the start it is too near to 0; `bias_correction` divides by
    1 - beta^t, t from 1.

    Args:
        theta: the series, along the first axis.
        beta: the weight of the past, in [0, 1).

    Returns:
        v_1, v_2, ... in an array of the same shape.

    Example:
        >>> exponential_average([10.0, 20.0], 0.5)
        array([ 5. , 12.5])
        >>> exponential_average([10.0, 10.0], 0.9, bias_correction=True)
        array([10., 10.])
    """
    fractions("exponential_average", beta=beta)
    theta = np.asarray(theta, dtype=float) if isinstance(theta, list | tuple) else theta
    v: Any = 0.0
    averages = []
    for t, now in enumerate(theta, start=1):
        v = beta * v + (1 - beta) * now
        averages.append(v / (1 - beta**t) if bias_correction else v)
    return np.stack(averages) if averages else theta * 1.0


class AveragedWeights:
    """An average of the values that parameters have had, to be used in their place for evaluation.

    With `decay` the exponential average, average := decay average + (1 - decay) W, which begins at the first W; with
    `bias_correction` it begins at 0 and is divided by 1 - decay^t. Without `decay` the plain mean of all values, as in
    stochastic weight averaging. `EMA` and `SWA` name the two.

    Args:
        params: Tensors, (name, Tensor) pairs, or a dict of Tensors.

    Attributes:
        updates: how many values have been averaged.

    Source: Polyak and Juditsky (1992); Izmailov et al., Averaging weights leads to wider optima (2018).

    Example:
        >>> import numpy as np
        >>> from tinygraph.tensor import Tensor
        >>> w = Tensor([0.0])
        >>> mean = AveragedWeights([w])
        >>> for value in (1.0, 2.0, 6.0):
        ...     w.data[...] = value
        ...     mean.update()
        >>> with mean.swapped():
        ...     print(w.data)
        [3.]
        >>> w.data
        array([6.])
    """

    def __init__(self, params: Any, decay: float | None = None, *, bias_correction: bool = False) -> None:
        if decay is not None:
            fractions(type(self).__name__, decay=decay)
        self.decay = decay
        self.bias_correction = bias_correction and decay is not None
        self.updates = 0
        self._params = dict(flat(params))
        self._sums = {name: np.zeros_like(p.data) for name, p in self._params.items()}

    def __repr__(self) -> str:
        count = len(self._params)
        said = [f"{count} parameter{'s' * (count != 1)}"]
        if self.decay is not None:
            said += [f"decay={self.decay:g}", *["bias_correction"] * self.bias_correction]
        return f"{type(self).__name__}({', '.join(said)}, updates={self.updates})"

    def update(self) -> None:
        """Take in the parameters as they are now: after each step of the optimizer, or each epoch."""
        self.updates += 1
        weight = 1 / self.updates
        if self.decay is not None and (self.updates > 1 or self.bias_correction):
            weight = 1 - self.decay
        for name, p in self._params.items():
            self._sums[name] += weight * (p.data - self._sums[name])

    def averages(self) -> dict[str, Array]:
        """The average of each parameter, by name; the parameters' own values before the first update."""
        if not self.updates:
            return {name: p.data.copy() for name, p in self._params.items()}
        scale = 1 - self.decay**self.updates if self.bias_correction and self.decay is not None else 1.0
        return {name: (total / scale).astype(total.dtype) for name, total in self._sums.items()}

    @contextmanager
    def swapped(self) -> Iterator[None]:
        """The parameters hold their averages inside the block, and their own values again after it."""
        own = {name: p.data.copy() for name, p in self._params.items()}
        try:
            for name, average in self.averages().items():
                self._params[name].data[...] = average
            yield
        finally:
            for name, value in own.items():
                self._params[name].data[...] = value

    def copy_to_params(self) -> None:
        """Put the averages into the parameters for good."""
        for name, average in self.averages().items():
            self._params[name].data[...] = average

    def state_dict(self) -> dict[str, Any]:
        return {"updates": self.updates, "averages": {name: total.copy() for name, total in self._sums.items()}}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on where another average of the same parameters stood; all of it is taken, or nothing."""
        saved = entries(state_dict, {"updates": 0, "averages": self._sums}, "load_state_dict")
        sums = restored(saved["averages"], self._sums, "averages")
        self.updates, self._sums = int(saved["updates"]), sums


class EMA(AveragedWeights):
    """The exponentially weighted average of parameters, as `AveragedWeights`.

    Example:
        >>> from tinygraph.tensor import Tensor
        >>> w = Tensor([1.0])
        >>> ema = EMA([w], decay=0.5)
        >>> ema.update()
        >>> w.data[...] = 3.0
        >>> ema.update()
        >>> ema.averages()
        {'0': array([2.])}
    """

    def __init__(self, params: Any, decay: float = 0.999, *, bias_correction: bool = False) -> None:
        super().__init__(params, decay, bias_correction=bias_correction)


class SWA(AveragedWeights):
    """The plain mean of the values that parameters have had, as `AveragedWeights`.

    Example:
        >>> from tinygraph.tensor import Tensor
        >>> w = Tensor([1.0])
        >>> swa = SWA([w])
        >>> swa.update()
        >>> w.data[...] = 4.0
        >>> swa.update()
        >>> swa.averages()
        {'0': array([2.5])}
    """

    def __init__(self, params: Any) -> None:
        super().__init__(params)
