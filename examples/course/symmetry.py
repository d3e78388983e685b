"""Why weights begin at random: from equal weights all hidden units stay equal, for ever; biases may begin at zero.

Zeros with tanh or ReLU freeze everything but the output's bias. Equal rows that move are seen from a constant start.
"""

from functools import partial

import numpy as np
from columns import descend, in_columns, parameters

import tinygraph as tg
from tinygraph.data import flower
from tinygraph.nn import init

STARTS = {
    "zeros": init.zeros,
    "all 0.5": init.constant(0.5),
    "random × 0.01": partial(init.normal, rng=np.random.RandomState(2)),
}


def main(fast=False) -> None:
    X, Y = in_columns(flower())
    for name, start in STARTS.items():
        p = parameters([2, 4, 1], lambda shape, rng, start=start: start(shape))
        before = p["W1"].data.copy()
        costs = descend(p, X, Y, 1.2, 500 if fast else 3000, 499, np.tanh)
        W1 = p["W1"].data
        moved, spread = np.abs(W1 - before).max(), np.abs(W1 - W1[:1]).max()
        print(f"{name:14s} cost {costs[0]:.4f} → {costs[-1]:.4f}; W1 moved by {moved:.2f}, rows differ by {spread:.2f}")
    unit = tg.grad(lambda W: np.sum(np.tanh(W @ X)))(np.full((3, 2), 0.5))
    print(f"equal units receive equal gradients: rows differ by {np.abs(unit - unit[:1]).max():.0f}")


if __name__ == "__main__":
    main()
