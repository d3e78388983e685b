"""Learning-rate decay: the course's schedules, plotted, and what they do for descent by noisy gradients."""

import numpy as np
from matplotlib.figure import Figure

import tinygraph as tg
from tinygraph import optim

RATE, EPOCHS = 0.2, 100
COURSE = {
    "α₀ / (1 + epoch)": optim.inverse_time(RATE, 1),
    "0.95^epoch α₀": optim.exponential(RATE, 0.95),
    "α₀ / √epoch": optim.inverse_sqrt(RATE, first=0),
    "staircase, half each 20": optim.staircase(RATE, every=20),
    "α₀ / (1 + ⌊epoch / 20⌋)": optim.inverse_time(RATE, 1, interval=20),
}
LATER = {
    "constant": optim.constant(RATE),
    "cosine": optim.cosine(RATE, EPOCHS),
    "cosine with restarts": optim.cosine_restarts(RATE, 25),
    "warm-up, then linear": optim.warmup(optim.polynomial(RATE, EPOCHS - 10), 10),
    "one cycle": optim.one_cycle(RATE, EPOCHS),
}


def descend(schedule, batches=20):
    """The mean cost of the last ten epochs, of a bowl whose gradients are those of small, noisy mini-batches."""
    rng = np.random.default_rng(0)
    w = tg.Tensor(rng.normal(size=50))
    opt = optim.SGD([w])
    scheduler = optim.Scheduler(opt, schedule)
    costs = []
    for _ in range(EPOCHS):
        for _ in range(batches):
            w.grad = w.data + rng.normal(size=50)
            opt.step()
        scheduler.step()
        costs.append(0.5 * float(w.data @ w.data))
    return np.mean(costs[-10:])


def main(fast=False) -> None:
    first = [optim.inverse_time(0.2, 1)(epoch) for epoch in (1, 2, 3, 4)]
    print("α₀ = 0.2, decay rate 1, epochs 1 to 4: " + ", ".join(f"{rate:.3f}" for rate in first))
    figure = Figure(figsize=(12, 4.6), layout="constrained")
    for schedules, ax in zip((COURSE, LATER), figure.subplots(1, 2, sharey=True), strict=True):
        tg.plots.learning_curve(
            {name: [schedule(t) for t in range(EPOCHS)] for name, schedule in schedules.items()},
            ylabel="learning rate",
            ax=ax,
        ).legend(edgecolor="none", loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=3, fontsize="small")
        for name, schedule in schedules.items():
            print(f"{name:24s} ends at {schedule(EPOCHS - 1):.4f}, and the cost at {descend(schedule):.3f}")
    figure.savefig("learning_rate_decay.png", dpi=120)


if __name__ == "__main__":
    main()
