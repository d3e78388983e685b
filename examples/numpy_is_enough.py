"""A function written for NumPy, which has never heard of tinygraph, is differentiated as it stands."""

import numpy as np

import tinygraph as tg


def pendulum_energy(angles, masses, length=1.0):
    """Potential energy of a chain of pendulums, in plain NumPy."""
    heights = -np.cumsum(length * np.cos(angles))
    return 9.81 * np.sum(masses * heights)


def main() -> None:
    angles, masses = np.array([0.1, 0.2, 0.4]), np.array([1.0, 2.0, 0.5])
    print(f"energy {pendulum_energy(angles, masses):.4f} J")
    torques, weights = tg.grad(pendulum_energy, argnums=(0, 1))(angles, masses)
    print("dE/dangle", torques.round(4))
    print("dE/dmass ", weights.round(4))
    stiffness = tg.hessian(pendulum_energy)(angles, masses)
    print("stiffness", stiffness.round(4).tolist())


if __name__ == "__main__":
    main()
