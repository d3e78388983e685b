"""Recurrent layers: sequences of any length, back-propagated through time by one operation for each layer."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygraph.nn import init
from tinygraph.nn.dropout import Dropout
from tinygraph.nn.module import Module
from tinygraph.op import bare
from tinygraph.ops.recurrent import gru_steps, lstm_steps, reverse_sequence, rnn_steps
from tinygraph.ops.shape import as_array
from tinygraph.tensor import Tensor


class _Recurrent(Module):
    """What the layers below share: parameters by PyTorch's names, and the way through layers and directions."""

    _gates = 1
    _states = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        rng: init.Seed = None,
        dtype: Any = np.float64,
    ) -> None:
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.bidirectional = bias, batch_first, bidirectional
        if min(input_size, hidden_size, num_layers) < 1:
            raise ValueError(
                f"{type(self).__name__}: input_size={input_size}, hidden_size={hidden_size} and "
                f"num_layers={num_layers} must be at least 1"
            )
        rng, rows, bound = init.generator(rng), self._gates * hidden_size, 1.0 / math.sqrt(hidden_size)
        self._between = Dropout(dropout, rng=rng)
        for layer in range(num_layers):
            columns = input_size if layer == 0 else hidden_size * self._directions
            for suffix in self._suffixes(layer):
                shapes: dict[str, tuple[int, ...]] = {"weight_ih": (rows, columns), "weight_hh": (rows, hidden_size)}
                if bias:
                    shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
                for name, shape in shapes.items():
                    setattr(self, name + suffix, Tensor(init.uniform(shape, bound, rng=rng, dtype=dtype)))

    @property
    def dropout(self) -> float:
        """The probability that an output is dropped on its way to the next layer."""
        return self._between.p

    @property
    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    def _suffixes(self, layer: int) -> list[str]:
        return [f"_l{layer}", f"_l{layer}_reverse"][: self._directions]

    def _own(self, suffix: str) -> list[Any]:
        """The parameters of one layer and direction; zeros for biases that it lacks."""
        w, u = (getattr(self, name + suffix) for name in ("weight_ih", "weight_hh"))
        if not self.bias:
            return [w, u, *[np.zeros_like(bare(u), shape=u.shape[:1])] * 2]
        return [w, u, *(getattr(self, name + suffix) for name in ("bias_ih", "bias_hh"))]

    # --- what each kind of layer does

    def _steps(self, x: Any, state: list[Any], suffix: str) -> Any:
        """The states, the output first, before all steps and after each: (states, T + 1, N, H)."""
        raise NotImplementedError

    def forward(self, x: Any, state: Any = None, lengths: Any = None) -> tuple[Any, Any]:
        x = as_array(x)
        self._check(x)
        alone = x.ndim == 2
        if alone:
            x = x[:, None]
        elif self.batch_first:
            x = np.swapaxes(x, 0, 1)
        starts = self._starts(state, x, alone)
        if lengths is not None:
            lengths = self._checked_lengths(lengths, x.shape[0], x.shape[1], x)
            valid = (np.arange(x.shape[0], like=lengths)[:, None] < lengths)[:, :, None]
            x = np.where(valid, x, 0.0)  # what stands there may be anything
        finals: list[list[Any]] = []
        for layer in range(self.num_layers):
            if layer and self.training:
                x = self._between(x)
            outs = []
            for suffix in self._suffixes(layer):
                begin = [each[len(finals)] for each in starts]
                out, final = self._along(x, begin, suffix, lengths)
                outs.append(out)
                finals.append(final)
            x = outs[0] if len(outs) == 1 else np.concatenate(outs, axis=-1)
            if lengths is not None:
                x = np.where(valid, x, 0.0)
        states = tuple(np.concatenate([final[k] for final in finals]) for k in range(len(starts)))
        if alone:
            x, states = x[:, 0], tuple(s[:, 0] for s in states)
        elif self.batch_first:
            x = np.swapaxes(x, 0, 1)
        return x, states[0] if len(states) == 1 else states

    def _along(self, x: Any, begin: list[Any], suffix: str, lengths: Any) -> tuple[Any, list[Any]]:
        """One layer in one direction: its output for all steps, and the states after the last."""
        backward = suffix.endswith("_reverse")
        if backward:
            x = _turned(x, lengths)
        steps = self._steps(x, begin, suffix)
        out = steps[0, 1:]
        if lengths is None:
            final = [steps[k : k + 1, -1] for k in range(self._states)]
        else:
            samples = np.arange(x.shape[1], like=lengths)
            final = [steps[k : k + 1, lengths, samples] for k in range(self._states)]
        return (_turned(out, lengths) if backward else out), final

    # --- what is given

    def _check(self, x: Any) -> None:
        if x.ndim not in (2, 3) or x.shape[-1] != self.input_size:
            batched = "(N, T, input_size)" if self.batch_first else "(T, N, input_size)"
            raise ValueError(
                f"{type(self).__name__}: takes x of shape {batched}, or (T, input_size) for one sequence, with "
                f"input_size = {self.input_size}; got shape {x.shape}"
            )

    def _starts(self, state: Any, x: Any, alone: bool) -> list[Any]:
        """The initial states, (layers * directions, N, H) each; zeros if none are given."""
        count = self._states
        shape = (self.num_layers * self._directions, x.shape[1], self.hidden_size)
        if state is None:
            return [np.zeros_like(bare(x), shape=shape)] * count
        given = [as_array(s) for s in (state if isinstance(state, tuple | list) and count > 1 else [state])]
        wanted = (shape[0], self.hidden_size) if alone else shape
        if len(given) != count or any(s.shape != wanted for s in given):
            raise ValueError(
                f"{type(self).__name__}: the initial state is {'a pair (h0, c0), each' if count > 1 else 'h0'} of "
                f"shape {wanted}; got {', '.join(str(s.shape) for s in given)}{' alone' * (len(given) < count)}"
            )
        return [s[:, None] for s in given] if alone else given

    def _checked_lengths(self, lengths: Any, steps: int, samples: int, like: Any) -> Any:
        lengths = bare(lengths)
        if not hasattr(lengths, "dtype"):
            lengths = np.asarray(lengths, dtype=None if np.size(lengths) else np.intp, like=bare(like))
        if lengths.shape != (samples,) or lengths.dtype.kind not in "iu" or np.any((lengths < 0) | (lengths > steps)):
            raise ValueError(
                f"{type(self).__name__}: lengths are whole numbers from 0 to {steps}, one for each of {samples} "
                f"sequences; got {lengths}"
            )
        return lengths.astype(np.intp)

    def extra_repr(self) -> str:
        said = [f"{self.input_size} → {self.hidden_size}"]
        said += [f"num_layers={self.num_layers}"] * (self.num_layers > 1)
        said += [name for name in ("batch_first", "bidirectional") if getattr(self, name)]
        said += [f"dropout={self.dropout:g}"] * (self.dropout > 0) + ["bias=False"] * (not self.bias)
        return ", ".join(said)


def _turned(x: Any, lengths: Any) -> Any:
    return np.flip(x, 0) if lengths is None else reverse_sequence(x, lengths=lengths)


class RNN(_Recurrent):
    """h[t] = tanh(W_ih x[t] + b_ih + W_hh h[t-1] + b_hh), or relu in place of tanh.

    Args:
        input_size, hidden_size: numbers in x[t] and h[t].
        num_layers: each takes the outputs of the one before it.
        nonlinearity: "tanh" or "relu".
        bias: False leaves both biases out.
        batch_first: False, as in PyTorch: time is the first axis of x and of the output, (T, N, ...). True for samples
            in rows, (N, T, ...). States are (layers * directions, N, H) either way.
        dropout: the probability that a number is dropped between layers while training.
        bidirectional: a second RNN runs from the last step to the first; the output has both, one after the other.
        rng, dtype: a seed or generator, and the dtype of the parameters, which begin uniform within ±1/sqrt(H).

    The layer takes (x, h0=None, lengths=None) and returns (output, h_n): the last layer's h for all steps, and every
    layer's final one. With `lengths`, one for each sequence, outputs beyond a sequence's end are 0, its final state is
    that of its last step, its backward direction begins there, and nothing flows from the padding.

    Raises:
        ValueError: sizes below 1, another nonlinearity; x, states or lengths that do not fit.

    Example:
        >>> layer = RNN(3, 5, batch_first=True, rng=0)
        >>> output, h = layer(np.zeros((2, 4, 3)), lengths=[4, 2])
        >>> output.shape, h.shape, layer
        ((2, 4, 5), (1, 2, 5), RNN(3 → 5, batch_first))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        rng: init.Seed = None,
        dtype: Any = np.float64,
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"RNN: nonlinearity {nonlinearity!r} is not 'tanh' or 'relu'")
        self.nonlinearity = nonlinearity
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, rng=rng, dtype=dtype
        )

    def _steps(self, x: Any, state: list[Any], suffix: str) -> Any:
        w, u, b, c = self._own(suffix)
        return np.expand_dims(rnn_steps(x, state[0], w, u, b + c, relu=self.nonlinearity == "relu"), 0)


class LSTM(_Recurrent):
    """Long short-term memory: c[t] = f c[t-1] + i g, h[t] = o tanh(c[t]), with gates i, f, o and g of x[t] and h[t-1].

    i, f and o are sigmoids and g is a tanh of W_ih x[t] + b_ih + W_hh h[t-1] + b_hh, whose rows are in this order:
    i, f, g, o, as in PyTorch. Arguments are those of `RNN` but for `nonlinearity`.

    The layer takes (x, (h0, c0)=None, lengths=None) and returns (output, (h_n, c_n)).

    Source:
        S. Hochreiter and J. Schmidhuber, Long short-term memory (1997); F. Gers et al., Learning to forget (2000).

    Example:
        >>> layer = LSTM(3, 5, num_layers=2, bidirectional=True, rng=0)
        >>> output, (h, c) = layer(np.zeros((4, 2, 3)))
        >>> output.shape, h.shape, c.shape
        ((4, 2, 10), (4, 2, 5), (4, 2, 5))
    """

    _gates = 4
    _states = 2

    def _steps(self, x: Any, state: list[Any], suffix: str) -> Any:
        w, u, b, c = self._own(suffix)
        return lstm_steps(x, state[0], state[1], w, u, b + c)


class GRU(_Recurrent):
    """The gated recurrent unit: h[t] = (1 - z) n + z h[t-1], n = tanh(W_in x[t] + b_in + r (W_hn h[t-1] + b_hn)).

    r and z are sigmoids of W_ih x[t] + b_ih + W_hh h[t-1] + b_hh; rows are in the order r, z, n, as in PyTorch.
    Arguments are those of `RNN` but for `nonlinearity`; so is what it takes and returns.

    Source:
        K. Cho et al., Learning phrase representations using RNN encoder-decoder (2014).

    Example:
        >>> output, h = GRU(3, 5, rng=0)(np.zeros((4, 2, 3)))
        >>> output.shape, h.shape
        ((4, 2, 5), (1, 2, 5))
    """

    _gates = 3

    def _steps(self, x: Any, state: list[Any], suffix: str) -> Any:
        w, u, b, c = self._own(suffix)
        return np.expand_dims(gru_steps(x, state[0], w, u, b, c), 0)
