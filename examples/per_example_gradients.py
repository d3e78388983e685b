"""Which digits pull hardest: the gradient of every example at once, by vmap, finds labels that are wrong.

40 of 1,000 labels are changed. After a few epochs, those examples want to move the network further than others.
"""

import numpy as np
from matplotlib.figure import Figure

import tinygraph as tg
from tinygraph import data

EXAMPLES, WRONG, EPOCHS, RATE = 1000, 40, 30, 0.5


def network(p, x):
    return np.tanh(x @ p["W1"] + p["b1"]) @ p["W2"] + p["b2"]


def loss(p, x, y):
    return tg.cross_entropy(network(p, x), y)


def loss_of_one(p, x, y):
    return loss(p, x[None], y[None])


def main() -> None:
    rng = np.random.default_rng(0)
    x, true = (a[:EXAMPLES] for a in data.digits())
    x, y = x / x.max(), true.copy()
    wrong = rng.choice(EXAMPLES, WRONG, replace=False)
    y[wrong] = (y[wrong] + rng.integers(1, 10, WRONG)) % 10

    p = {
        "W1": rng.normal(size=(64, 32)) / 8,
        "b1": np.zeros(32),
        "W2": rng.normal(size=(32, 10)) / np.sqrt(32),
        "b2": np.zeros(10),
    }
    step = tg.compile(tg.value_and_grad(loss))
    for _ in range(EPOCHS):
        for rows in np.split(rng.permutation(EXAMPLES), EXAMPLES // 50):
            _, g = step(p, x[rows], y[rows])
            p = {k: p[k] - RATE * g[k] for k in p}

    of_each = tg.vmap(tg.grad(loss_of_one), in_axes=(None, 0, 0))(p, x, y)
    print("gradients of", ", ".join(f"{k}: {g.shape}" for k, g in of_each.items()))
    mean = tg.grad(loss)(p, x, y)
    print("their mean is the gradient of the batch:", all(np.allclose(of_each[k].mean(axis=0), mean[k]) for k in p))
    norms = np.sqrt(sum((g.reshape(EXAMPLES, -1) ** 2).sum(axis=1) for g in of_each.values()))
    largest = np.argsort(norms)[::-1][:WRONG]
    print(f"of the {WRONG} largest gradients, {np.isin(largest, wrong).sum()} belong to wrong labels")

    figure = Figure(figsize=(10, 3.4), layout="constrained")
    left, right = figure.subfigures(1, 2)
    ax = left.subplots()
    parts = {"label is right": np.delete(norms, wrong), "label is wrong": norms[wrong]}
    bins = np.geomspace(norms.min(), norms.max(), 40)
    ax.hist(list(parts.values()), bins, stacked=True, label=list(parts), color=["C0", "C3"])
    ax.set(xscale="log", xlabel="norm of the gradient of one example", ylabel="examples")
    ax.legend(edgecolor="none")
    for image, i in zip(right.subplots(2, 6).ravel(), largest, strict=False):
        image.imshow(x[i].reshape(8, 8), cmap="gray_r")
        image.set_title(f"“{y[i]}”", color="C3" if y[i] != true[i] else "C0")
        image.axis("off")
    right.suptitle("the largest, with their labels")
    figure.savefig("per_example_gradients.png", dpi=120)


if __name__ == "__main__":
    main()
