"""Who takes part. NumPy is required, the rest optional: a peer not installed is left out, and the run says so."""

from collections.abc import Iterable
from importlib.util import find_spec
from typing import NamedTuple

from benchmarks.environment import threads, version


class Contestant(NamedTuple):
    """A label for the table, the module it needs and the distribution that has it; whether it runs only when named."""

    label: str
    module: str
    distribution: str
    on_request: bool = False


REFERENCE, SUBJECT = "numpy", "tinygraph"

CONTESTANTS = {
    "numpy": Contestant("NumPy by hand", "numpy", "numpy"),
    "tinygraph": Contestant("tinygraph", "tinygraph", "tinygraph"),
    "tinygraph-nn": Contestant("tinygraph, layers", "tinygraph", "tinygraph"),
    "tinygraph-compiled": Contestant("tinygraph, compiled", "tinygraph", "tinygraph"),
    "tinygraph-loop": Contestant("tinygraph, a Python loop", "tinygraph", "tinygraph"),
    "tinygraph-jit": Contestant("tinygraph, compiled with numba", "numba", "numba"),
    "tinygraph-direct": Contestant("tinygraph, loops by numba", "numba", "numba"),
    "tinygraph-step": Contestant("tinygraph, compiled step", "tinygraph", "tinygraph"),
    "torch": Contestant("PyTorch eager", "torch", "torch"),
    "torch-foreach": Contestant("PyTorch eager, foreach", "torch", "torch"),
    "torch-fused": Contestant("PyTorch eager, fused", "torch", "torch"),
    "torch-compiled": Contestant("PyTorch compiled, fused", "torch", "torch", on_request=True),  # a minute a model
    "autograd": Contestant("autograd", "autograd", "autograd"),
    "mygrad": Contestant("MyGrad", "mygrad", "mygrad"),
    "micrograd": Contestant("micrograd", "micrograd", "micrograd"),
    "jax": Contestant("JAX jitted", "jax", "jax"),
}

DEFAULT = [name for name, contestant in CONTESTANTS.items() if not contestant.on_request]


def label(name: str) -> str:
    """The contestant's name in a table, with its version."""
    contestant = CONTESTANTS[name]
    number = version(contestant.distribution)
    return contestant.label if number is None else f"{contestant.label} {number.split('+')[0]}"


def settle(asked: Iterable[str]) -> tuple[list[str], dict[str, str]]:
    """Sort the contestants asked for into those that can run here and, with the reason, those that cannot."""
    present: list[str] = []
    absent: dict[str, str] = {}
    for name in dict.fromkeys([REFERENCE, *asked]):
        contestant = CONTESTANTS[name]
        if find_spec(contestant.module) is None:
            absent[name] = f"not installed (pip install {contestant.distribution})"
        else:
            present.append(name)
    return present, absent


def restrain(names: Iterable[str]) -> None:
    """Set what the environment cannot: PyTorch's threads, and float64 in JAX, where the chain is float64 for all."""
    if any(CONTESTANTS[name].module == "torch" for name in names):
        import torch

        torch.set_num_threads(threads())
    if "jax" in names:
        import jax

        jax.config.update("jax_enable_x64", True)
