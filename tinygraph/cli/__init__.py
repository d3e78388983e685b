"""The command line: `tinygraph demo`, `tinygraph graph` and `tinygraph check`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from tinygraph.cli.errors import CommandError

COMMANDS = ("demo", "graph", "check")
EXAMPLES = """examples:
  tinygraph demo
  tinygraph graph "3*(a + b*c)" a=5 b=3 c=2 -o J.svg
  tinygraph check mymodel:loss w=[0.5,-1,2]

`tinygraph COMMAND --help` says more."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0 done, 1 the job failed, 2 it makes no sense.

    Example:
        >>> main(["graph", "2*3"])
        J = 6
        0
    """
    for stream in (sys.stdout, sys.stderr):  # a terminal that lacks a sign shows another one
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        args = parser().parse_args(argv)
        code: int = args.run(args)
        sys.stdout.flush()
    except CommandError as error:
        print(f"tinygraph: {error}", file=sys.stderr)
        return error.exit_code
    except SystemExit as end:  # argparse: --help, or bad usage
        return end.code if isinstance(end.code, int) else 2
    except KeyboardInterrupt:
        print("tinygraph: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader, head say, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


def parser() -> argparse.ArgumentParser:
    """The parser of the command line, with one subcommand per module."""
    from tinygraph import __version__

    top = argparse.ArgumentParser(
        prog="tinygraph",
        description="Automatic differentiation on computation graphs: of formulas and functions, and a demonstration.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"tinygraph {__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name in COMMANDS:
        import_module(f"tinygraph.cli.{name}").add_parser(commands)
    return top
