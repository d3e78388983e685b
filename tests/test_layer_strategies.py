"""The strategy of layers: all of them, in ways that their inputs fit; and what they compute passes the check."""

from typing import Any

import numpy as np
import pytest
from hypothesis import find, given, settings

import tinygraph as tg
from tinygraph import nn
from tinygraph.check import GradientError, check_grads, choose, compare_grads
from tinygraph.check import strategies as tgst
from tinygraph.check.layer_strategies import layer as drawn_layer
from tinygraph.op import bare
from tinygraph.tree import flatten


def called(layer: nn.Module) -> tuple[Any, dict[str, np.ndarray]]:
    """A layer as a function of its parameters and its input."""
    return lambda p, x: nn.functional_call(layer, p, x), {name: p.data for name, p in layer.named_parameters()}


@settings(max_examples=40)
@given(drawn=tgst.layers())
def test_gradients_of_drawn_layers_are_right(drawn: tuple[nn.Module, np.ndarray]) -> None:
    layer, x = drawn
    f, parameters = called(layer)
    for mode in ("rev", "fwd"):
        report = compare_grads(f, parameters, x, mode=mode)
        assert report.wrong == 0, f"{layer} on {x.shape}: {report}"


@settings(max_examples=15)
@given(drawn=tgst.layers())
def test_second_derivatives_of_drawn_layers_are_right(drawn: tuple[nn.Module, np.ndarray]) -> None:
    layer, x = drawn
    f, parameters = called(layer)
    report = compare_grads(f, parameters, x, order=2)
    assert report.wrong == 0, f"{layer} on {x.shape}: {report}"


def test_every_layer_is_drawn() -> None:
    kinds = {type(drawn_layer(choose.seeded(seed))[0]) for seed in range(1500)}
    layers = {v for v in vars(nn).values() if isinstance(v, type) and issubclass(v, nn.Module)}
    never = {k.__name__ for k in layers - kinds if k.__module__ in OURS}
    assert never == {"Module", "Sequential", "Dropout2d", "TransformerDecoder", "TransformerDecoderLayer"}


OURS = {f"tinygraph.nn.{name}" for name in ("module", "containers", "linear", "activations", "convolution", "pooling")}
OURS |= {f"tinygraph.nn.{name}" for name in ("normalization", "dropout", "embedding", "reshaping")}
OURS |= {f"tinygraph.nn.{name}" for name in ("recurrent", "cells", "attention", "positions", "transformer")}


def test_drawn_inputs_are_read_only_and_fit() -> None:
    for seed in range(100):
        layer, x = drawn_layer(choose.seeded(seed))
        assert not x.flags.writeable
        assert all(np.all(np.isfinite(bare(y))) for y in flatten(layer(x))[0])


def test_drawn_layers_shrink_to_the_simplest() -> None:
    layer, x = find(tgst.layers(), lambda drawn: isinstance(drawn[0], nn.Linear))
    assert (repr(layer), x.shape) == ("Linear(1 → 1)", (1,))


def test_a_wrong_rule_under_a_drawn_layer_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    right = tg.relu.vjps[0]
    monkeypatch.setattr(tg.relu, "vjps", [lambda g, ans, x: 1.001 * right(g, ans, x)])
    layer, x = find(tgst.layers(), lambda drawn: isinstance(drawn[0], nn.ReLU) and np.any(drawn[1] > 0))
    with pytest.raises(GradientError):
        check_grads(layer, x)
