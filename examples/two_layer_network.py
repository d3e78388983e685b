"""A network of two layers by hand on Tensors, trained on real digits in mini-batches."""

import numpy as np

import tinygraph as tg
from tinygraph.data import digits, split


def logits(p, x):
    return tg.relu(x @ p["W1"] + p["b1"]) @ p["W2"] + p["b2"]


def main() -> None:
    rng = np.random.default_rng(0)
    data = split(*digits())
    p = {
        "W1": tg.Tensor(rng.normal(0.0, np.sqrt(2 / 64), (64, 32))),
        "b1": tg.Tensor(np.zeros(32)),
        "W2": tg.Tensor(rng.normal(0.0, np.sqrt(2 / 32), (32, 10))),
        "b2": tg.Tensor(np.zeros(10)),
    }

    for epoch in range(30):
        losses = []
        for batch in np.array_split(rng.permutation(len(data.train_x)), 45):
            loss = tg.cross_entropy(logits(p, data.train_x[batch]), data.train_y[batch])
            loss.backward(retain_graph=False)
            losses.append(loss.item())
            for t in p.values():
                t.data -= 0.3 * t.grad
                t.zero_grad()
        if epoch % 3 == 0:
            print(f"epoch {epoch:2d}  loss {np.mean(losses):.4f}  {'#' * round(30 * np.mean(losses))}")

    with tg.no_grad():
        found = logits(p, data.held_out_x).data.argmax(axis=1)
    print(f"held-out accuracy {np.mean(found == data.held_out_y):.4f}")


if __name__ == "__main__":
    main()
