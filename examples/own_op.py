"""An operation of one's own: its value, its rule, its proof."""

import numpy as np

import tinygraph as tg
from tinygraph.check import GradientError, check_grads


@tg.op(kind="elementwise", vjps=[lambda g, ans, x: g * tg.sigmoid(x) * (1.0 + x - ans)])
def swish(x):
    """x times the sigmoid of x."""
    return x * tg.sigmoid(x)


@tg.op(kind="elementwise", vjps=[lambda g, ans, x: g * tg.sigmoid(x)])
def forgetful(x):
    """The same, with the product rule forgotten."""
    return x * tg.sigmoid(x)


def main() -> None:
    x = np.linspace(-3.0, 3.0, 6)
    check_grads(swish, x, order=2)
    print("swish: first and second derivatives agree with two-sided differences")
    print("swish'(x) =", tg.grad(lambda x: swish(x).sum())(x).round(4))
    try:
        check_grads(forgetful, x)
    except GradientError as error:
        print("forgetful:", error)


if __name__ == "__main__":
    main()
