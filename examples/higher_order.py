"""Derivatives of derivatives: grad of grad, the Hessian, its product with a vector, and Newton's method."""

import numpy as np

import tinygraph as tg


def rosenbrock(x):
    return ((1.0 - x[:-1]) ** 2 + 100.0 * (x[1:] - x[:-1] ** 2) ** 2).sum()


def main() -> None:
    f = np.tanh
    for order in range(5):
        print(f"tanh, derivative {order} at 0.5: {float(f(0.5)):+.6f}")
        f = tg.grad(f)

    x = np.array([-1.2, 1.0])
    print("gradient", tg.grad(rosenbrock)(x))
    print("Hessian", tg.hessian(rosenbrock)(x).tolist())
    print("Hessian times (1, 2)", tg.hvp(rosenbrock, (x,), (np.array([1.0, 2.0]),)))

    for _ in range(7):
        x = x - np.linalg.solve(tg.hessian(rosenbrock)(x), tg.grad(rosenbrock)(x))
    print("Newton's method ends at", x.round(6))


if __name__ == "__main__":
    main()
