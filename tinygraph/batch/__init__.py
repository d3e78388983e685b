"""Arrays with one value for each example, on which `vmap` runs a function for all examples at once."""

from tinygraph.batch.array import Batched
from tinygraph.batch.level import INSIDE, Level, enter, leave, levels_of

__all__ = ["INSIDE", "Batched", "Level", "enter", "leave", "levels_of"]
