"""The command line: `python -m benchmarks [WORKLOAD ...]`."""

import argparse
import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from benchmarks import contestants, environment, tables
from benchmarks.budgets import judge
from benchmarks.harness import Result
from benchmarks.profiles import PROFILES, Profile

WORKLOADS: dict[str, Callable[[Profile, Iterable[str]], Iterable[Result]]] = {
    name: module.run for name, module in tables.MODULES.items()
}


def _number(given: str) -> int:
    if not given.isdecimal() or int(given) < 1:
        raise argparse.ArgumentTypeError(f"{given!r} is no number from 1 on")
    return int(given)


def parser() -> argparse.ArgumentParser:
    cli = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Time tinygraph beside hand-written NumPy, PyTorch, autograd, MyGrad, micrograd and JAX, in one "
        "run. Peers are optional: pip install -r benchmarks/requirements-peers.txt",
        epilog="workloads: " + "; ".join(f"{name}: {tables.ABOUT[name]}" for name in WORKLOADS),
    )
    cli.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=f"of {', '.join(WORKLOADS)} (default: all)")
    cli.add_argument(
        "--profile", choices=PROFILES, default="full", help="how much to measure (default: full, about 8 minutes)"
    )
    cli.add_argument(
        "--quick", dest="profile", action="store_const", const="quick", help="short for --profile quick, about a minute"
    )
    cli.add_argument("--only", metavar="NAMES", help="contestants, with commas: " + ",".join(contestants.CONTESTANTS))
    cli.add_argument("--threads", type=_number, default=1, metavar="N", help="of every library (default: 1)")
    cli.add_argument(
        "--dtype", choices=("float32", "float64"), default="float32", help="of whole networks (default: float32)"
    )
    cli.add_argument(
        "--mallopt",
        action="store_true",
        help="raise glibc's mmap and trim thresholds, for all contestants (Linux; the table says so)",
    )
    cli.add_argument("--json", type=Path, metavar="FILE", help="write everything, samples included")
    cli.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables")
    return cli


def main(argv: list[str]) -> int:
    """Measure, print, write. 0; 1 where a result was wrong or tinygraph failed; 2 for a bad command line."""
    cli = parser()
    args = cli.parse_args(argv)
    asked = args.only.split(",") if args.only else contestants.DEFAULT
    for name in args.workloads:
        if name not in WORKLOADS:
            cli.error(f"no workload {name!r}; choose from {', '.join(WORKLOADS)}")
    for name in asked:
        if name not in contestants.CONTESTANTS:
            cli.error(f"no contestant {name!r}; choose from {', '.join(contestants.CONTESTANTS)}")
    for path in (args.json, args.markdown):
        if path and not path.resolve().parent.is_dir():
            cli.error(f"no folder {path.resolve().parent}")

    names, absent = contestants.settle(asked)
    contestants.restrain(names)
    if args.mallopt and not environment.tune_malloc():
        cli.error("--mallopt: this system has no mallopt")

    environment.settle_malloc()
    profile = replace(PROFILES[args.profile], dtype=args.dtype)
    results = []
    for workload in args.workloads or WORKLOADS:
        options = {"mallopt": args.mallopt} if workload == "million" else {}
        for result in WORKLOADS[workload](profile, names, **options):
            print(f"measured {result.workload}, {result.case}", file=sys.stderr, flush=True)
            results.append(result)

    machine, verdicts = environment.describe(args.mallopt, args.dtype), judge(results)
    header = tables.head(machine, absent, args.profile)
    print(tables.report(header, results, verdicts, markdown=False))
    if args.markdown:
        args.markdown.write_text(tables.report(header, results, verdicts, markdown=True), encoding="utf-8")
    if args.json:
        everything = tables.as_json(machine, absent, args.profile, results, verdicts)
        args.json.write_text(json.dumps(everything, indent=1) + "\n", encoding="utf-8")
    return 1 if any(result.faults for result in results) else 0
