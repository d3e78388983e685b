"""A run that was broken off and resumed equals an unbroken one, bit for bit."""

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinygraph import nn, optim
from tinygraph.data import Batches, noise
from tinygraph.nn.saving import load, save
from tinygraph.train import EarlyStopping, fit

ROOT = Path(__file__).parent.parent
RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 3))
Y = np.tanh(X @ RNG.normal(size=(3, 1)))


def squared(p: Any, y: Any) -> Any:
    return ((p - y) ** 2).mean()


class Noisy(nn.Module):
    """Dropout with a generator of its own, or the common one."""

    def __init__(self, rng: Any) -> None:
        self._rng = nn.init.generator(rng)
        self.scale = np.zeros(1)

    def forward(self, x: Any) -> Any:
        if self.training:
            self.scale += 1.0  # a buffer that changes
            x = x * (self._rng.random(x.shape) < 0.8) / 0.8
        return x


RULES = {
    "adam": lambda p: optim.Adam(p, lr=0.01),
    "momentum, a schedule as lr": lambda p: optim.SGD(p, lr=lambda t: 0.1 / (1 + t), momentum=0.9),
    "two groups": lambda p: optim.AdamW([{"params": p[:1], "lr": 0.1}, {"params": p[1:]}], lr=0.01),
}


def job(
    rule: str, epochs: int, checkpoint: Path | None, *, seed: Any = 3, schedule: str = "", **options: Any
) -> tuple[Any, Any]:
    nn.manual_seed(1)
    rng = np.random.RandomState(2)
    model = nn.Sequential(nn.Linear(3, 6, rng=0), Noisy(rng), np.tanh, Noisy(None), nn.Linear(6, 1, rng=1), Noisy(rng))
    optimizer = RULES[rule](list(model.parameters()))
    batches = Batches(X[:40], Y[:40], batch_size=7, seed=seed, augment=noise(0.01), prefetch=1)
    scheduler = optim.ReduceLROnPlateau(optimizer, patience=0, threshold=0.5) if schedule == "plateau" else None
    rates = (lambda t: 0.01 / (1 + t)) if schedule == "function" else scheduler
    history = fit(
        model, squared, optimizer, batches, epochs=epochs, validation=Batches(X[40:], Y[40:], batch_size=3),
        schedule=rates, early_stopping=EarlyStopping(patience=30), checkpoint=checkpoint, resume=True, progress=False,
        **options,
    )  # fmt: skip
    return model, history


def assert_same(a: tuple[Any, Any], b: tuple[Any, Any]) -> None:
    for (name, p), (_, q) in zip(a[0].state_dict().items(), b[0].state_dict().items(), strict=True):
        assert p.tobytes() == q.tobytes(), name
    for name in a[1].columns:
        assert name == "seconds" or a[1][name].tobytes() == b[1][name].tobytes(), name
    assert a[1].best_epoch == b[1].best_epoch


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("ending", ["npz", "safetensors"])
def test_resumed_equals_unbroken(rule: str, ending: str, tmp_path: Path) -> None:
    if ending == "safetensors":
        pytest.importorskip("safetensors")
    whole = job(rule, 5, None)
    path = tmp_path / f"run.{ending}"
    for epochs in (1, 3, 5):
        broken = job(rule, epochs, path)
        assert len(broken[1]) == epochs
    assert_same(whole, broken)
    again = job(rule, 5, path)  # nothing is left to do
    assert_same(whole, again)


@pytest.mark.parametrize(
    "options",
    [
        {"schedule": "plateau"},
        {"schedule": "function"},
        {"schedule": "function", "schedule_by": "step"},
        {"accumulate": 3, "clip_norm": 0.1},
    ],
)
def test_with_schedules_and_accumulation(options: dict[str, Any], tmp_path: Path) -> None:
    whole = job("adam", 4, None, **options)
    job("adam", 2, tmp_path / "run.npz", **options)
    assert_same(whole, job("adam", 4, tmp_path / "run.npz", **options))


@pytest.mark.parametrize("seed", [lambda: np.random.RandomState(5), lambda: np.random.default_rng(5)])
def test_with_a_generator_that_orders_the_batches(seed: Any, tmp_path: Path) -> None:
    whole = job("adam", 4, None, seed=seed())
    job("adam", 2, tmp_path / "run.npz", seed=seed())
    assert_same(whole, job("adam", 4, tmp_path / "run.npz", seed=seed()))


def test_the_last_epochs_are_saved_whatever_the_interval(tmp_path: Path) -> None:
    whole = job("adam", 5, None)
    job("adam", 3, tmp_path / "run.npz", checkpoint_every=2)
    assert load(tmp_path / "run.npz")["things"]["run"]["state"]["epoch"] == 3
    assert_same(whole, job("adam", 5, tmp_path / "run.npz", checkpoint_every=2))


def test_broken_off_by_ctrl_c_in_the_middle_of_an_epoch(tmp_path: Path) -> None:
    class Press:
        def on_batch_end(self, run: Any) -> None:
            if run.step == 15:
                raise KeyboardInterrupt

    whole = job("adam", 4, None)
    broken = job("adam", 4, tmp_path / "run.npz", callbacks=[Press()])
    assert broken[1].stopped == "Ctrl-C in epoch 3"
    assert_same(whole, job("adam", 4, tmp_path / "run.npz"))


def test_a_run_that_had_stopped_early_stays_so(tmp_path: Path) -> None:
    def run(epochs: int) -> tuple[Any, Any]:
        model = nn.Linear(3, 1, rng=0)
        history = fit(
            model, squared, optim.SGD(model.parameters(), lr=2.0), (X, Y), epochs=epochs, validation=(X, Y),
            early_stopping=2, checkpoint=tmp_path / "run.npz", resume=True, progress=False,
        )  # fmt: skip
        return model, history

    first, again = run(20), run(40)
    assert len(first[1]) < 20
    assert again[1].stopped == first[1].stopped
    assert_same(first, again)


def test_without_resume_a_run_begins_anew(tmp_path: Path) -> None:
    for _ in range(2):
        model = nn.Linear(3, 1, rng=0)
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        history = fit(model, squared, optimizer, (X, Y), epochs=2, checkpoint=tmp_path / "run.npz", progress=False)
        assert len(history) == 2


def test_the_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    model = nn.Linear(3, 1, rng=0)

    def go(model: Any, optimizer: Any, data: Any = (X, Y), **options: Any) -> None:
        fit(model, squared, optimizer, data, checkpoint=path, resume=True, epochs=1, progress=False, **options)

    go(model, optim.SGD(model.parameters(), lr=0.1))
    for p in model.parameters():
        p.data += 1.0
    before = [p.data.copy() for p in model.parameters()]
    with pytest.raises(ValueError, match=r"run\.npz is the checkpoint of another run: .*SGD.*Adam"):
        go(model, optim.Adam(model.parameters()))
    with pytest.raises(ValueError, match=r"another run: .*batch_size was 32 and is 9"):
        go(model, optim.SGD(model.parameters(), lr=0.1), batch_size=9)
    with pytest.raises(ValueError, match=r"another run: .*samples was 50 and is 20"):
        go(model, optim.SGD(model.parameters(), lr=0.1), (X[:20], Y[:20]))
    with pytest.raises(ValueError, match="another run"):
        go(model, optim.SGD(model.parameters(), lr=0.1), early_stopping=EarlyStopping(monitor="loss"))
    other = nn.Linear(3, 2, rng=0)
    with pytest.raises(ValueError, match=r"another run: .*weight is of shape"):
        go(other, optim.SGD(other.parameters(), lr=0.1))
    assert all(np.array_equal(a, p.data) for a, p in zip(before, model.parameters(), strict=True))
    save(path, {"x": np.ones(2)})
    with pytest.raises(ValueError, match=r"no checkpoint of tinygraph\.train\.fit"):
        go(model, optim.SGD(model.parameters(), lr=0.1))
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(ValueError, match=r"run\.npz cannot be read"):
        go(model, optim.SGD(model.parameters(), lr=0.1))


PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from test_train_resume import job
class Tell:
    def on_fit_begin(self, run):
        print("begun", run.epoch, flush=True)
job("adam", 60, Path(sys.argv[2]), callbacks=[Tell()])
print("done", flush=True)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
def test_killed_again_and_again_and_resumed(tmp_path: Path) -> None:
    path, rng = tmp_path / "run.npz", np.random.default_rng(1)
    command = [sys.executable, "-c", PROGRAM, str(ROOT / "tests"), str(path)]
    begun: list[int] = []
    for attempt in range(20):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        assert process.stdout is not None
        begun.append(int(process.stdout.readline().split()[1]))
        if attempt < 3:
            time.sleep(rng.uniform(0.02, 0.15))
            process.kill()
        told = process.communicate()[0]
        if "done" in told:
            break
    assert "done" in told
    assert begun == sorted(begun)  # no epoch that was saved was lost
    assert begun[-1] > 0
    left = [p for p in tmp_path.iterdir() if p != path]
    assert all(p.name.startswith(".run.npz.") for p in left)  # what a kill has left half written
    assert_same(job("adam", 60, None), job("adam", 60, path))
