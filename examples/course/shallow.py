"""A network with one hidden layer: the 4 forward and 6 backward equations of the lecture, beside the engine's."""

import numpy as np

import tinygraph as tg


def forward(X, parameters):
    """Z[1] = W[1] X + b[1], A[1] = g(Z[1]), Z[2] = W[2] A[1] + b[2], A[2] = sigmoid(Z[2]); here g is tanh."""
    Z1 = parameters["W1"] @ X + parameters["b1"]
    A1 = np.tanh(Z1)
    Z2 = parameters["W2"] @ A1 + parameters["b2"]
    A2 = tg.sigmoid(Z2)
    return A2, (A1, A2)


def cost(A2, Y):
    """J, the mean of the losses."""
    return -np.mean(Y * np.log(A2) + (1 - Y) * np.log(1 - A2))


def backward(parameters, cache, X, Y):
    """The 6 equations; m is the number of samples. dZ is A - Y, and 1/m stands in dW and db."""
    A1, A2 = cache
    m = X.shape[1]
    dZ2 = A2 - Y
    dW2 = dZ2 @ A1.T / m
    db2 = dZ2.sum(axis=1, keepdims=True) / m
    dZ1 = parameters["W2"].T @ dZ2 * (1 - A1**2)
    dW1 = dZ1 @ X.T / m
    db1 = dZ1.sum(axis=1, keepdims=True) / m
    return {"dW1": dW1, "db1": db1, "dW2": dW2, "db2": db2}


def backward_of_the_derivative(parameters, cache, X, Y):
    """The same, with 1/m in dZ = dJ/dZ: then dW and db carry no further one, since the reverse of a copy is a sum."""
    A1, A2 = cache
    dZ2 = (A2 - Y) / X.shape[1]
    dZ1 = parameters["W2"].T @ dZ2 * (1 - A1**2)
    sums = {"db1": dZ1.sum(axis=1, keepdims=True), "db2": dZ2.sum(axis=1, keepdims=True)}
    return {"dW1": dZ1 @ X.T, "dW2": dZ2 @ A1.T} | sums


def backward_of_the_notes(parameters, cache, X, Y):
    """A mixture of the two, as in a student's notes: dZ carries 1/m, and db divides by m once more."""
    grads = backward_of_the_derivative(parameters, cache, X, Y)
    return {name: d / X.shape[1] if name.startswith("db") else d for name, d in grads.items()}


def main(fast=False) -> None:
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(2, 6)), (rng.random((1, 6)) < 0.5).astype(float)
    p = {"W1": rng.normal(size=(4, 2)), "b1": rng.normal(size=(4, 1))}
    p |= {"W2": rng.normal(size=(1, 4)), "b2": rng.normal(size=(1, 1))}
    engine = tg.grad(lambda p: cost(forward(X, p)[0], Y))(p)
    for way in (backward, backward_of_the_derivative, backward_of_the_notes):
        by_hand = way(p, forward(X, p)[1], X, Y)
        gaps = ", ".join(f"{name} {np.abs(d - engine[name[1:]]).max():.0e}" for name, d in sorted(by_hand.items()))
        print(f"{way.__name__}: differs from the engine by {gaps}")
        report = tg.check.compare_backprop(forward, way, cost, X=X, Y=Y, parameters=p)
        for line in [str(report).splitlines()[0], *report.notes]:
            print(f"  {line}")


if __name__ == "__main__":
    main()
