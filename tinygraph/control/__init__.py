"""Loops and branches whose steps and choices may depend on arrays: `scan`, `while_loop` and `cond`, as JAX has them."""

from tinygraph.control.choice import cond
from tinygraph.control.iterate import scan, while_loop

__all__ = ["cond", "scan", "while_loop"]
