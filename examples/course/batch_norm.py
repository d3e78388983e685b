"""Batch normalisation: gamma and beta, running averages for the test; and softmax regression with log-sum-exp."""

import numpy as np

import tinygraph as tg
from tinygraph import data, nn, optim, train


def network(normalised, rng):
    """Three layers of sigmoid units, with and without batch normalisation before each."""
    layers = []
    for n_in, n_out in ((64, 32), (32, 32), (32, 32)):
        layers += [nn.Linear(n_in, n_out, rng=rng), *([nn.BatchNorm1d(n_out)] if normalised else []), nn.Sigmoid()]
    return nn.Sequential(*layers, nn.Linear(32, 10, rng=rng))


def main(fast=False) -> None:
    layer = nn.BatchNorm1d(2)
    x = np.random.default_rng(0).normal((5.0, -3.0), (2.0, 0.5), (1000, 2))
    for batch in np.split(x, 50):
        out = layer(batch)
    print(f"training: each batch has mean {out.data.mean(0).round(6) + 0.0} and deviation {out.data.std(0).round(3)}")
    print(f"running mean {layer.running_mean.round(2)}, running deviation {np.sqrt(layer.running_var).round(2)}")
    alone = layer.eval()(x[:1])
    expected = (x[:1] - layer.running_mean) / np.sqrt(layer.running_var + layer.eps)
    print(f"evaluation: one sample by the running averages, differs by {np.abs(alone.data - expected).max():.0e}")

    parts = data.split(*data.digits(), "80/20")
    for name, normalised in {"without": False, "with": True}.items():
        model = network(normalised, np.random.default_rng(0))
        optimizer = optim.SGD(model.parameters(), lr=0.5)
        history = train.fit(
            model, tg.cross_entropy, optimizer, parts.train, epochs=5 if fast else 15, validation=parts.test,
            metrics={"accuracy": train.accuracy}, progress=False,
        )  # fmt: skip
        print(f"{name} batch normalisation: accuracy after each epoch {history['val_accuracy'].round(2)}")

    z = np.array([[1000.0, 1001.0, 999.0]])
    print(f"softmax of {z[0]}: {tg.softmax(z)[0].round(4)}; naively {naive_softmax(z)[0]}")
    logits, labels = np.random.default_rng(1).normal(size=(4, 3)), np.array([0, 2, 1, 1])
    gradient = tg.grad(tg.cross_entropy)(logits, labels)
    by_hand = (tg.softmax(logits) - data.one_hot(labels, 3)) / 4
    print(f"softmax regression: dZ = (A - Y)/m to {np.abs(gradient - by_hand).max():.0e}")


def naive_softmax(z):
    """exp(z) / sum(exp(z)), as first written: it overflows."""
    with np.errstate(all="ignore"):
        e = np.exp(z)
        return e / e.sum(axis=1, keepdims=True)


if __name__ == "__main__":
    main()
