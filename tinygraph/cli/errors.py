"""What a command says when it cannot go on: one or two lines, and an exit code."""

import unicodedata


class CommandError(Exception):
    """The job failed: a file that cannot be written, a derivative that is wrong. Exit code 1.

    Example:
        >>> CommandError("cannot write J.svg").exit_code
        1
    """

    exit_code = 1


class UsageError(CommandError):
    """The command was asked for something that makes no sense. Exit code 2.

    Example:
        >>> UsageError("a has no value").exit_code
        2
    """

    exit_code = 2


class FormulaError(UsageError):
    """A formula that cannot be read or evaluated; its text points at the place.

    Example:
        >>> print(FormulaError("a has no value", "3*a", 2))
        a has no value
          3*a
            ^
    """

    def __init__(self, message: str, text: str, column: int, line: int = 1) -> None:
        shown = (text.split("\n") or [""])[max(0, line - 1) : line] or [""]
        visible, message = ("".join(c if c.isprintable() else "�" for c in text) for text in (shown[0], message))
        column = min(max(column, 0), len(visible))
        cut = max(0, column - 60)
        indent = sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in visible[cut:column])
        super().__init__(f"{message}\n  {visible[cut : cut + 110]}\n  {' ' * indent}^")
        self.message, self.column, self.line = message, column, line
