"""Mini-batches: each sample once an epoch, in an order that a seed gives; also prepared ahead by a thread."""

import gc
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tinygraph.data import Batches, compose, crop, flip, noise, shift

KINDS = {
    "array": np.arange,
    "list": lambda n: list(range(n)),
    "generator": lambda n: lambda: iter(range(n)),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("prefetch", [0, 2])
@pytest.mark.parametrize(("n", "size"), [(10, 3), (9, 3), (2, 5), (0, 4), (1, 1)])
def test_one_epoch_visits_each_sample_once(kind: str, prefetch: int, n: int, size: int) -> None:
    batches = Batches(KINDS[kind](n), batch_size=size, prefetch=prefetch)
    for _ in range(2):
        sizes = [len(batch) for batch in batches]
        assert sizes == [size] * (n // size) + [n % size] * (n % size > 0)
    assert sorted(int(k) for batch in batches for k in batch) == list(range(n))
    full = Batches(KINDS[kind](n), batch_size=size, prefetch=prefetch, drop_last=True)
    assert [len(batch) for batch in full] == [size] * (n // size)
    if kind != "generator":
        assert len(batches) == len(sizes)
        assert len(full) == n // size


def test_each_epoch_has_an_order_of_its_own_and_a_seed_repeats_them() -> None:
    first, again, other = (Batches(np.arange(50), seed=s, batch_size=50) for s in (1, 1, 2))
    epochs = [next(iter(first)).tolist() for _ in range(3)]
    assert epochs == [next(iter(again)).tolist() for _ in range(3)]
    assert len({tuple(e) for e in epochs}) == 3
    assert next(iter(other)).tolist() not in epochs
    unseeded = [next(iter(Batches(np.arange(50), seed=None, batch_size=50))).tolist() for _ in range(2)]
    assert unseeded[0] != unseeded[1]
    assert next(iter(Batches(np.arange(5), shuffle=False, batch_size=5))).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("make", [lambda: 7, lambda: np.random.default_rng(7), lambda: np.random.RandomState(7)])
def test_epochs_go_on_from_a_saved_state(make: Any) -> None:
    whole, broken = Batches(np.arange(20), seed=make()), Batches(np.arange(20), seed=make())
    expected = [next(iter(whole)).tolist() for _ in range(4)]
    next(iter(broken))
    next(iter(broken))
    state = broken.state_dict()
    next(iter(broken))
    resumed = Batches(np.arange(20), seed=make())
    resumed.load_state_dict(state)
    assert [next(iter(resumed)).tolist() for _ in range(2)] == expected[2:]


def test_the_state_of_other_batches_is_refused() -> None:
    state = Batches(np.arange(20), seed=1).state_dict()
    for other in (Batches(np.arange(21), seed=1), Batches(np.arange(20), seed=2), Batches(np.arange(20), batch_size=5)):
        with pytest.raises(ValueError, match=r"samples was 20 and is 21|seed was 1 and is|batch_size was 32 and is 5"):
            other.load_state_dict(state)
    with pytest.raises(ValueError, match="seed"):
        Batches(np.arange(20), seed=np.random.default_rng(1)).load_state_dict(state)


def test_pairs_tuples_dicts_and_samples() -> None:
    x, y = np.arange(12.0).reshape(6, 2), np.arange(6)
    for a, b in Batches(x, y, batch_size=4):
        np.testing.assert_array_equal(a[:, 0], 2.0 * b)
    for batch in Batches({"image": x, "label": y}, batch_size=4):
        np.testing.assert_array_equal(batch["image"][:, 0], 2.0 * batch["label"])
    for a, b in Batches([(x[k], y[k]) for k in range(6)], batch_size=4):
        np.testing.assert_array_equal(a[:, 0], 2.0 * b)
    samples = ({"a": row, "b": int(k)} for row, k in zip(x, y, strict=True))
    found = list(Batches(samples, batch_size=4))
    np.testing.assert_array_equal(found[1]["a"], x[4:])
    np.testing.assert_array_equal(found[1]["b"], [4, 5])


def test_a_spent_generator_says_so() -> None:
    batches = Batches((k for k in range(3)), batch_size=2)
    assert [b.tolist() for b in batches] == [[0, 1], [2]]
    with pytest.raises(RuntimeError, match="spent; pass the function"):
        list(batches)
    with pytest.raises(TypeError, match="no length"):
        len(batches)


def test_what_makes_no_batches() -> None:
    for size in (0, -1, 2.5):
        with pytest.raises(ValueError, match="batch_size"):
            Batches(np.arange(3), batch_size=size)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"2 and 1 samples, .*\(1, 9\); samples in columns take axis=1$"):
        Batches(np.zeros((2, 9)), np.zeros((1, 9)))
    with pytest.raises(ValueError, match="3 and 2 samples"):
        Batches(np.arange(3), np.arange(2))
    with pytest.raises(ValueError, match="no axis 0"):
        Batches(np.array(1.0))
    with pytest.raises(TypeError, match="int holds no samples"):
        Batches(3)
    with pytest.raises(ValueError, match="different shapes"):
        list(Batches([np.zeros(2), np.zeros(3)]))
    with pytest.raises(ValueError, match="axis=1 is for arrays"):
        Batches([1, 2], axis=1)


def test_a_generator_for_each_epoch() -> None:
    batches = Batches(np.arange(30), batch_size=30, seed=lambda epoch: np.random.RandomState(11 + epoch))
    for epoch in range(3):
        assert next(iter(batches)).tolist() == np.random.RandomState(11 + epoch).permutation(30).tolist()


# --- a thread that prepares


def threads() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name == "tinygraph-prefetch"]


def test_an_error_in_the_thread_comes_where_the_batch_would() -> None:
    def samples() -> Iterator[int]:
        yield from (0, 1, 2)
        raise OSError("the disk is gone")

    batches = iter(Batches(samples, batch_size=2, prefetch=3))
    assert next(batches).tolist() == [0, 1]
    with pytest.raises(OSError, match="the disk is gone"):
        next(batches)
    assert threads() == []


def test_no_thread_stays_when_the_loop_is_left() -> None:
    for _ in Batches(np.arange(100), batch_size=1, prefetch=2):
        assert len(threads()) == 1
        break
    gc.collect()
    assert threads() == []
    iter(Batches(np.arange(5), prefetch=1))
    assert threads() == []


def test_prepared_batches_are_the_same() -> None:
    plain, ahead = (Batches(np.arange(40), batch_size=7, augment=noise(1.0), prefetch=p) for p in (0, 3))
    for _ in range(2):
        for a, b in zip(plain, ahead, strict=True):
            np.testing.assert_array_equal(a, b)


# --- augmentation

IMAGES = np.random.default_rng(0).random((5, 3, 6, 8)) + 1.0


def test_a_shift_moves_each_image_and_fills_the_edge() -> None:
    moved = shift(2)(IMAGES, np.random.default_rng(1))
    assert moved.shape == IMAGES.shape
    padded = np.pad(IMAGES, [(0, 0), (0, 0), (2, 2), (2, 2)])
    places = []
    for k in range(5):
        windows = [
            (i, j) for i in range(5) for j in range(5) if np.array_equal(moved[k], padded[k, :, i : i + 6, j : j + 8])
        ]
        assert len(windows) == 1
        places += windows
    assert len(set(places)) > 1
    np.testing.assert_array_equal(shift(0)(IMAGES, np.random.default_rng(1)), IMAGES)
    np.testing.assert_array_equal(
        shift(1)(IMAGES[:, 0], np.random.default_rng(1)), shift(1)(IMAGES, np.random.default_rng(1))[:, 0]
    )


def test_crops_of_another_size() -> None:
    found = crop(0, size=(4, 5))(IMAGES, np.random.default_rng(0))
    assert found.shape == (5, 3, 4, 5)
    assert found.min() >= 1.0
    with pytest.raises(ValueError, match=r"window of \(9, 9\)"):
        crop(1, size=9)(IMAGES, np.random.default_rng(0))


def test_flips_by_chance() -> None:
    found = flip(0.5)(np.repeat(IMAGES[:1], 200, axis=0), np.random.default_rng(0))
    mirrored = [np.array_equal(image, IMAGES[0, :, :, ::-1]) for image in found]
    kept = [np.array_equal(image, IMAGES[0]) for image in found]
    assert all(a != b for a, b in zip(mirrored, kept, strict=True))
    assert 70 < sum(mirrored) < 130
    np.testing.assert_array_equal(flip(0.0)(IMAGES, np.random.default_rng(0)), IMAGES)


def test_augmentation_is_a_pure_function_of_images_and_generator() -> None:
    steps = compose(flip(), crop(1), noise(0.1))
    before = IMAGES.copy()
    a, b, c = (steps(IMAGES, np.random.default_rng(s)) for s in (1, 1, 2))
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(a, c)
    np.testing.assert_array_equal(IMAGES, before)
    assert steps(IMAGES.astype(np.float32), np.random.default_rng(0)).dtype == np.float32
    with pytest.raises(ValueError, match="reshape rows"):
        flip()(np.zeros((5, 64)), np.random.default_rng(0))


def test_batches_augment_the_inputs_alone_and_anew_each_epoch() -> None:
    batches = Batches(IMAGES, np.arange(5), augment=noise(0.1), batch_size=5, shuffle=False)
    (x1, y1), (x2, y2) = next(iter(batches)), next(iter(batches))
    assert not np.array_equal(x1, x2)
    np.testing.assert_array_equal(y1, y2)
