"""An orbit fitted through Kepler's equation, which has no solution in closed form: a gradient through a root.

A body goes round its star on an ellipse. Where it is at a time t tells the eccentric anomaly E, the root of
E - e sin E = M, with M = 2π (t - τ) / P. `custom_root` differentiates E by the equation itself, -(∂f/∂E)⁻¹ ∂f/∂θ, so
the steps of the solver are not recorded, and it may be anybody's.
"""

import numpy as np
from matplotlib.figure import Figure

import tinygraph as tg

NAMES = ("semi-major axis", "eccentricity", "period", "perihelion")
TRUE = np.array([1.4, 0.6, 2.0, 0.3])


def newton(f, x):
    """All equations at once: each has an unknown of its own, so the derivative is one sum's gradient."""
    for _ in range(50):
        slope = tg.grad(lambda x: f(x).sum())(x)
        step = f(x) / slope
        x = x - step
        if np.abs(step).max() < 1e-14:
            break
    return x


def eccentric_anomaly(e, M):
    return tg.custom_root(lambda E: E - e * np.sin(E) - M, M, newton, lambda g, y: y / g(np.ones_like(y)))


def positions(p, t):
    """x and y of the body, the star at the origin."""
    a, e, period, tau = p
    E = eccentric_anomaly(e, 2 * np.pi * (t - tau) / period)
    return np.stack([a * (np.cos(E) - e), a * np.sqrt(1.0 - e**2) * np.sin(E)])


def fit(p, t, seen, steps=12):
    """Gauss and Newton's steps, and the root mean square of the residuals before each."""
    errors = []
    for _ in range(steps):
        r = positions(p, t) - seen
        errors.append(float(np.sqrt(np.mean(r**2))))
        J = tg.jacobian(positions)(p, t).reshape(-1, p.size)
        p = p - np.linalg.lstsq(J, r.ravel(), rcond=None)[0]
    return p, errors


def main() -> None:
    rng = np.random.default_rng(0)
    t = np.linspace(0.0, 3.0, 40)
    seen = positions(TRUE, t) + 0.03 * rng.normal(size=(2, t.size))
    start = np.array([1.2, 0.4, 2.1, 0.25])
    p, errors = fit(start, t, seen)

    for name, true, found in zip(NAMES, TRUE, p, strict=True):
        print(f"{name:15s} {found:.3f}, made with {true}")
    print(f"residual {errors[0]:.3f} → {errors[-1]:.4f}")

    E, M = eccentric_anomaly(0.6, 1.0), 1.0
    by_hand = np.sin(E) / (1.0 - 0.6 * np.cos(E))
    print(f"dE/de at e = 0.6, M = {M}: {tg.grad(eccentric_anomaly)(0.6, np.float64(M)):.10f}, by hand {by_hand:.10f}")

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    ax, curve = figure.subplots(1, 2, width_ratios=(3, 2))
    round_once = np.linspace(0.0, 2.1, 400)
    ax.plot(*positions(start, round_once), "--", color="tab:orange", label="start")
    ax.plot(*positions(p, round_once), color="tab:blue", label="fitted")
    ax.plot(*seen, ".", color="0.5", label="seen")
    ax.plot(0.0, 0.0, "*", color="black", markersize=12)
    ax.set(xlabel="x", ylabel="y", aspect="equal")
    ax.legend(edgecolor="none", loc="center")
    anomaly = np.linspace(0.0, 2 * np.pi, 200)
    for e in (0.0, 0.3, 0.6, 0.9):
        curve.plot(anomaly, tg.grad(lambda M, e=e: eccentric_anomaly(e, M).sum())(anomaly), label=f"e = {e}")
    curve.set(xlabel="mean anomaly M", ylabel="dE/dM")
    curve.legend(edgecolor="none")
    figure.savefig("implicit.png", dpi=120)


if __name__ == "__main__":
    main()
