"""Broadcasting and shapes: columns (n, 1) against vectors (n,), keepdims, an error that names both shapes (广播)."""

import numpy as np

import tinygraph as tg


def main(fast=False) -> None:
    rng = np.random.default_rng(0)
    W, b = tg.Tensor(rng.normal(size=(4, 3)), name="W"), tg.Tensor(np.zeros((4, 1)), name="b")
    X = rng.normal(size=(3, 5))
    Z = W @ X + b
    print(f"W {W.shape} @ X {X.shape} + b {b.shape} = Z {Z.shape}: b stands in every column")
    Z.sum().backward()
    print(f"the reverse of that copying is a sum: db {b.grad.shape} = {b.grad.ravel()}, one from each of 5 samples")

    wrong = W @ X + tg.Tensor(np.zeros(5))
    print(f"a vector (5,) is added to each row instead, without a word: {wrong.shape}")
    vector = rng.normal(size=5)
    print(f"a vector's transpose is itself, {vector.T.shape}: v v' is a number, {(vector @ vector.T).ndim}-d")
    print(
        f"sum(axis=1) loses the column: {Z.sum(axis=1).shape}; keepdims keeps it: {Z.sum(axis=1, keepdims=True).shape}"
    )
    try:
        W @ X.T
    except ValueError as error:
        print(f"dimensions that do not fit: {error}")
    tg.render(tg.sigmoid(Z), "broadcasting.svg", names={"W": W, "X": X, "b": b, "Z": Z})


if __name__ == "__main__":
    main()
