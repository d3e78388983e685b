"""Least squares by Gauss and Newton: a damped oscillation fitted to noisy measurements, without a Jacobian matrix.

The step solves JᵀJ s = -Jᵀr by conjugate gradients, which asks only for the products J v (`jvp`) and Jᵀ u (`vjp`).
Levenberg's damping keeps a step from going where the straight line through r is of no use.
"""

import numpy as np
from matplotlib.figure import Figure

import tinygraph as tg

NAMES = ("amplitude", "decay", "frequency", "phase")
TRUE = np.array([2.0, 0.3, 1.5, 0.4])


def oscillation(p, t):
    return p[0] * np.exp(-p[1] * t) * np.cos(2 * np.pi * p[2] * t + p[3])


def conjugate_gradients(product, b, steps):
    """x with product(x) = b, for a symmetric positive product."""
    x, r = np.zeros_like(b), b
    d = r
    for _ in range(steps):
        if r @ r == 0.0:
            break
        q = product(d)
        alpha = (r @ r) / (d @ q)
        x, before, r = x + alpha * d, r, r - alpha * q
        d = r + (r @ r) / (before @ before) * d
    return x


def fit(residual, p, steps=30):
    """The parameters after each step, and the sum of squares there."""
    path, damping = [(p, float(np.sum(residual(p) ** 2)))], 1e-2
    for _ in range(steps):
        r, pull = tg.vjp(residual, p)
        (slope,) = pull(r)

        def product(v, p=p, pull=pull, damping=damping):
            _, jv = tg.jvp(residual, (p,), (v,))
            return pull(jv)[0] + damping * v

        s = conjugate_gradients(product, -slope, len(p))
        cost = float(np.sum(residual(p + s) ** 2))
        if cost < path[-1][1]:
            p, damping = p + s, damping / 5
            path.append((p, cost))
        else:
            damping *= 5
        if np.abs(s).max() < 1e-10:
            break
    return path


def main() -> None:
    rng = np.random.default_rng(0)
    t = np.linspace(0.0, 4.0, 120)
    y = oscillation(TRUE, t) + 0.1 * rng.normal(size=t.size)
    start = np.array([1.0, 0.1, 1.45, 0.0])
    path = fit(lambda p: oscillation(p, t) - y, start)
    p, cost = path[-1]

    J = tg.jacobian(oscillation)(p, t)
    error = np.sqrt(np.diag(np.linalg.inv(J.T @ J)) * cost / (t.size - p.size))
    for name, true, found, e in zip(NAMES, TRUE, p, error, strict=True):
        print(f"{name:9s} {found:.3f} ± {e:.3f}, made with {true}")
    print(f"sum of squares {path[0][1]:.2f} → {cost:.4f} in {len(path) - 1} steps")

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    ax, costs = figure.subplots(1, 2, width_ratios=(2, 1))
    fine = np.linspace(0.0, 4.0, 600)
    ax.plot(t, y, ".", color="0.6", label="measured")
    ax.plot(fine, oscillation(start, fine), "--", color="tab:orange", label="start")
    ax.plot(fine, oscillation(p, fine), color="tab:blue", label="fitted")
    ax.set(xlabel="t", ylabel="y")
    ax.legend(edgecolor="none", ncols=3, loc="upper right")
    costs.semilogy([c for _, c in path], "o-", color="tab:blue")
    costs.set(xlabel="step", ylabel="sum of squares")
    figure.savefig("gauss_newton.png", dpi=120)


if __name__ == "__main__":
    main()
