"""A dense network on real digits: one hidden layer, normalised over the batch, with dropout and a falling rate."""

import numpy as np

import tinygraph as tg
from tinygraph import data, nn, optim, train

EPOCHS, RATE = 20, 4e-3


def main() -> None:
    x, y = data.digits()
    parts = data.split(x.astype(np.float32), y)

    rng = np.random.default_rng(0)
    model = nn.Sequential(
        nn.Linear(64, 256, rng=rng),
        nn.BatchNorm1d(256),
        nn.ReLU(),
        nn.Dropout(keep_prob=0.5, rng=rng),
        nn.Linear(256, 10, rng=rng),
    ).astype(np.float32)
    print(model.summary(parts.train.x[:1]))

    history = train.fit(
        model,
        tg.cross_entropy,
        optim.Adam(model.parameters(), lr=RATE),
        parts.train,
        epochs=EPOCHS,
        batch_size=64,
        schedule=optim.cosine(RATE, EPOCHS),
        validation=parts.test,
        metrics={"accuracy": train.accuracy},
    )
    for epoch in (0, 4, 9, 19):
        print(f"epoch {epoch + 1:2d}  loss {history['loss'][epoch]:.4f}  held out {history['val_loss'][epoch]:.4f}")
    print(f"held-out accuracy {history['val_accuracy'][-1]:.4f}")


if __name__ == "__main__":
    main()
