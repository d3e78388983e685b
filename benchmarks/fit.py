"""Whole training runs on the digits, and of a wide network: `fit` beside PyTorch's loop, a process each; float32.

The same model from the same parameters, the same mini-batches, Adam with the same schedule. A process loads the data,
trains something tiny, so that all that is imported late is there, and notes its memory; then it makes the model and
trains it: its time, and its peak memory over what it had before. Only dropout differs, which draws its own numbers. The
check trains for an epoch in float64 without it, and compares the losses.
"""

import argparse
import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from time import process_time
from typing import Any, NamedTuple

import numpy as np

from benchmarks import contestants, environment
from benchmarks.harness import SEED, Result, WrongResultError, agree
from benchmarks.profiles import Profile

ABOUT = "whole training runs by `fit` and by PyTorch's loop, and their peak memory over the start, float32"
TOLERANCE = 1e-6
TIME_LIMIT = 300


class Task(NamedTuple):
    """A model of either library's `nn`, given the probability of a drop; how it is trained, and on what."""

    make: Callable[[Any, float], Any]
    batch: int
    rate: float
    epochs: int
    shape: tuple[int, ...]  # of one sample; that of the digits, or of as many as `drawn` says of normal numbers
    drawn: int = 0


TASKS = {
    "digits, dense": Task(
        lambda nn, p: nn.Sequential(
            nn.Linear(64, 256), nn.BatchNorm1d(256), nn.ReLU(), nn.Dropout(p), nn.Linear(256, 10)
        ),
        batch=64,
        rate=4e-3,
        epochs=20,
        shape=(64,),
    ),
    "digits, convolutions": Task(
        lambda nn, p: nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 64, 3, padding=1),
            nn.BatchNorm2d(64),
            nn.ReLU(),
            nn.Flatten(),
            nn.Dropout(p),
            nn.Linear(64 * 4 * 4, 10),
        ),
        batch=64,
        rate=4e-3,
        epochs=12,
        shape=(1, 8, 8),
    ),
    "784-1024-1024-10": Task(
        lambda nn, p: nn.Sequential(
            nn.Linear(784, 1024), nn.ReLU(), nn.Linear(1024, 1024), nn.ReLU(), nn.Linear(1024, 10)
        ),
        batch=256,
        rate=1e-3,
        epochs=2,
        shape=(784,),
        drawn=2560,
    ),
}

WARM_UP = Task(lambda nn, p: nn.Linear(1, 10), batch=1, rate=1e-3, epochs=1, shape=(1,), drawn=2)


def samples(task: Task) -> tuple[np.ndarray, np.ndarray]:
    from tinygraph import data

    if task.drawn:
        rng = np.random.default_rng(SEED)
        return rng.normal(size=(task.drawn, *task.shape)), rng.integers(0, 10, task.drawn)
    train = data.split(*data.digits()).train
    return train.x.reshape(-1, *task.shape), train.y


def state_of(task: Task) -> dict[str, np.ndarray]:
    """The parameters that all begin with."""
    from tinygraph import nn

    nn.manual_seed(SEED)
    state: dict[str, np.ndarray] = task.make(nn, 0.0).state_dict()
    return state


def by_fit(task: Task, p: float, dtype: type, epochs: int) -> Callable[[], list[float]]:
    import tinygraph as tg
    from tinygraph import nn

    (x, y), state = samples(task), state_of(task)
    x = x.astype(dtype)
    how = {"batch_size": task.batch, "schedule": tg.optim.cosine(task.rate, task.epochs), "progress": False}

    def train() -> list[float]:
        model = task.make(nn, p).astype(dtype)
        model.load_state_dict(state)
        optimizer = tg.optim.Adam(model.parameters(), lr=task.rate)
        return list(tg.train.fit(model, tg.cross_entropy, optimizer, (x, y), epochs=epochs, **how)["loss"])

    return train


def orders(n: int, epochs: int) -> Iterator[np.ndarray]:
    """The order of the samples in each epoch, as `fit` takes them with its seed of 0."""
    return (np.random.default_rng([0, epoch]).permutation(n) for epoch in range(epochs))


def by_torch(task: Task, p: float, dtype: type, epochs: int, fused: bool | None = None) -> Callable[[], list[float]]:
    import torch

    (x, y), state = samples(task), {name: torch.from_numpy(np.array(a)) for name, a in state_of(task).items()}
    images, labels = torch.from_numpy(x.astype(dtype)), torch.from_numpy(y)
    cross_entropy = torch.nn.functional.cross_entropy

    def train() -> list[float]:
        model = task.make(torch.nn, p).to(images.dtype)
        model.load_state_dict(state)
        optimizer = torch.optim.Adam(model.parameters(), lr=task.rate, fused=fused)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, task.epochs)
        losses = []
        for order in orders(len(labels), epochs):
            total = 0.0
            for rows in torch.from_numpy(order).split(task.batch):
                optimizer.zero_grad()
                loss = cross_entropy(model(images[rows]), labels[rows])
                loss.backward()
                optimizer.step()
                total += loss.item() * len(rows)
            losses.append(total / len(labels))
            schedule.step()
        return losses

    return train


MAKERS: dict[str, Callable[..., Callable[[], list[float]]]] = {
    "tinygraph": by_fit,
    "torch": by_torch,
    "torch-fused": lambda *given: by_torch(*given, fused=True),
}


def main(argv: list[str]) -> int:
    """The child process: `python -m benchmarks.fit CONTESTANT TASK EPOCHS`, JSON to stdout."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fit", description=__doc__.splitlines()[0])
    parser.add_argument("contestant", choices=sorted(MAKERS))
    parser.add_argument("task", choices=sorted(TASKS))
    parser.add_argument("epochs", type=int)
    args = parser.parse_args(argv)
    contestants.restrain([args.contestant])
    environment.settle_malloc()
    MAKERS[args.contestant](WARM_UP, 0.0, np.float32, 1)()
    train = MAKERS[args.contestant](TASKS[args.task], 0.5, np.float32, args.epochs)
    environment.forget_peak()
    before, _ = environment.resident_kb()
    start = process_time()
    train()
    seconds = process_time() - start
    _, peak = environment.resident_kb()
    print(json.dumps({"seconds": seconds, "kb": peak - before}))
    return 0


class ChildError(Exception):
    """A process that did not finish; it says why."""


def _start(name: str, task: str, epochs: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.fit", name, task, str(epochs)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIME_LIMIT, check=False)
    except subprocess.TimeoutExpired:
        raise ChildError(f"not done in {TIME_LIMIT} s") from None
    if done.returncode:
        raise ChildError(done.stderr or f"killed by signal {-done.returncode}")
    found: dict[str, float] = json.loads(done.stdout)
    return found


def check(result: Result, task: Task, names: list[str]) -> list[str]:
    """Those who train as the last of them does, PyTorch where it takes part."""
    expected = None
    able = []
    for name in reversed(names):
        try:
            losses = [np.array(MAKERS[name](task, 0.0, np.float64, 1)())]
            expected = losses if expected is None else expected
            agree(losses, expected, TOLERANCE)
        except Exception as error:  # noqa: BLE001 - a peer may fail in any way, and the others still race
            result.leave_out(name, error)
        else:
            able.append(name)
    return able


def run(profile: Profile, names: Iterable[str]) -> Iterable[Result]:
    """Yield one Result for each task; the contestants take turns, in random order in each round."""
    names = [name for name in names if name in MAKERS]
    shuffle = random.Random(SEED).shuffle
    for key, task in TASKS.items():
        epochs = task.epochs if profile.fit_epochs is None else profile.fit_epochs
        result = Result("fit", key, operations=1)
        racers = check(result, task, names)
        for _ in range(profile.fit_rounds):
            shuffle(racers)
            for name in racers:
                if name in result.left_out:
                    continue
                try:
                    outcome = _start(name, key, epochs)
                except (ChildError, WrongResultError) as error:
                    result.leave_out(name, str(error))
                else:
                    result.samples.setdefault(name, []).append(outcome["seconds"])
                    result.memory.setdefault(name, []).append(outcome["kb"])
        yield result


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
