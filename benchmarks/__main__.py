"""`python -m benchmarks`."""

import sys

from benchmarks import environment


def main() -> int:
    environment.one_thread()
    from benchmarks import cli  # only now: it imports NumPy, which reads its number of threads once

    return cli.main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
