"""Learning to learn: a start from which one gradient step fits a new sine (Finn, Abbeel and Levine, 2017).

The outer gradient goes through the inner gradient step, so it holds second derivatives of the inner loss.
"""

import numpy as np
from matplotlib.figure import Figure

import tinygraph as tg

INNER, SHOTS = 0.02, 10


def network(p, x):
    return np.tanh(np.tanh(x @ p["W1"] + p["b1"]) @ p["W2"] + p["b2"]) @ p["W3"] + p["b3"]


def loss(p, x, y):
    return ((network(p, x) - y) ** 2).mean()


def adapted(p, x, y, steps=1):
    """The parameters after gradient steps on a few points of one sine."""
    for _ in range(steps):
        g = tg.grad(loss)(p, x, y)
        p = {k: p[k] - INNER * g[k] for k in p}
    return p


def after_a_step(p, tasks):
    """The loss on other points of each sine, after the step on a few."""
    return sum(loss(adapted(p, xs, ys), xq, yq) for xs, ys, xq, yq in tasks) / len(tasks)


def sine(rng):
    """A few points of a random sine, more points of it, and the sine itself."""
    amplitude, phase = rng.uniform(0.5, 2.0), rng.uniform(0.0, np.pi)

    def curve(x):
        return amplitude * np.sin(x + phase)

    xs, xq = rng.uniform(-3, 3, (SHOTS, 1)), rng.uniform(-3, 3, (20, 1))
    return (xs, curve(xs), xq, curve(xq)), curve


def trained(objective, steps, seed=0):
    """Adam on the objective over random sines."""
    rng = np.random.default_rng(seed)
    sizes = {"1": (1, 32), "2": (32, 32), "3": (32, 1)}
    p = {}
    for i, (n_in, n_out) in sizes.items():
        p["W" + i], p["b" + i] = rng.normal(size=(n_in, n_out)) / np.sqrt(n_in), np.zeros(n_out)
    rule = tg.optim.adam(0.005)
    state, step = rule.init(p), tg.value_and_grad(objective)
    for _ in range(steps):
        _, g = step(p, [sine(rng)[0] for _ in range(4)])
        updates, state = rule.update(g, state, p)
        p = {k: p[k] + updates[k] for k in p}
    return p


def at_once(p, tasks):
    """For comparison: fit all sines at the same time, without the step."""
    return sum(loss(p, np.concatenate([xs, xq]), np.concatenate([ys, yq])) for xs, ys, xq, yq in tasks) / len(tasks)


def main(fast=False) -> None:
    steps = 200 if fast else 1000
    starts = {"learned to learn": trained(after_a_step, steps), "learned all at once": trained(at_once, steps)}
    rng = np.random.default_rng(1)
    unseen = [sine(rng) for _ in range(50)]
    for name, p in starts.items():
        before, after = (
            np.mean([float(loss(adapted(p, xs, ys, n), xq, yq)) for (xs, ys, xq, yq), _ in unseen]) for n in (0, 1)
        )
        print(f"{name:20s} error on unseen sines {before:.2f}, after one step on {SHOTS} points {after:.2f}")

    figure = Figure(figsize=(10, 3.6), layout="constrained")
    x, ((xs, ys, _, _), curve) = np.linspace(-3, 3, 200)[:, None], unseen[1]
    for ax, (name, p) in zip(figure.subplots(1, 2, sharey=True), starts.items(), strict=True):
        ax.plot(x, curve(x), color="0.5", label="the sine")
        ax.plot(xs, ys, "o", color="0.3", label="what is seen of it")
        for n, style in ((0, ":"), (1, "-"), (5, "--")):
            ax.plot(x, network(adapted(p, xs, ys, n), x), style, color="tab:blue", label=f"after {n} steps")
        ax.set(title=name, xlabel="x")
    ax.legend(edgecolor="none", fontsize="small")
    figure.savefig("meta_learning.png", dpi=120)


if __name__ == "__main__":
    main()
