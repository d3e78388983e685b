"""Early stopping with the best weights restored, and data augmentation: more images from those that there are."""

import numpy as np
from matplotlib.figure import Figure

import tinygraph as tg
from tinygraph import data, nn, optim, train


def images(shape=(8, 8)):
    """Digits as (n, 1, 8, 8): few to learn from, so that a network can learn them by heart."""
    x, y = data.digits()
    parts = data.split(x.reshape(-1, 1, *shape), y, "20/20/60", seed=0)
    return parts.train, parts.dev, parts.test


def network():
    """Two layers, from the same weights each time."""
    rng = np.random.default_rng(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 64, rng=rng), nn.ReLU(), nn.Linear(64, 10, rng=rng))


def run(augment, epochs, patience):
    """Train on the small set, watching the dev set."""
    train_set, dev, test = images()
    model = network()
    history = train.fit(
        model,
        tg.cross_entropy,
        optim.Adam(model.parameters(), lr=3e-3),
        data.Batches(*train_set, batch_size=32, seed=0, augment=augment),
        validation=dev,
        epochs=epochs,
        early_stopping=train.EarlyStopping(patience=patience),
        progress=False,
    )
    return history, train.evaluate(model, tg.cross_entropy, test, metrics={"accuracy": train.accuracy})


def main(fast=False) -> None:
    figure = Figure(figsize=(12, 4), layout="constrained")
    ways = {"as they are": None, "with noise": data.noise(0.2)}
    for (name, augment), ax in zip(ways.items(), figure.subplots(1, 2, sharey=True), strict=True):
        history, found = run(augment, epochs=25 if fast else 200, patience=5 if fast else 15)
        print(
            f"images {name}: stopped after epoch {len(history)}, best was {history.best_epoch}; dev loss there "
            f"{history['val_loss'].min():.3f}, test accuracy {found['accuracy']:.3f}"
        )
        curves = {"train": history["loss"], "dev": history["val_loss"]}
        tg.plots.learning_curve(curves, log=True, ylabel="loss", ax=ax).set_title(f"images {name}")
        ax.axvline(history.best_epoch, color="#9aa3ad", linewidth=0.8)
    figure.savefig("early_stopping.png", dpi=120)


if __name__ == "__main__":
    main()
