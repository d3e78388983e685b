"""The chain with a million operations, on 0-d arrays: time and peak memory per operation, a process for each run.

A process warms up on a short chain, notes its memory, and runs the long one once. The check compares the results of
the processes. Recursion anywhere shows itself here.
"""

import argparse
import json
import random
import subprocess
import sys
from collections.abc import Iterable
from time import process_time

import numpy as np

from benchmarks import chain, contestants, environment
from benchmarks.harness import SEED, Result, WrongResultError, agree
from benchmarks.profiles import Profile

ABOUT = "a chain of many operations on 0-d arrays, forward and backward, a process each"
TOLERANCE = 1e-9
WARM_UP_STEPS = 100
TIME_LIMIT = 300
_WHOLE = "traces and compiles the whole chain: not made for this"
NOT_HERE = {"jax": _WHOLE, "tinygraph-compiled": _WHOLE}


def main(argv: list[str]) -> int:
    """The child process: `python -m benchmarks.million CONTESTANT OPERATIONS [--mallopt]`, JSON to stdout."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.million", description=__doc__.splitlines()[0])
    parser.add_argument("contestant", choices=sorted(chain.MAKERS))
    parser.add_argument("operations", type=int)
    parser.add_argument("--mallopt", action="store_true")
    args = parser.parse_args(argv)
    if args.mallopt:
        environment.tune_malloc()
    contestants.restrain([args.contestant])
    x, w = chain.values(0)
    make = chain.MAKERS[args.contestant]
    make(x, w, WARM_UP_STEPS).run()
    entry = make(x, w, args.operations // chain.OPS_PER_STEP)
    before, _ = environment.resident_kb()
    start = process_time()
    results = entry.check()  # the run itself and, for a few more microseconds, its results
    seconds = process_time() - start
    _, peak = environment.resident_kb()
    print(json.dumps({"seconds": seconds, "kb": peak - before, "results": [float(r) for r in results]}))
    return 0


class ChildError(Exception):
    """A process that did not finish; it says why."""


def _start(name: str, operations: int, mallopt: bool) -> dict:
    command = [sys.executable, "-m", "benchmarks.million", name, str(operations), *["--mallopt"] * mallopt]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIME_LIMIT, check=False)
    except subprocess.TimeoutExpired:
        raise ChildError(f"not done in {TIME_LIMIT} s") from None
    if done.returncode < 0:
        raise ChildError(f"killed by signal {-done.returncode}")
    if done.returncode:
        raise ChildError(done.stderr)
    return json.loads(done.stdout)


def run(profile: Profile, names: Iterable[str], mallopt: bool = False) -> Iterable[Result]:
    """Yield the one Result; the contestants take turns, in random order in each round."""
    operations = profile.million_ops // chain.OPS_PER_STEP * chain.OPS_PER_STEP
    result = Result("million", f"{operations:,} operations", operations=operations)
    racers = []
    for name in names:
        if name in NOT_HERE:
            result.left_out[name] = NOT_HERE[name]
        elif name in chain.MAKERS:
            racers.append(name)
    shuffle = random.Random(SEED).shuffle
    expected = None
    for _ in range(profile.million_rounds):
        order = [name for name in racers if name not in result.left_out]
        shuffle(order)
        order.sort(key=lambda name: name != contestants.REFERENCE and expected is None)
        for name in order:
            try:
                outcome = _start(name, operations, mallopt)
                values = [np.array(v) for v in outcome["results"]]
                expected = values if expected is None else expected
                agree(values, expected, TOLERANCE)
            except ChildError as error:
                result.leave_out(name, str(error))
            except WrongResultError as error:
                result.leave_out(name, error)
            else:
                result.samples.setdefault(name, []).append(outcome["seconds"])
                result.memory.setdefault(name, []).append(outcome["kb"])
    yield result


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
