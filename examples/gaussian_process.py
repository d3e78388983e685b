"""A Gaussian process: its kernel is learned by the gradient of the marginal likelihood, through a Cholesky factor.

log p(y) = -½ yᵀ K⁻¹ y - Σ log Lᵢᵢ - ½ n log 2π with K = L Lᵀ (Rasmussen and Williams, 2006, equation 2.30).
"""

import numpy as np
from matplotlib.figure import Figure

import tinygraph as tg


def kernel(p, a, b):
    """Amplitude² exp(-½ (a - b)² / length²)."""
    return np.exp(2 * p["amplitude"]) * np.exp(-0.5 * ((a[:, None] - b) / np.exp(p["length"])) ** 2)


def loss(p, x, y):
    """-log p(y), by the logarithms of amplitude, length and noise."""
    K = kernel(p, x, x) + np.exp(2 * p["noise"]) * np.eye(x.size)
    L = np.linalg.cholesky(K)
    white = np.linalg.solve(L, y)
    return 0.5 * white @ white + np.log(np.diagonal(L)).sum() + 0.5 * x.size * np.log(2 * np.pi)


def predict(p, x, y, at):
    """Mean and standard deviation of the function itself, without the noise."""
    K = kernel(p, x, x) + np.exp(2 * p["noise"]) * np.eye(x.size)
    across = kernel(p, x, at)
    mean = across.T @ np.linalg.solve(K, y)
    cov = kernel(p, at, at) - across.T @ np.linalg.solve(K, across)
    return mean, np.sqrt(np.maximum(np.diagonal(cov), 0.0))


def main() -> None:
    rng = np.random.default_rng(1)
    x = np.sort(np.concatenate([rng.uniform(0, 4, 18), rng.uniform(6, 8, 8)]))
    y = np.sin(2 * x) + 0.3 * x + 0.15 * rng.normal(size=x.size)
    y -= y.mean()
    start = {"amplitude": np.array(0.0), "length": np.array(1.0), "noise": np.array(0.0)}

    step = tg.value_and_grad(loss)
    p, moment, costs = dict(start), dict.fromkeys(start, 0.0), []
    for _ in range(200):
        value, g = step(p, x, y)
        costs.append(float(value))
        moment = {k: 0.9 * moment[k] + 0.1 * g[k] for k in p}
        p = {k: p[k] - 0.05 * moment[k] for k in p}
    print(f"-log p(y) {costs[0]:.2f} → {costs[-1]:.2f}")
    print(", ".join(f"{k} {float(np.exp(v)):.2f}" for k, v in p.items()) + "; made with noise 0.15")
    H = tg.hessian(lambda v: loss(dict(zip(p, v, strict=True)), x, y))(np.array([float(v) for v in p.values()]))
    print("Hessian's eigenvalues all positive, a minimum:", bool(np.all(np.linalg.eigvalsh(H) > 0)))

    at = np.linspace(-0.5, 9, 300)
    figure = Figure(figsize=(10, 3.6), layout="constrained")
    for ax, (title, q) in zip(figure.subplots(1, 2, sharey=True), {"before": start, "learned": p}.items(), strict=True):
        mean, spread = predict(q, x, y, at)
        ax.fill_between(at, mean - 2 * spread, mean + 2 * spread, alpha=0.2, linewidth=0, label="± 2 σ")
        ax.plot(at, mean, label="mean")
        ax.plot(x, y, ".", color="0.3", label="measured")
        ax.set(title=f"{title}: log p(y) = {-float(loss(q, x, y)):.1f}", xlabel="x")
    ax.legend(edgecolor="none", loc="lower right")
    figure.savefig("gaussian_process.png", dpi=120)


if __name__ == "__main__":
    main()
