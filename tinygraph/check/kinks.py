"""The law of kinks: a gradient there lies between the slopes beside the point."""

from __future__ import annotations

import numpy as np

from tinygraph.check.differences import Slope, beside, confirmed, slope
from tinygraph.check.probe import Line, Probe
from tinygraph.check.subject import SHARP, NotApplicable, Subject

_MANY = 1000  # elements
_LOUD = 2.0**-20  # noise, as a part of the values, that looks like kinks
_UNSETTLED = 0.1  # of the slope: at a jump it does not settle, whether or not the two sides agree


def subgradients(s: Subject) -> str | None:
    """At a kink or a jump the gradient lies between the slopes beside it, element by element.

    Where it is smooth to move all elements together, as it is for a tie, the gradient is right along that line.
    """
    probe = Probe(s.outputs_of_constants, s.leaves, None, s.seed)
    if probe.size > _MANY:
        raise NotApplicable(f"{probe.size} elements are too many to look for kinks at each")
    signs = np.random.default_rng(s.seed).choice([-1.0, 1.0], probe.size) * probe.scale
    nearby = probe(probe.along(signs)(probe.step))  # a value may be zero at the kink itself
    if np.any(probe.noise > _LOUD * np.max(np.abs([probe.y, nearby]), initial=0.0)):
        raise NotApplicable("f is too noisy, or too steep, to tell a kink")
    parts = np.split(probe.weights, np.cumsum([y.size for y in s.values()])[:-1])
    u = [w.reshape(y.shape) for w, y in zip(parts, s.values(), strict=True)]
    flat, seen = np.concatenate([g.ravel() for g in s.pulled(u)]), False
    for k in range(probe.size):
        line = probe.element(k)
        found = slope(probe, line)
        if not found.finite or (not found.kink and found.truncation <= _UNSETTLED * abs(found.value)):
            continue
        seen, (low, high) = True, beside(probe, line)
        claim = flat[k] * probe.scale[k]
        if (claim < low or claim > high) and not _smooth(probe, line, found, claim):  # NaN is neither
            i = int(np.searchsorted(probe.offsets, k, side="right")) - 1
            between = " and ".join(f"{v / probe.scale[k]:.6g}" for v in (low, high))
            return f"{s.names[i]}, element {k - probe.offsets[i]}: {flat[k]:.10g} is not between {between}"
    if not seen:
        raise NotApplicable("there is no kink here")
    line, total = probe.along(np.ones(probe.size)), float(flat.sum())
    together = slope(probe, line)
    if together.settled and abs(total - together.value) > together.bound:
        together = confirmed(probe, line, together, total, SHARP * abs(total))
    if together.settled and not together.kink and abs(total - together.value) > together.bound:
        return f"with all elements moving together: {total:.10g}, numeric {together.value:.10g} ± {together.bound:.1e}"
    return None


def _smooth(probe: Probe, line: Line, first: Slope, claim: float) -> bool:
    """Whether smaller steps show no kink, but the slope that is claimed: f is steep."""
    again = confirmed(probe, line, first, claim, SHARP * abs(claim))
    return again.settled and not again.kink and abs(again.value - claim) <= again.bound
