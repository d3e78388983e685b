"""The table: one record for every operation. Imports NumPy and `tinygraph.op`, nothing else."""

from tinygraph.ops import constant, elementwise, index, linalg, nn, reduce, shape

__all__ = ["constant", "elementwise", "index", "linalg", "nn", "reduce", "shape"]
