"""What compiling costs: the first call, which records and simplifies, and the making of the fast program, on the third.

`python -m benchmarks.compiling`: chains `x = tanh(x*w + w) - w` of more and more operations, with their gradients too,
and training steps of dense networks with Adam. One process, one thread, by its process time.
"""

import argparse
import gc
import sys
from collections.abc import Callable, Iterator
from time import process_time
from typing import Any, NamedTuple

import numpy as np

from benchmarks import mlp
from benchmarks.harness import Quartiles
from benchmarks.profiles import PROFILES, Profile

LONGEST = 10_000
NETWORKS = ((64, 64, 10), (784, 128, 64, 10))
BATCH = 64


class Cost(NamedTuple):
    """Milliseconds of the first call, and of the third."""

    recorded: Quartiles
    rendered: Quartiles


def chain(operations: int, gradients: bool) -> Callable[[], Any]:
    """A fresh compiled chain and its call; its gradients are twice as many operations more."""
    import tinygraph as tg

    def f(x: Any, w: Any) -> Any:
        for _ in range(operations // 13 if gradients else operations // 4):
            x = np.tanh(x * w + w) - w
        return x.sum() if gradients else x

    compiled = tg.compile(tg.grad(f, argnums=(0, 1)) if gradients else f, strict=True)
    x, w = np.linspace(-1.0, 1.0, 8), np.full(8, 0.5)
    return lambda: compiled(x, w)


def cases(profile: Profile) -> Iterator[tuple[str, Callable[[], Callable[[], Any]]]]:
    """What is compiled, and how it is made anew."""
    sizes = [100] if profile is PROFILES["tiny"] else [100, 1_000, LONGEST]
    for n in sizes:
        yield f"chain of {n:,} operations", lambda n=n: chain(n, False)
        yield f"chain and gradients, {n:,} operations", lambda n=n: chain(n, True)
    for network in NETWORKS[: len(sizes)]:
        title = "-".join(map(str, network))
        yield f"step of {title}", lambda n=network: mlp.tinygraph_whole_step(mlp.make_task(n, BATCH))[0]


def measured(make: Callable[[], Callable[[], Any]], rounds: int) -> Cost:
    """Each round compiles another function of the same kind."""
    samples = []
    for _ in range(rounds):
        run, took = make(), []
        gc.collect()
        for _ in range(3):
            start = process_time()
            run()
            took.append(1e3 * (process_time() - start))
        samples.append(took)
    first, _, third = zip(*samples, strict=True)
    return Cost(Quartiles.of(first), Quartiles.of(third))


def cell(q: Quartiles) -> str:
    return f"{q.median:,.1f} [{q.low:,.1f}, {q.high:,.1f}]"


def main(argv: list[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compiling", description=__doc__.splitlines()[0])
    parser.add_argument("--profile", choices=PROFILES, default="quick")
    profile = PROFILES[parser.parse_args(argv).profile]
    print(f"{'milliseconds, medians with quartiles':<40}{'first call':>28}{'fast program':>28}")
    for title, make in cases(profile):
        cost = measured(make, profile.rounds)
        print(f"{title:<40}{cell(cost.recorded):>28}{cell(cost.rendered):>28}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
