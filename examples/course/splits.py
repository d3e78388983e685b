"""Train, dev and test sets by the course's policies, from one distribution, each class divided alike; seeded."""

import numpy as np

from tinygraph.data import digits, split


def main(fast=False) -> None:
    x, y = digits()
    for policy in ("70/30", "70/20/10", "98/1/1"):
        parts = split(x, y, policy, seed=0).parts
        sizes = " + ".join(str(len(part.x)) for part in parts)
        shares = ", ".join(f"{np.mean(part.y == 3):.3f}" for part in parts)
        print(f"{policy:9s} of {len(x)}: {sizes}; threes in each part: {shares}")
    million = np.arange(1_000_000)
    for policy in ("98/1/1", "98.9/1/0.1"):
        sizes = [len(part.x) for part in split(million, million, policy, stratify=False).parts]
        print(f"{policy} of a million: {sizes}")
    once, again, other = (split(x, y, "70/30", seed=seed).test.y for seed in (0, 0, 1))
    print(f"the same seed, the same parts: {np.array_equal(once, again)}; another seed: {np.array_equal(once, other)}")


if __name__ == "__main__":
    main()
