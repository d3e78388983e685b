"""A recorded graph as a program: straight-line NumPy code that can be read, and run without the graph."""

from tinygraph.program.compiled import compile  # noqa: A004  the field's word
from tinygraph.program.source import source

__all__ = ["compile", "source"]
