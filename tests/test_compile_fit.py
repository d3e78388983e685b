"""fit(compile=True): whole runs are those without it, to the last bit; what cannot be compiled is said once."""

import warnings
from typing import Any

import numpy as np
import pytest

import tinygraph as tg
from tinygraph import nn, optim, train

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(42, 6)), RNG.integers(0, 3, 42)
SETTINGS: dict[str, dict[str, Any]] = {
    "plainly": {},
    "clipped": {"clip_norm": 0.1, "clip_value": 0.05},
    "accumulated": {"accumulate": 2, "clip_norm": 0.5},
    "scheduled by steps": {"schedule": lambda k: 0.1 / (1 + k), "schedule_by": "step"},
    "validated": {"validation": (X, Y), "metrics": {"accuracy": train.accuracy}, "early_stopping": 1},
}


def network(dtype: Any = np.float64) -> nn.Module:
    layers = [nn.Linear(6, 8, rng=0, dtype=dtype), nn.BatchNorm1d(8, dtype=dtype), nn.ReLU()]
    return nn.Sequential(*layers, nn.Dropout(0.3, rng=1), nn.Linear(8, 3, rng=2, dtype=dtype))


def run(model: Any, optimizer: Any, data: Any = (X, Y), **settings: Any) -> Any:
    history = train.fit(
        model, tg.cross_entropy, optimizer, data, **{"epochs": 3, "batch_size": 16, "progress": False, **settings}
    )
    return model.state_dict(), optimizer.state_dict(), {k: list(history[k]) for k in history[0] if k != "seconds"}


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_runs_are_equal_to_the_bit(settings: dict[str, Any], dtype: Any) -> None:
    found = []
    for compiled in (False, True):  # a warning would be an error
        model = network(dtype)
        optimizer = optim.Adam(model.parameters(), lr=0.01)
        found.append(run(model, optimizer, (X.astype(dtype), Y), **settings, compile=compiled))
    np.testing.assert_equal(found[0], found[1])


def test_a_run_that_is_resumed(tmp_path: Any) -> None:
    whole, parts = network(), network()
    wanted = run(whole, optim.Adam(whole.parameters(), lr=0.01), epochs=4)
    optimizer = optim.Adam(parts.parameters(), lr=0.01)
    run(parts, optimizer, epochs=2, checkpoint=tmp_path / "run.npz", compile=True)
    again = network()
    optimizer = optim.Adam(again.parameters(), lr=0.01)
    found = run(again, optimizer, epochs=4, checkpoint=tmp_path / "run.npz", resume=True, compile=True)
    np.testing.assert_equal(found, wanted)


def test_a_run_that_diverges_names_the_operation() -> None:
    bad = X.copy()
    bad[20, 0] = np.nan
    states = []
    for compiled in (False, True):
        model = network()
        optimizer = optim.Adam(model.parameters(), lr=0.01)
        with pytest.raises(train.DivergenceError, match=r"linear was given NaN.*in layer 0"):
            run(model, optimizer, (bad, Y), compile=compiled)
        parameters = {name: p.data for name, p in model.named_parameters()}
        states.append((parameters, optimizer.state_dict()))
    np.testing.assert_equal(states[0], states[1])


@pytest.mark.parametrize("compiled", [False, True])
def test_running_averages_are_those_before_a_run_diverged(compiled: bool) -> None:
    bad = X.copy()
    bad[20, 0] = np.nan
    model = nn.Sequential(nn.BatchNorm1d(X.shape[1]), nn.Linear(X.shape[1], 3, rng=0), nn.BatchNorm1d(3))
    met = []

    def noted(update: Any) -> None:
        met.append([buffer.copy() for buffer in model.buffers()])

    class Noted:
        on_batch_end = staticmethod(noted)

    with pytest.raises(train.DivergenceError, match="NaN"):
        run(
            model,
            optim.SGD(model.parameters(), lr=0.01),
            (bad, Y),
            compile=compiled,
            callbacks=[Noted()],
            shuffle=False,
        )
    assert met
    np.testing.assert_equal(list(model.buffers()), met[-1])


class Cautious(nn.Module):
    """Decides by a value."""

    def __init__(self) -> None:
        self.linear = nn.Linear(6, 3, rng=0)

    def forward(self, x: Any) -> Any:
        y = self.linear(x)
        return y * 2.0 if y.data.sum() > 0 else y


def test_what_cannot_be_compiled_runs_as_it_is_and_is_said_once() -> None:
    found = []
    for compiled in (False, True):
        model = Cautious()
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            found.append(run(model, optim.SGD(model.parameters(), lr=0.1), compile=compiled))
        assert len(said) == compiled
    np.testing.assert_equal(found[0], found[1])
    assert "becomes a Python value by bool(), at" in str(said[0].message)
    assert "in Cautious" in str(said[0].message)


def test_lbfgs_runs_as_it_is() -> None:
    model = nn.Linear(6, 3, rng=0)
    with pytest.warns(UserWarning, match="L-BFGS"):
        run(model, optim.LBFGS(model.parameters()), compile=True, epochs=1)
