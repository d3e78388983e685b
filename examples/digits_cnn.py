"""A convolutional network on real digits of 8 x 8 pixels, and the ones that it takes for others."""

import numpy as np

import tinygraph as tg
from tinygraph import data, nn, optim, train

EPOCHS, RATE = 12, 4e-3


def main() -> None:
    x, y = data.digits()
    parts = data.split(x.reshape(-1, 1, 8, 8).astype(np.float32), y)

    rng = np.random.default_rng(0)
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding="same", rng=rng),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 64, 3, padding="same", rng=rng),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.Flatten(),
        nn.Dropout(keep_prob=0.5, rng=rng),
        nn.Linear(64 * 4 * 4, 10, rng=rng),
    ).astype(np.float32)
    print(model.summary(parts.train.x[:1]))

    train.fit(
        model,
        tg.cross_entropy,
        optim.Adam(model.parameters(), lr=RATE),
        parts.train,
        epochs=EPOCHS,
        batch_size=64,
        schedule=optim.cosine(RATE, EPOCHS),
    )
    found = train.predict(model, parts.test.x).argmax(axis=1)
    for image in np.flatnonzero(found != parts.test.y):
        print(f"image {image}: a {parts.test.y[image]}, taken for a {found[image]}")
    print(f"held-out accuracy {np.mean(found == parts.test.y):.4f}")


if __name__ == "__main__":
    main()
