"""Modules made of modules."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tinygraph.nn.module import Module


class Sequential(Module):
    """Layers one after another: f_n(... f_2(f_1(x))).

    Args:
        layers: modules, or any functions of one array, as `np.tanh`; or one dict of them by name.

    Raises:
        TypeError: a layer that cannot be called, or a class in place of a layer.

    Example:
        >>> import numpy as np
        >>> from tinygraph import nn
        >>> model = nn.Sequential(nn.Linear(4, 3), np.tanh, nn.Linear(3, 1))
        >>> model(np.zeros((2, 4))).shape, len(model), [name for name, _ in model.named_parameters()]
        ((2, 1), 3, ['0.weight', '0.bias', '2.weight', '2.bias'])
    """

    def __init__(self, *layers: Callable[..., Any] | Mapping[str, Callable[..., Any]]) -> None:
        named = layers[0] if len(layers) == 1 and isinstance(layers[0], Mapping) else None
        self._layers: dict[str, Any] = {}
        for i, (name, layer) in enumerate(named.items() if named is not None else enumerate(layers)):
            self._add(str(name), layer, i)

    def _add(self, name: str, layer: Any, i: int) -> None:
        if not callable(layer) or isinstance(layer, type):
            raise TypeError(f"Sequential: layer {i} must be a module or a function, got {_misplaced(layer)}")
        if isinstance(layer, Module):
            layer._name = layer._name or name
        self._layers[name] = layer

    def _held(self) -> Iterator[tuple[str, Any]]:
        yield from ((name, layer) for name, layer in self._layers.items() if isinstance(layer, Module))
        yield from super()._held()

    def forward(self, x: Any) -> Any:
        for i, layer in enumerate(self._layers.values()):
            if isinstance(x, tuple) and _takes_arrays(layer):
                raise TypeError(
                    f"Sequential: layer {i}, {type(layer).__name__}, takes one array, and what stands before it gives "
                    f"{len(x)}, as recurrent layers and attention do; put a function between them: lambda out: out[0]"
                )
            x = layer(x)
        return x

    def append(self, layer: Callable[..., Any]) -> Sequential:
        """Put one more layer at the end."""
        self._add(str(len(self._layers)), layer, len(self._layers))
        return self

    def __len__(self) -> int:
        return len(self._layers)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._layers.values())

    def __getitem__(self, i: int | slice) -> Any:
        layers = list(self._layers.values())
        return Sequential(*layers[i]) if isinstance(i, slice) else layers[i]

    def __repr__(self) -> str:
        lines = [f"({name}): " + _said(layer).replace("\n", "\n  ") for name, layer in self._layers.items()]
        return "\n  ".join(["Sequential(", *lines]) + "\n)" if lines else "Sequential()"


def _takes_arrays(layer: Any) -> bool:
    """Whether it is a layer of this package; a module of the user's may take what it likes."""
    return type(layer).__module__.startswith("tinygraph.") and not isinstance(layer, Sequential)


def _misplaced(layer: Any) -> str:
    """What cannot be a layer, and what to write in its place."""
    if isinstance(layer, type):
        return f"the class {layer.__name__}; make one: {layer.__name__}(...)"
    return "a list; unpack it: Sequential(*layers)" if isinstance(layer, list | tuple) else f"{layer!s:.80}"


def _said(layer: Any) -> str:
    return repr(layer) if isinstance(layer, Module) else getattr(layer, "__name__", repr(layer))
