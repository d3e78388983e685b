"""How layers are counted: those that learn, without the input; "hidden" is what the training set has no targets for."""

from itertools import pairwise

import numpy as np

import tinygraph as tg
from tinygraph import nn


def main(fast=False) -> None:
    networks = {
        "logistic regression, a network of 1 layer": [4, 1],
        "one hidden layer, 2 layers": [4, 3, 1],
        "five hidden layers, 6 layers": [4, 3, 3, 3, 3, 3, 1],
    }
    for name, sizes in networks.items():
        rng, layers = np.random.default_rng(0), []
        for n_in, n_out in pairwise(sizes):
            layers += [nn.Linear(n_in, n_out, rng=rng), nn.Sigmoid()]
        model = nn.Sequential(*layers)
        summary = model.summary(np.zeros((1, 4)))
        print(f"{name}:\n{summary}\n")
    model = nn.Sequential(nn.Linear(4, 3, rng=0), nn.Tanh(), nn.Linear(3, 1, rng=1), nn.Sigmoid())
    tg.render(model(np.ones((5, 4))), "layers.svg", title="two layers: the input is not counted")


if __name__ == "__main__":
    main()
