"""A student's two-layer network in the course's notation, with five typical bugs: each is found and named.

Samples are columns. forward_propagation, compute_cost and backward_propagation are the exercise's, unchanged; they know
nothing of tinygraph, and are checked in one call.
"""

import numpy as np

from tinygraph.check import compare_backprop


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def forward_propagation(X, parameters):
    Z1 = parameters["W1"] @ X + parameters["b1"]
    A1 = np.tanh(Z1)
    Z2 = parameters["W2"] @ A1 + parameters["b2"]
    A2 = sigmoid(Z2)
    return A2, {"Z1": Z1, "A1": A1, "Z2": Z2, "A2": A2}


def compute_cost(A2, Y):
    return -np.mean(Y * np.log(A2) + (1 - Y) * np.log(1 - A2))


def backward_propagation(parameters, cache, X, Y, bug=""):
    m = X.shape[1]
    A1, A2 = cache["A1"], cache["A2"]
    dZ2 = Y - A2 if bug == "the sign of dZ2" else A2 - Y
    dW2 = dZ2 @ A1.T / m
    db2 = dZ2.sum(axis=1, keepdims=True) / (m * m if bug == "1/m twice in db2" else m)
    slope = 1 - (cache["Z1"] if bug == "Z1 for A1 in the derivative of tanh" else A1) ** 2
    dZ1 = parameters["W2"].T @ dZ2 * slope
    dW1 = X @ dZ1.T / m if bug == "dW1 transposed" else dZ1 @ X.T / m
    db1 = dZ1 / m if bug == "db1 without its sum" else dZ1.sum(axis=1, keepdims=True) / m
    return {"dW1": dW1, "db1": db1, "dW2": dW2, "db2": db2}


BUGS = (
    "",
    "1/m twice in db2",
    "the sign of dZ2",
    "dW1 transposed",
    "db1 without its sum",
    "Z1 for A1 in the derivative of tanh",
)


def main() -> None:
    rng = np.random.default_rng(1)
    X, Y = rng.normal(size=(3, 6)), np.array([[0, 1, 1, 0, 1, 0]])
    parameters = {
        "W1": rng.normal(size=(4, 3)),
        "b1": rng.normal(size=(4, 1)),
        "W2": rng.normal(size=(1, 4)),
        "b2": rng.normal(size=(1, 1)),
    }
    for bug in BUGS:
        report = compare_backprop(
            forward_propagation, backward_propagation, compute_cost, X=X, Y=Y, parameters=parameters, bug=bug
        )
        print(f"{bug or 'as in the lecture'}: {report.right} right, {report.wrong} wrong of {report.size}")
        for note in report.notes:
            print(f"  {note}")


if __name__ == "__main__":
    main()
