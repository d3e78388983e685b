"""`tinygraph demo`: a graph drawn, a network trained on real digits, its gradients verified, one page about it all."""

from __future__ import annotations

import argparse
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

import tinygraph as tg
from tinygraph.check import Report, compare_grads
from tinygraph.cli import digits_model as model
from tinygraph.cli.charts import learning_curve
from tinygraph.cli.digits_model import BATCH, Epoch, Params
from tinygraph.cli.errors import CommandError
from tinygraph.cli.folder import staged
from tinygraph.cli.progress import followed, say, sparkline
from tinygraph.cli.report import Drawing, Findings, page
from tinygraph.data import Split, digits, split
from tinygraph.render import render
from tinygraph.render.layout import LayoutError

GOAL = 0.95
NETWORK = "two-layer network"
FILES = ("index.html", "J.svg", "J.dot", "step.svg", "step.dot", "learning-curve.svg")
_DOC = """Draw the course's graph, train two models on real handwritten digits, verify the network's gradients against
two-sided differences, and write a folder with the pictures and a one-page report. The exit code is 0 if the
held-out accuracy reaches 0.95 and no gradient is wrong."""


def add_parser(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "demo", help="the main job in one command: draw, train, verify, report", description=_DOC
    )
    parser.add_argument(
        "-o", "--output", metavar="FOLDER", type=Path, default=Path("tinygraph-demo"), help="default: %(default)s"
    )
    parser.add_argument("--seed", type=_whole(0), default=0, metavar="N", help="of everything random (default: 0)")
    parser.add_argument("--epochs", type=_whole(1), default=30, metavar="N", help="of training (default: 30)")
    parser.set_defaults(run=run)


def _whole(least: int) -> Any:
    def number(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least {least}")
        return int(text)

    return number


def run(args: argparse.Namespace) -> int:
    """Do it all.

    Raises:
        CommandError: the folder cannot be written, or holds something else; matplotlib is missing.
    """
    if find_spec("matplotlib") is None:
        raise CommandError('the demo draws its learning curves with matplotlib: pip install "tinygraph[demo]"')
    started = time.perf_counter()
    with staged(args.output, FILES) as texts:
        course = _course()
        data = split(*digits(), seed=args.seed)
        histories, trained = _train_both(data, args.epochs, args.seed)
        findings = Findings(
            command=_command(args),
            course=course,
            step=_step(trained, data),
            curve=learning_curve(histories),
            source=model.listing(),
            data=data,
            found=model.predict(model.network, trained, data.held_out_x),
            accuracies={name: history[-1].accuracy for name, history in histories.items()},
            goal=GOAL,
            gradients=_verify(trained, data),
            parameters=sum(t.size for t in trained.values()),
            epochs=args.epochs,
            seed=args.seed,
            batch=BATCH,
        )
        texts |= {"index.html": page(findings), "learning-curve.svg": findings.curve}
        for name, drawing in (("J", findings.course), ("step", findings.step)):
            texts |= {f"{name}.dot": drawing.dot} | ({f"{name}.svg": drawing.svg} if drawing.svg is not None else {})
    return _verdict(findings.accuracies[NETWORK], findings.gradients, args.output, time.perf_counter() - started)


def _command(args: argparse.Namespace) -> str:
    """What was typed, as far as it changes the page."""
    given = [("--seed", args.seed, 0), ("--epochs", args.epochs, 30)]
    return " ".join(["tinygraph demo", *(f"{name} {value}" for name, value, usual in given if value != usual)])


def _draw(t: tg.Tensor, names: dict[str, Any] | None = None) -> Drawing:
    picture = render(t, names=names)
    try:
        return Drawing(picture.svg, picture.dot)
    except LayoutError as error:
        say(f"  not drawn, the .dot source is written instead: {str(error).splitlines()[0]}")
        return Drawing(None, picture.dot)


def _course() -> Drawing:
    """The course's graph: its values, its derivatives and its picture."""
    a, b, c = tg.Tensor(5.0), tg.Tensor(3.0), tg.Tensor(2.0)
    u = b * c
    v = a + u
    J = 3 * v
    names = {"a": a, "b": b, "c": c, "u": u, "v": v, "J": J}
    for name, t in names.items():
        t.name = name
    J.backward()
    say("J = 3 (a + b c)")
    say("  " + ", ".join(f"{name} = {t.item():g}" for name, t in names.items()))
    say("  " + ", ".join(f"dJ/d{name} = {t.grad.item():g}" for name, t in names.items() if name != "J"))
    return _draw(J, names)


def _train_both(data: Split, epochs: int, seed: int) -> tuple[dict[str, list[Epoch]], Params]:
    """Both models' histories, and the network's parameters."""
    say(f"Handwritten digits: {len(data.train_y):,} images to learn from, {len(data.held_out_y)} held out")
    histories: dict[str, list[Epoch]] = {}
    rng = np.random.default_rng(seed)
    weights = model.start_network(rng)
    jobs = [("logistic regression", model.logistic, model.start_logistic()), (NETWORK, model.network, weights)]
    for name, logits, p in jobs:
        say(f"Training: {name}, {sum(t.size for t in p.values()):,} parameters")
        histories[name] = list(followed(model.train(logits, p, data, epochs, rng), epochs, name))
    for name, history in histories.items():
        curve = sparkline([float(np.log(epoch.loss)) for epoch in history])
        say(f"  {name:<20} {curve}  held-out accuracy {history[-1].accuracy:.4f}")
    return histories, weights


def _verify(p: Params, data: Split) -> Report:
    """Each of the network's parameters against two-sided differences, on one mini-batch."""
    say("Verifying: every parameter of the network against two-sided differences")
    x, y = data.train_x[:BATCH], data.train_y[:BATCH]
    report = compare_grads(lambda p: tg.cross_entropy(model.network(p, x), y), {name: t.data for name, t in p.items()})
    for line in str(report).splitlines():
        say(f"  {line}")
    return report


def _step(p: Params, data: Split) -> Drawing:
    """The graph of the loss on one mini-batch."""
    x = tg.Tensor(data.train_x[:BATCH], requires_grad=False, name="x")
    h = model.hidden(p, x)
    logits = model.output(p, h)
    labels = data.train_y[:BATCH]
    loss = tg.cross_entropy(logits, labels)
    return _draw(loss, {"h": h, "logits": logits, "labels": labels, "loss": loss})


def _verdict(accuracy: float, gradients: Report, output: Path, seconds: float) -> int:
    reached, sound = accuracy >= GOAL, gradients.ok
    say(f"Held-out accuracy {accuracy:.4f}{'' if reached else f': below the {GOAL} that was wanted'}")
    say(
        f"Gradients {'right' if sound else 'NOT right'}: {gradients.right:,} right, {gradients.wrong} wrong, "
        f"{gradients.inconclusive} inconclusive"
    )
    say(f"Open {output / 'index.html'} ({seconds:.1f} s)")
    return 0 if reached and sound else 1
