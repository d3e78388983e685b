"""docs/mutation.md: what became of each kind of mutant."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Sequence

from mutations.study import DIFFERENCES, EQUIVALENT, LAWS, RAISED, SECOND, SURVIVED, Verdict

COLUMNS = ("planted", EQUIVALENT, DIFFERENCES, LAWS, SECOND, RAISED, SURVIVED)


def table(verdicts: Sequence[Verdict]) -> str:
    """A table in Markdown: faults down, and what became of them across."""
    counts = Counter((v.mutant.fault, v.by) for v in verdicts)
    faults = dict.fromkeys(v.mutant.fault for v in verdicts)
    lines = [f"| fault | {' | '.join(COLUMNS)} |", f"|---|{'---:|' * len(COLUMNS)}"]

    def row(name: str, of: Sequence[str]) -> str:
        found = [sum(counts[fault, by] for fault in of) for by in COLUMNS[1:]]
        return f"| {name} | {' | '.join(map(str, [sum(found), *found]))} |"

    return "\n".join([*lines, *(row(fault, [fault]) for fault in faults), row("**all**", list(faults))])


def reasons(verdicts: Sequence[Verdict]) -> str:
    """A table of why mutants make no difference, and how many have each reason."""
    same = [v for v in verdicts if v.by == EQUIVALENT]
    counts = Counter(v.why for v in same)
    faults = {why: dict.fromkeys(v.mutant.fault for v in same if v.why == why) for why in counts}
    rows = [f"| {why} | {', '.join(faults[why])} | {count} |" for why, count in counts.most_common()]
    return "\n".join(["| reason | faults | mutants |", "|---|---|---:|", *rows])


def page(verdicts: Sequence[Verdict]) -> str:
    """The part of docs/mutation.md that is about operations."""
    return f"""{INTRODUCTION.format(len({v.op for v in verdicts}))}
{table(verdicts)}

## What makes no difference

A mutant whose gradients, second derivatives and tangents are the same as the right ones on all inputs, to the last
digits, is not wrong. Each of them has one of these reasons, and the tests show that it has.

{reasons(verdicts)}
"""


INTRODUCTION = """# Mutation study

Does the kit see what it is there to see? Into a copy of each of {} operations, one fault after another is planted, in
each of its rules; the public functions `compare_grads` and `compare_laws` then look at it, on small inputs of several
shapes, on either side of zero, broadcast and not, and at the declared kinks. The tests do this to a sample in every
run, and to all with `HYPOTHESIS_PROFILE=deep`. The operations as they are must pass on the same inputs.

The columns say what was the first to find a mutant wrong: two-sided differences of first order, in reverse or forward
mode; a law; differences of second order; or the engine, which raises where a gradient has the wrong shape. Where
the slopes on either side of a tie agree, as at the zero of elu, differences see it too. Elsewhere ties are beyond them,
and only the laws help: that a gradient at a kink lies between the slopes beside it, and that permuting a batch permutes
its gradients.
"""


def section(verdicts: Sequence[Verdict]) -> str:
    """The part of docs/mutation.md that is about compositions."""
    names = sorted({v.op.partition(": ")[0] for v in verdicts})
    listed = textwrap.fill(f"The compositions: {', '.join(names)}.", 118)
    return f"""{COMPOSED.format(len(names), len({v.op for v in verdicts}))}
{table(verdicts)}

{reasons(verdicts)}

{listed}
"""


COMPOSED = """
## Compositions

A composition of operations that stands for a function of NumPy or SciPy has no rule of its own. So faults are planted
in the operations that it is made of, at their places in its graph and nowhere else: zero, which is also a derivative
that is cut off on its way, factor 2, factor 1.001, transposed, the cotangent squared, and doubled in second order. The
kit looks at {} compositions, and in them at {} operations. What makes no difference on the first inputs, or is not
caught there, is tried on the further ones too.

Where what comes back cancels, as it does at the mean inside a variance, a factor of 1.001 leaves the first order as it
is, and the second is off by the square of 0.001, a millionth: less than the 1e-4 that the kit promises to see. These
are counted as making no difference, each after its size has been measured.
"""
