"""Recurrent networks: back-propagation through time drawn, a sum over a hundred steps, and a model of characters.

The adding problem: of a sequence of random numbers two are marked, and the answer is their sum. Who always answers 1
has a mean squared error of 1/6. The marks may lie a hundred steps apart, which a plain RNN's gradients hardly bridge.
"""

import argparse
import time

import numpy as np
from matplotlib.figure import Figure

import tinygraph as tg
from tinygraph import nn, optim
from tinygraph.data import Characters, adding_problem, sequences, sonnets


def unrolled(xs=(1.0, -0.5, 0.25, 0.5), y=0.9):
    """h[t] = tanh(w x[t] + u h[t-1]) over a few steps, drawn; dJ/du is a sum over time, a part from each step."""
    w, u, h = tg.Tensor(0.7, name="w"), tg.Tensor(0.9, name="u"), [tg.Tensor(0.2, requires_grad=False, name="h0")]
    for t, x in enumerate(xs, 1):
        h.append(np.tanh(w * tg.Tensor(x, requires_grad=False, name=f"x{t}") + u * h[-1]))
        h[-1].name = f"h{t}"
    J = 0.5 * (h[-1] - y) ** 2
    J.name = "J"
    J.backward()
    tg.render(J, "recurrent_unrolled.svg", title="back-propagation through time: dJ/du is the sum over the steps")
    return u.grad, [h[t].grad * (1 - h[t].data ** 2) * h[t - 1].data for t in range(1, len(h))]


class LastAnswer(nn.Module):
    """A recurrent layer and a linear one of its final state."""

    def __init__(self, layer):
        self.layer, self.head = layer, nn.Linear(layer.hidden_size, 1, rng=1, dtype=np.float32)

    def forward(self, x):
        out, _ = self.layer(x)
        return self.head(out[:, -1])[:, 0]


def adds(kind, length, steps, hidden=32):
    """Mean squared errors on fresh sequences while a layer learns to add."""
    layer = getattr(nn, kind)(2, hidden, batch_first=True, rng=0, dtype=np.float32)
    model, rng, curve = LastAnswer(layer), np.random.default_rng(0), []
    opt = optim.Adam(model.parameters(), lr=5e-3)
    held_out = adding_problem(500, length, seed=99)
    for step in range(steps + 1):
        x, y = adding_problem(32, length, seed=rng)
        loss = tg.mse_loss(model(x.astype(np.float32)), y)
        opt.zero_grad()
        loss.backward(retain_graph=False)
        optim.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        if step % (steps // 10) == 0:
            with tg.no_grad():
                curve.append(tg.mse_loss(model(held_out.x.astype(np.float32)), held_out.y).item())
    return curve


class Writer(nn.Module):
    """Characters -> logits of the next one at each place, and the state to go on from."""

    def __init__(self, characters, hidden=96):
        rng = np.random.default_rng(0)
        self.embed = nn.Embedding(characters, 24, rng=rng, dtype=np.float32)
        self.lstm = nn.LSTM(24, hidden, batch_first=True, rng=rng, dtype=np.float32)
        self.head = nn.Linear(hidden, characters, rng=rng, dtype=np.float32)

    def forward(self, codes, state=None):
        out, state = self.lstm(self.embed(codes), state)
        return self.head(out), state


def learns_to_write(epochs, stride, length=50):
    """The loss per character over the epochs, and a few lines of the model's own."""
    text = sonnets()
    characters = Characters(text)
    x, y = sequences(characters.encode(text), length, stride)
    model, rng, curve = Writer(len(characters)), np.random.default_rng(0), []
    opt = optim.Adam(model.parameters(), lr=5e-3)
    for _ in range(epochs):
        losses = []
        for batch in np.array_split(rng.permutation(len(x)), max(len(x) // 16, 1)):
            logits, _ = model(x[batch])
            loss = tg.cross_entropy(logits, y[batch])
            opt.zero_grad()
            loss.backward(retain_graph=False)
            optim.clip_grad_norm_(model.parameters(), 1.0)
            opt.step()
            losses.append(loss.item())
        curve.append(float(np.mean(losses)))
    return characters, curve, written(model, characters, "Shall I ", rng)


def written(model, characters, begin, rng, length=120):
    """Text, one character after another, each drawn from what the model expects."""
    codes, state = list(characters.encode(begin)), None
    with tg.no_grad():
        new = np.array([codes])
        for _ in range(length):
            logits, state = model(new, state)
            p = tg.softmax(1.5 * logits.data[0, -1].astype(float))
            codes.append(int(rng.choice(len(p), p=p)))
            new = np.array([codes[-1:]])
    return characters.decode(codes)


def main(fast=False) -> None:
    du, parts = unrolled()
    print(f"back-propagation through time: dJ/du = {du:+.6f} = {' '.join(f'{part:+.6f}' for part in parts)}")
    print(f"the parts of {len(parts)} steps add up to it: {bool(np.isclose(sum(parts), du, rtol=1e-14))}")
    length, steps = (12, 120) if fast else (100, 1000)
    print(f"adding problem of length {length}; always 1: {1 / 6:.4f}")
    curves = {}
    for kind in ("GRU",) if fast else ("RNN", "GRU"):
        start = time.perf_counter()
        curves[kind] = adds(kind, length, steps)
        print(f"{kind:4s} error {curves[kind][0]:.4f} → {curves[kind][-1]:.4f}, {time.perf_counter() - start:.0f} s")
    characters, losses, text = learns_to_write(2 if fast else 30, 50 if fast else 25)
    print(f"characters: {len(characters)} of them, ln({len(characters)}) = {np.log(len(characters)):.3f}")
    print(f"loss per character {losses[0]:.3f} → {losses[-1]:.3f}; the model writes:\n{text}")
    figure = Figure(figsize=(9, 3.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    tg.plots.learning_curve(curves, ax=left, xlabel=f"{steps // 10} steps")
    tg.plots.learning_curve({"loss per character": losses}, ax=right)
    figure.savefig("recurrent.png", dpi=120)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fast", action="store_true", help="short sequences, few steps")
    main(**vars(parser.parse_args()))
