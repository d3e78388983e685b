"""Real images of handwritten digits."""

from __future__ import annotations

from importlib.resources import files

import numpy as np

from tinygraph.data.samples import Samples


def digits() -> Samples:
    """1797 images of 8 x 8 pixels, and the digits they show.

    Returns:
        images, float64 of shape (1797, 64), from 0 (paper) to 1 (ink), the rows of pixels one after the other;
        labels, int64 of shape (1797,), 0 to 9.

    The test set of E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning
    Repository, 1998, doi:10.24432/C50P49, licensed under CC BY 4.0. It comes with the package.

    Example:
        >>> images, labels = digits()
        >>> images.shape, images.max(), labels[:5]
        ((1797, 64), np.float64(1.0), array([0, 1, 2, 3, 4]))
    """
    with (files(__package__) / "digits.npz").open("rb") as file, np.load(file) as stored:
        return Samples(stored["images"] / 16.0, stored["labels"].astype(np.int64))
