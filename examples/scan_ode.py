"""A differential equation fitted through its solver: a pendulum with friction, a thousand steps as one scan."""

import tracemalloc

import numpy as np
from matplotlib.figure import Figure

import tinygraph as tg

END = 20.0  # seconds
TRUE = {"stiffness": 4.0, "friction": 0.15, "angle": 2.5, "speed": 0.0}
START = {"stiffness": 3.0, "friction": 0.3, "angle": 2.0, "speed": 0.5}


def angles(p, steps, checkpoint=True):
    """The angle after each step of the semi-implicit Euler method: q'' = -stiffness sin q - friction q'."""
    h = END / steps

    def step(state, _):
        q, v = state
        v = v - h * (p["stiffness"] * np.sin(q) + p["friction"] * v)
        q = q + h * v
        return (q, v), q

    return tg.scan(step, (p["angle"], p["speed"]), length=steps, checkpoint=checkpoint)[1]


def fit(loss, start, rounds):
    """L-BFGS on the compiled gradient; the loss before each round."""
    slope = tg.compile(tg.value_and_grad(loss))
    p = {name: tg.Tensor(value, name=name) for name, value in start.items()}
    opt = tg.optim.LBFGS(list(p.values()), line_search_fn="strong_wolfe", max_iter=5)

    def closure():
        value, gradient = slope({name: x.data for name, x in p.items()})
        for name, x in p.items():
            x.grad = gradient[name]
        return value

    losses = [float(opt.step(closure)) for _ in range(rounds)]
    return {name: x.item() for name, x in p.items()}, losses, slope.source


def peak(p, steps, checkpoint):
    """Kilobytes at the most while the gradient is computed step by step, uncompiled."""
    tracemalloc.start()
    tg.grad(lambda p: angles(p, steps, checkpoint).mean())(p)
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found / 1024


def main(fast: bool = False) -> None:
    steps, every = (200, 5) if fast else (1000, 25)
    rng = np.random.default_rng(0)
    t = END / steps * np.arange(1, steps + 1)
    seen = angles(TRUE, steps)[::every] + 0.1 * rng.normal(size=steps // every)

    def loss(p):
        return ((angles(p, steps)[::every] - seen) ** 2).mean()

    p, losses, source = fit(loss, START, rounds=12)
    for name, found in p.items():
        print(f"{name:10s} {found:+.3f}, made with {TRUE[name]}")
    print(f"mean square {losses[0]:.3f} → {losses[-1]:.4f}")
    print(f"memory of the gradient: {peak(p, steps, False):.0f} KB, with checkpoint {peak(p, steps, True):.0f} KB")
    print("\n".join(source.split("\n\n\n")[:3]))

    figure = Figure(figsize=(8, 3.2), layout="constrained")
    ax = figure.subplots()
    ax.plot(t, angles(START, steps), "--", color="tab:orange", label="start")
    ax.plot(t, angles(p, steps), color="tab:blue", label="fitted")
    ax.plot(t[::every], seen, ".", color="0.4", label="seen")
    ax.set(xlabel="time, s", ylabel="angle, rad")
    ax.legend(edgecolor="none", ncols=3)
    figure.savefig("scan_ode.png", dpi=120)


if __name__ == "__main__":
    main()
