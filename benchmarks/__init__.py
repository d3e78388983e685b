"""tinygraph side by side with hand-written NumPy and its peers, in one run: `python -m benchmarks --help`."""
