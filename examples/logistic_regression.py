"""Logistic regression by hand on Tensors: is this digit a 3?"""

import numpy as np

import tinygraph as tg
from tinygraph.data import digits, split


def main() -> None:
    images, labels = digits()
    data = split(images, (labels == 3).astype(float))
    p = {"w": tg.Tensor(np.zeros(64)), "b": tg.Tensor(0.0)}

    for epoch in range(101):
        z = data.train_x @ p["w"] + p["b"]
        loss = tg.binary_cross_entropy_with_logits(z, data.train_y)
        if epoch % 20 == 0:
            print(f"epoch {epoch:3d}  loss {loss.item():.4f}")
        loss.backward(retain_graph=False)
        for t in p.values():
            t.data -= 2.0 * t.grad
            t.zero_grad()

    found = data.held_out_x @ p["w"].data + p["b"].data > 0
    print(f"held-out accuracy {np.mean(found == data.held_out_y):.4f}")


if __name__ == "__main__":
    main()
