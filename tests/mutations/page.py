"""docs/mutation.md: what became of each kind of mutant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from mutations.study import DIFFERENCES, EQUIVALENT, LAWS, RAISED, SECOND, SURVIVED, Verdict

COLUMNS = ("planted", EQUIVALENT, DIFFERENCES, LAWS, SECOND, RAISED, SURVIVED)


def table(verdicts: Sequence[Verdict], kind: Callable[[Verdict], str], title: str) -> str:
    """A table in Markdown: kinds of mutants down, and what became of them across."""
    kinds = dict.fromkeys(map(kind, verdicts))
    counts = Counter((kind(v), v.by) for v in verdicts)
    lines = [f"| {title} | {' | '.join(COLUMNS)} |", f"|---|{'---:|' * len(COLUMNS)}"]

    def row(name: str, of: Sequence[str]) -> str:
        found = [sum(counts[k, by] for k in of) for by in COLUMNS[1:]]
        return f"| {name} | {' | '.join(map(str, [sum(found), *found]))} |"

    return "\n".join([*lines, *(row(k, [k]) for k in kinds), row("**all**", list(kinds))])


def page(verdicts: Sequence[Verdict]) -> str:
    """The part of docs/mutation.md that is about operations."""
    reasons = Counter(v.why for v in verdicts if v.by == EQUIVALENT)
    where = {
        why: dict.fromkeys(v.mutant.fault for v in verdicts if v.by == EQUIVALENT and v.why == why) for why in reasons
    }
    told = [f"| {why} | {', '.join(where[why])} | {count} |" for why, count in reasons.most_common()]
    return f"""{INTRODUCTION}
{table(verdicts, lambda v: v.mutant.fault, "fault")}

## What makes no difference

A mutant whose gradients, second derivatives and tangents are the same as the right ones on all inputs, to the last
digits, is not wrong. Each of them has one of these reasons, and the tests show that it has.

| reason | faults | mutants |
|---|---|---:|
{chr(10).join(told)}
"""


INTRODUCTION = """# Mutation study

Does the kit see what it is there to see? Into a copy of every operation of the table, one fault after another is
planted, in each of its rules; the public functions `compare_grads` and `compare_laws` then look at it, on small inputs
of several shapes, on either side of zero, broadcast and not, and at the declared kinks. The tests do this to a sample
in every run, and to all with `HYPOTHESIS_PROFILE=deep`. The operations as they are must pass on the same inputs.

The columns say what was the first to find a mutant wrong: two-sided differences of first order, in reverse or forward
mode; a law; differences of second order; or the engine, which raises where a gradient has the wrong shape. Ties are
beyond differences, but for one where the slopes agree, as at the zero of elu: there only the laws help, that a gradient
at a kink lies between the slopes beside it, and that permuting a batch permutes its gradients.
"""


def section(verdicts: Sequence[Verdict]) -> str:
    """The part of docs/mutation.md that is about compositions."""
    made: dict[str, list[str]] = {}
    for v in verdicts:
        composition, _, block = v.op.partition(": ")
        made.setdefault(composition, []).append(block)
    names = {composition: f"{composition}: {', '.join(dict.fromkeys(of))}" for composition, of in made.items()}
    rows = table(verdicts, lambda v: names[v.op.partition(": ")[0]], "composition: its operations")
    return f"{COMPOSED}\n{rows}\n"


COMPOSED = """
## Compositions

A composition of operations that stands for a function of NumPy has no rule of its own. So faults are planted in the
operations that it is made of, at their places in its graph and nowhere else: zero, which is also a derivative that is
cut off on its way, factor 2, factor 1.001, transposed, the cotangent squared, and doubled in second order. What makes
no difference lies where no derivative passes, as in the padding of pad, a constant.
"""
