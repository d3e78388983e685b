"""An objective for scipy.optimize and the `jac` that goes with it, checked before the optimizer is blamed."""

import numpy as np

from tinygraph.check import check_pair, compare_pair
from tinygraph.check.adapters import scipy_pair

try:
    from scipy.optimize import minimize
except ImportError:
    minimize = None


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def jac(x):
    g = np.zeros_like(x)
    g[:-1] = -400 * x[:-1] * (x[1:] - x[:-1] ** 2) - 2 * (1 - x[:-1])
    g[1:] += 200 * (x[1:] - x[:-1] ** 2)
    return g


def hasty_jac(x):
    g = jac(x)
    g[0] /= 2
    return g


def main() -> None:
    x = np.array([-1.2, 1.0, 0.8])
    check_pair(*scipy_pair(rosenbrock, jac), x)
    print("jac is right")
    print("hasty_jac:", compare_pair(*scipy_pair(rosenbrock, hasty_jac), x))
    if minimize is None:
        print("SciPy is not installed, so nothing is minimised: pip install scipy")
        return
    for gradient in (jac, hasty_jac):
        found = minimize(rosenbrock, x, jac=gradient, method="BFGS")
        print(f"BFGS with {gradient.__name__}: x = {found.x.round(4)}, {found.nit} iterations, success {found.success}")


if __name__ == "__main__":
    main()
