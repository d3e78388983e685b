"""`scipy.optimize.minimize` with exact derivatives: `jac` by `grad`, `hessp` by `hvp`, on a hanging chain.

Each link is a stiff spring. The chain between its two hooks takes the shape of least energy, nearly a catenary.
"""

import numpy as np
from matplotlib.figure import Figure

import tinygraph as tg

LINKS, LENGTH, WEIGHT, STIFFNESS = 20, 3.0, 1.0, 3e3
HOOKS = np.array([[-1.0, 0.0], [1.0, 0.3]])


def energy(inner):
    """Of springs and weight, by the flat vector of the inner joints."""
    joints = np.concatenate([HOOKS[:1], inner.reshape(-1, 2), HOOKS[1:]])
    stretch = np.linalg.norm(np.diff(joints, axis=0), axis=1) - LENGTH / LINKS
    return 0.5 * STIFFNESS * (stretch**2).sum() + WEIGHT / LINKS * joints[:, 1].sum()


def main() -> None:
    try:
        from scipy.optimize import minimize
    except ModuleNotFoundError:
        print("scipy is not installed, so nothing is minimised: pip install scipy")
        return
    start = np.linspace(*HOOKS, LINKS + 1)[1:-1]
    start[:, 1] -= 0.5 * np.sin(np.linspace(0, np.pi, LINKS - 1))
    start = start.ravel()
    ways = {
        "trust-ncg, jac and hessp": {
            "method": "trust-ncg",
            "jac": tg.grad(energy),
            "hessp": lambda x, v: tg.hvp(energy, (x,), (v,)),
        },
        "BFGS, jac": {"method": "BFGS", "jac": tg.grad(energy)},
        "BFGS, differences": {"method": "BFGS"},
    }
    found = {}
    for name, how in ways.items():
        result = minimize(energy, start, options={"maxiter": 2000}, **how)
        slope = np.abs(tg.grad(energy)(result.x)).max()
        found[name] = result.x
        print(f"{name:25s} energy {result.fun:.6f}, |gradient| {slope:.0e}, {result.nfev:6d} energies")

    figure = Figure(figsize=(5, 4), layout="constrained")
    ax = figure.subplots()
    for x, style, label in ((start, ":", "start"), (found["trust-ncg, jac and hessp"], ".-", "least energy")):
        joints = np.concatenate([HOOKS[:1], x.reshape(-1, 2), HOOKS[1:]])
        ax.plot(*joints.T, style, label=label)
    ax.plot(*HOOKS.T, "k^")
    ax.set_aspect("equal")
    ax.legend(edgecolor="none")
    figure.savefig("scipy_minimize.png", dpi=120)


if __name__ == "__main__":
    main()
