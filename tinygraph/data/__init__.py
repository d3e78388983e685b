"""Data sets that come with the package, and what prepares data for training."""

from tinygraph.data.digits import Split, digits, split

__all__ = ["Split", "digits", "split"]
