"""A small Transformer learns to sort: at each place of the answer it looks for the number that belongs there."""

import argparse

import numpy as np
from matplotlib.figure import Figure

import tinygraph as tg
from tinygraph import nn, optim

NUMBERS, LENGTH, WIDTH = 10, 8, 32


class Sorter(nn.Module):
    """Numbers 0 ... 9 in rows -> logits of the sorted row, (N, length, 10): all places at once."""

    def __init__(self, layers=2, rng=None, dtype=np.float32):
        self.embed = nn.Embedding(NUMBERS, WIDTH, rng=rng, dtype=dtype)
        self.places = nn.LearnedPositionalEncoding(WIDTH, LENGTH, batch_first=True, rng=rng, dtype=dtype)
        layer = nn.TransformerEncoderLayer(
            WIDTH, 4, 2 * WIDTH, dropout=0.0, batch_first=True, norm_first=True, rng=rng, dtype=dtype
        )
        self.encoder = nn.TransformerEncoder(layer, layers, nn.LayerNorm(WIDTH, dtype=dtype))
        self.head = nn.Linear(WIDTH, NUMBERS, rng=rng, dtype=dtype)

    def forward(self, numbers):
        return self.head(self.encoder(self.places(self.embed(numbers))))


def accuracy(model, rng, n=500):
    """The share of places, and of whole rows, that are right."""
    numbers = rng.integers(0, NUMBERS, (n, LENGTH))
    with tg.no_grad():
        found = model(numbers).data.argmax(axis=-1)
    right = found == np.sort(numbers)
    return right.mean(), right.all(axis=1).mean()


def looked_at(model, numbers):
    """The attention of the first layer for one row, the mean over its heads."""
    layer = model.encoder.layers[0]
    with tg.no_grad():
        _, weights = layer.self_attn(layer.norm1(model.places(model.embed(numbers[None]))))
    return weights.data[0]


def main(fast=False) -> None:
    rng = np.random.default_rng(0)
    model = Sorter(1 if fast else 2, rng=rng)
    print(model.summary(np.zeros((1, LENGTH), int)))
    steps = 100 if fast else 600
    opt = optim.Adam(model.parameters(), lr=5e-3)
    for step in range(steps + 1):
        numbers = rng.integers(0, NUMBERS, (64, LENGTH))
        loss = tg.cross_entropy(model(numbers), np.sort(numbers))
        if step % (steps // 5) == 0:
            places, rows = accuracy(model, np.random.default_rng(1))
            print(f"step {step:4d}: loss {loss.item():.3f}, places right {places:.1%}, rows right {rows:.1%}")
        opt.zero_grad()
        loss.backward(retain_graph=False)
        opt.step()
    one = rng.integers(0, NUMBERS, LENGTH)
    with tg.no_grad():
        print(f"{one.tolist()} sorted: {model(one[None]).data[0].argmax(axis=-1).tolist()}")
    figure = Figure(figsize=(4, 4), layout="constrained")
    ax = figure.subplots()
    ax.imshow(looked_at(model, one), cmap="Blues")
    ax.set(xticks=range(LENGTH), yticks=range(LENGTH), title="attention of the first layer")
    ax.set(xlabel="number given", xticklabels=one.tolist(), ylabel="place in the answer")
    figure.savefig("transformer_sort.png", dpi=120)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fast", action="store_true", help="one layer, fewer steps")
    main(**vars(parser.parse_args()))
