"""Saved is saved whole or not at all, comes back as it was, and others can read it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinygraph import Tensor, nn, optim
from tinygraph.nn.saving import load, replacing, save

ENDINGS = ["npz", "safetensors"]
ROOT = Path(__file__).parent.parent


@pytest.fixture(params=ENDINGS)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param == "safetensors":
        pytest.importorskip("safetensors")
    return tmp_path / f"model.{request.param}"


def same(a: Any, b: Any) -> bool:
    """Equal in structure, types, dtypes and every bit."""
    if isinstance(a, np.ndarray | np.generic):
        return type(a) is type(b) and a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, dict):
        return isinstance(b, dict) and list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and repr(a) == repr(b)


def test_a_model_comes_back(path: Path) -> None:
    model = nn.Sequential(nn.Linear(3, 4, rng=0), np.tanh, nn.Linear(4, 2, rng=1, dtype=np.float32))
    save(path, model)
    other = nn.Sequential(nn.Linear(3, 4, rng=2), np.tanh, nn.Linear(4, 2, rng=3, dtype=np.float32))
    other.load_state_dict(load(path))
    assert same(model.state_dict(), other.state_dict())


def test_nested_state_of_every_kind_comes_back(path: Path) -> None:
    opt = optim.Adam([Tensor(np.ones(3)), Tensor(1.0)], lr=0.1)
    state = {
        "model": {"0.weight": np.arange(6.0).reshape(2, 3).T, "file": np.array(2.5), "tinygraph": np.zeros(0)},
        "model.0": {"weight": np.float32([1.5])},
        "optimizer": opt.state_dict(),
        "tuple": (1, 2.5, [None, True, "→"]),
        "numbers": [0.1, -0.0, float("inf"), 2**100, np.float32(0.1), np.int8(-3)],
        "keys": {0: np.ones(1), "$array": "text", 2.5: {}},
        "bool": np.array([True, False]),
        "strided": np.arange(10, dtype=np.uint16)[::-2],
    }
    save(path, state)
    found = load(path)
    assert same(found, state)
    assert np.isnan((save(path, {"x": float("nan")}), load(path))[1]["x"])


def test_an_array_alone_and_nothing_at_all(path: Path) -> None:
    for state in (np.arange(3.0), {}, [], 3, {"a": {}}):
        save(path, state)
        assert same(load(path), state)


def test_the_same_state_gives_the_same_bytes(path: Path) -> None:
    save(path, nn.Linear(3, 2, rng=0))
    first = path.read_bytes()
    save(path, nn.Linear(3, 2, rng=0))
    assert path.read_bytes() == first


def test_numpy_reads_the_npz(tmp_path: Path) -> None:
    save(tmp_path / "m.npz", nn.Linear(3, 2, rng=0))
    with np.load(tmp_path / "m.npz", allow_pickle=False) as stored:
        assert stored.files == ["weight", "bias"]
        np.testing.assert_array_equal(stored["weight"], nn.Linear(3, 2, rng=0).weight.data)


def test_pytorch_reads_the_safetensors_and_we_read_pytorchs(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("safetensors")
    from safetensors.torch import load_file, save_file

    ours, theirs = nn.Linear(3, 2, rng=0), torch.nn.Linear(3, 2, dtype=torch.float64)
    save(tmp_path / "a.safetensors", ours)
    theirs.load_state_dict(load_file(tmp_path / "a.safetensors"))
    x = np.random.default_rng(0).normal(size=(4, 3))
    np.testing.assert_allclose(theirs(torch.tensor(x)).detach().numpy(), ours(x).data, rtol=1e-14)
    save_file(torch.nn.Linear(3, 2).double().state_dict(), tmp_path / "b.safetensors")
    ours.load_state_dict(load(tmp_path / "b.safetensors"))
    save_file({"w": torch.ones(2, dtype=torch.bfloat16)}, tmp_path / "c.safetensors")
    with pytest.raises(ValueError, match=r"c\.safetensors cannot be read.*float32"):
        load(tmp_path / "c.safetensors")


def test_damaged_files_are_named(path: Path) -> None:
    save(path, {"x": np.arange(500.0), "epoch": 3})
    whole = path.read_bytes()
    for content in (b"", b"abc", whole[:20], whole[: len(whole) // 2], whole[:-9]):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=rf"{path.name} cannot be read"):
            load(path)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=path.name):
        load(path)


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    np.savez(tmp_path / "m.npz", x=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="not unpickled"):
        load(tmp_path / "m.npz")
    (tmp_path / "p.npz").write_bytes(b"\x80\x04N.")
    with pytest.raises(ValueError, match="not unpickled"):
        load(tmp_path / "p.npz")


def test_what_cannot_be_saved_is_named_and_leaves_the_old_file(path: Path) -> None:
    save(path, {"x": np.ones(2)})
    old = path.read_bytes()
    for state, match in [
        ({"a": {"b": {1, 2}}}, "a.b is a set"),
        ({"a": np.array([None])}, "a is an array of object"),
        ({"a": [np.ones(2), 1j]}, "a.1 is a complex"),
    ]:
        with pytest.raises(TypeError, match=match):
            save(path, state)
    assert path.read_bytes() == old
    assert os.listdir(path.parent) == [path.name]
    for wrong in ("model", "model.pt", "model.npy"):
        with pytest.raises(ValueError, match=r"\.npz or \.safetensors"):
            save(path.parent / wrong, {})
        with pytest.raises(ValueError, match=r"\.npz or \.safetensors"):
            load(path.parent / wrong)


def test_text_in_safetensors_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("safetensors")
    with pytest.raises(TypeError, match="names is an array of text"):
        save(tmp_path / "m.safetensors", {"names": np.array(["a"])})


def test_without_the_library_the_remedy_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "safetensors", None)
    with pytest.raises(ModuleNotFoundError, match="pip install safetensors"):
        save(tmp_path / "m.safetensors", {"x": np.ones(1)})
    assert os.listdir(tmp_path) == []


def test_an_error_while_writing_leaves_the_old_file_alone(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"old")

    def interrupted() -> None:
        with replacing(tmp_path / "f") as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert (tmp_path / "f").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["f"]


@pytest.mark.skipif(os.name != "posix", reason="rights as on POSIX")
def test_rights_are_those_of_the_old_file_or_of_any_new_one(tmp_path: Path) -> None:
    save(tmp_path / "m.npz", {})
    (tmp_path / "plain").touch()
    assert (tmp_path / "m.npz").stat().st_mode == (tmp_path / "plain").stat().st_mode
    (tmp_path / "m.npz").chmod(0o640)
    save(tmp_path / "m.npz", {})
    assert (tmp_path / "m.npz").stat().st_mode & 0o777 == 0o640


WRITER = """
import sys, itertools, numpy as np
from tinygraph.nn.saving import save
for k in itertools.count():
    save(sys.argv[1], {"x": np.full(20_000, float(k)), "k": k})
    if not k:
        print("ready", flush=True)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
def test_a_kill_at_any_moment_leaves_a_whole_file(tmp_path: Path) -> None:
    path, rng, seen = tmp_path / "m.npz", np.random.default_rng(0), set()
    for _ in range(4):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, cwd=ROOT)
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(rng.uniform(0.0, 0.05))
        writer.kill()
        writer.communicate()
        state = load(path)
        assert np.all(state["x"] == state["k"])
        seen.add(state["k"])
    assert len(seen) > 1
