"""Text as characters, for models that predict the next one."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import numpy as np

from tinygraph.data.samples import Samples

Codes = np.ndarray[Any, np.dtype[np.int64]]


class Characters:
    """A vocabulary of characters, each with its number from 0, in the order of Unicode.

    Args:
        text: whose characters make the vocabulary.

    Example:
        >>> characters = Characters("hello")
        >>> characters.vocabulary, len(characters)
        ('ehlo', 4)
        >>> characters.encode("hole"), characters.decode([1, 0, 2, 2, 3])
        (array([1, 3, 2, 0]), 'hello')
    """

    def __init__(self, text: str) -> None:
        if not isinstance(text, str):
            raise TypeError(f"Characters: text is needed, not a {type(text).__name__}; read files with .read_text()")
        self.vocabulary = "".join(sorted(set(text)))
        self._codes = {character: k for k, character in enumerate(self.vocabulary)}

    def __len__(self) -> int:
        return len(self.vocabulary)

    def __repr__(self) -> str:
        return f"Characters({self.vocabulary!r})"

    def encode(self, text: str) -> Codes:
        """The number of each character.

        Raises:
            ValueError: a character that the vocabulary has not.
        """
        try:
            return np.array([self._codes[c] for c in text], dtype=np.int64)
        except KeyError as error:
            place = text.index(error.args[0])
            raise ValueError(
                f"Characters: {error.args[0]!r}, at {place} of the text, is not among the {len(self)} characters "
                f"{self.vocabulary!r}"
            ) from None

    def decode(self, codes: Any) -> str:
        """The text of the numbers.

        Raises:
            ValueError: a number that is no character's.
        """
        codes = np.asarray(codes)
        if codes.size and (codes.dtype.kind not in "iu" or codes.min() < 0 or codes.max() >= len(self)):
            raise ValueError(f"Characters: codes are whole numbers from 0 to {len(self) - 1}, got {codes}")
        return "".join(self.vocabulary[k] for k in codes.ravel().tolist())


def sequences(codes: Any, length: int, stride: int | None = None) -> Samples:
    """Stretches of a long sequence, and the same moved by one: at each place the target is what comes next.

    Args:
        codes: numbers of shape (n, ...), as `Characters.encode` gives them.
        length: of each stretch.
        stride: from the beginning of one to that of the next; None is `length`, so that they do not overlap.

    Returns:
        x and y of shape (stretches, length, ...).

    Raises:
        ValueError: a sequence too short for one stretch; a length or stride below 1.

    Example:
        >>> x, y = sequences(np.arange(7), 3)
        >>> x.tolist(), y.tolist()
        ([[0, 1, 2], [3, 4, 5]], [[1, 2, 3], [4, 5, 6]])
    """
    codes, stride = np.asarray(codes), length if stride is None else stride
    if length < 1 or stride < 1:
        raise ValueError(f"sequences: length={length} and stride={stride} must be at least 1")
    if len(codes) <= length:
        raise ValueError(f"sequences: {len(codes)} characters are too few for one stretch of {length} and the next one")
    starts = np.arange(0, len(codes) - length, stride)
    places = starts[:, None] + np.arange(length)
    return Samples(codes[places], codes[places + 1])


def sonnets() -> str:
    """Eleven sonnets by William Shakespeare (1609), in the public domain: text to learn characters from.

    Example:
        >>> sonnets().splitlines()[0]
        "Shall I compare thee to a summer's day?"
    """
    return (files(__package__) / "sonnets.txt").read_text(encoding="utf-8")
