"""Vanishing and exploding gradients over depth, and how the scale of the first weights prevents both.

The standard deviation of the activations after 20 layers of 100 tanh units, and the gradients layer by layer, for
x 0.01, He's sqrt(2/n[l-1]), the course's Xavier sqrt(1/n[l-1]) and Bengio's sqrt(2/(n[l-1] + n[l])).
"""

from functools import partial

import numpy as np
from matplotlib.figure import Figure

import tinygraph as tg
from tinygraph.nn import init

DEPTH, WIDTH, SAMPLES = 20, 100, 200
INITIALISERS = {
    "× 0.01": init.normal,
    "Xavier": init.xavier,
    "He": init.he,
    "Bengio": init.bengio,
    "× 0.3": partial(init.normal, std=0.3),
}


def layers(initialiser, g, seed=1):
    """The activations of a deep network and, by one reverse pass, the gradient of each layer's weights."""
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(WIDTH, SAMPLES))
    Ws, activations = [], []
    for l in range(1, DEPTH + 1):
        Ws.append(tg.Tensor(initialiser((WIDTH, WIDTH), rng=rng), name=f"W{l}"))
        A = g(Ws[-1] @ A)
        activations.append(A)
    np.mean(A * rng.normal(size=A.shape)).backward()
    return activations, Ws


def main(fast=False) -> None:
    print(f"1.5^150 = {1.5**150:.1e}, 0.5^150 = {0.5**150:.1e}: what a factor a layer comes to in a deep network\n")
    figure = Figure(figsize=(12, 4.5), layout="constrained")
    for g, ax in zip((np.tanh, tg.relu), figure.subplots(1, 2), strict=True):
        name = getattr(g, "__name__", "g")
        for start, initialiser in INITIALISERS.items():
            activations, Ws = layers(initialiser, g)
            first, last = (np.linalg.norm(W.grad) for W in (Ws[0], Ws[-1]))
            print(
                f"{name}, {start:7s} standard deviation of A[{DEPTH}] {activations[-1].data.std():.1e}; "
                f"gradient of W[1] {first:.1e}, of W[{DEPTH}] {last:.1e}"
            )
            tg.plots.gradient_norms({str(l): W for l, W in enumerate(Ws, start=1)}, label=start, ax=ax)
        ax.set(title=name, xlabel="layer")
    figure.savefig("vanishing.png", dpi=120)


if __name__ == "__main__":
    main()
