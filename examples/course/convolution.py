"""A convolutional network on real images: edges first, then parts; its first-layer filters drawn.

A vertical edge, found by the lecture's filter; then digits of 8 x 8 pixels: convolution, pooling, held-out accuracy.
"""

import numpy as np
from matplotlib.figure import Figure

import tinygraph as tg
from tinygraph import data, nn, optim, train


def network(rng):
    """Two convolutions, of which the first sees 3 x 3 pixels and the second 3 x 3 of its features."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding="same", rng=rng),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, padding="same", rng=rng),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(keep_prob=0.5, rng=rng),
        nn.Linear(32 * 4 * 4, 10, rng=rng),
    )


def main(fast=False) -> None:
    image = np.zeros((1, 1, 6, 6))
    image[..., :3] = 10.0
    vertical = np.array([[1.0, 0.0, -1.0]] * 3).reshape(1, 1, 3, 3)
    print(f"a bright left half, a vertical edge filter:\n{tg.conv2d(image, vertical)[0, 0]}")

    x, y = data.digits()
    parts = data.split(x.reshape(-1, 1, 8, 8).astype(np.float32), y, "80/20", seed=0)
    model = network(np.random.default_rng(0)).astype(np.float32)
    print(model.summary(parts.train.x[:1]))
    history = train.fit(
        model,
        tg.cross_entropy,
        optim.Adam(model.parameters(), lr=2e-3),
        parts.train,
        epochs=2 if fast else 15,
        validation=parts.test,
        metrics={"accuracy": train.accuracy},
        progress=False,
    )
    print(f"held-out accuracy after {len(history)} epochs: {history['val_accuracy'][-1]:.4f}")

    figure = Figure(figsize=(11, 4.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    tg.plots.filters(model[0].weight, columns=4, ax=left).set_title("filters of the first layer")
    found = train.predict(model, parts.test.x).argmax(axis=1)
    tg.plots.confusion_matrix(parts.test.y, found, ax=right)
    figure.savefig("convolution.png", dpi=120)


if __name__ == "__main__":
    main()
