"""Exponentially weighted averages of a year of temperatures, v := β v + (1 - β) θ, and their bias correction."""

import numpy as np
from matplotlib.figure import Figure

from tinygraph.optim import exponential_average

BETAS = (0.5, 0.9, 0.98)
COLOURS = ("#009e73", "#d55e00", "#0072b2")


def temperatures():
    """A year in degrees, day by day: the season, and weather that changes within a few days."""
    rng = np.random.default_rng(0)
    weather = exponential_average(rng.normal(0, 6, 365), 0.6, bias_correction=True)
    return 11 - 9 * np.cos(2 * np.pi * (np.arange(365) - 20) / 365) + weather


def main(fast=False) -> None:
    theta = temperatures()
    days = np.arange(1, 366)
    figure = Figure(figsize=(12, 4.2), layout="constrained")
    year, start = figure.subplots(1, 2, width_ratios=(3, 2))
    for ax in (year, start):
        ax.spines[["top", "right"]].set_visible(False)
        ax.set(xlabel="day", ylabel="temperature, °C")
    year.scatter(days, theta, s=5, color="#9aa3ad", label="each day")
    start.scatter(days[:50], theta[:50], s=8, color="#9aa3ad")
    for beta, colour in zip(BETAS, COLOURS, strict=True):
        v = exponential_average(theta, beta)
        corrected = exponential_average(theta, beta, bias_correction=True)
        span = 1 / (1 - beta)
        # the weight of a day 1/(1 - beta) days ago is about 1/e of today's
        print(
            f"beta {beta:.2f}: averages over about {span:2.0f} days, weight then {beta**span:.2f} of today's; "
            f"day 1 is {theta[0]:.1f}, average {v[0]:.2f}, corrected {corrected[0]:.2f}; "
            f"they differ by {abs(v - corrected)[-1]:.3f} on day 365"
        )
        year.plot(days, corrected, color=colour, label=f"β = {beta}, about {span:.0f} days")
        start.plot(days[:50], corrected[:50], color=colour, label=f"β = {beta}, corrected")
        start.plot(days[:50], v[:50], color=colour, linestyle="--", label=f"β = {beta}")
    year.legend(edgecolor="none")
    start.legend(edgecolor="none", fontsize="small", ncols=2)
    figure.savefig("exponential_averages.png", dpi=120)


if __name__ == "__main__":
    main()
