"""`python -m benchmarks`."""

import argparse
import sys

from benchmarks import environment


def main() -> int:
    early = argparse.ArgumentParser(add_help=False)
    early.add_argument("--threads", default="1")
    environment.limit_threads(early.parse_known_args()[0].threads)
    from benchmarks import cli  # only now: it imports NumPy, which reads its number of threads once

    return cli.main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
