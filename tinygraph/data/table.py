"""Tables in CSV files, as arrays by column."""

from __future__ import annotations

import csv
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
MISSING = frozenset({"", "NA", "N/A", "na", "n/a", "NaN", "nan", "null", "NULL", "None", "?"})


def read_csv(
    path: str | Path,
    *,
    header: bool | Sequence[str] = True,
    types: Mapping[str, type | np.dtype[Any]] | None = None,
    missing: str = "raise",
    delimiter: str = ",",
    encoding: str = "utf-8-sig",
    markers: Collection[str] = MISSING,
) -> dict[str, Array]:
    r"""The columns of a CSV file by name; `np.column_stack([table[n] for n in names])` makes a matrix of them.

    A column of whole numbers becomes int64, one of numbers float64, any other one text.

    Args:
        path: the file.
        header: True: the first line has the names; False: the columns are "0", "1" ...; or a list of the names.
        types: of columns, by name: int, float, str, bool or a dtype.
        missing: "raise" names the first missing value by its line and column; "nan" puts NaN there, and the column
            becomes float64. Text may be empty.
        delimiter: between the values.
        encoding: of the file.
        markers: what stands for a missing value.

    Raises:
        ValueError: a line with more or fewer values than there are columns; a value that is missing or not of its
            column's type; no columns; two columns of one name. The line is named.
        OSError: it cannot be opened.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "houses.csv"
        >>> path.write_text("size,price,town\n70,1.5,Bonn\n90,2.0,Ulm\n")
        39
        >>> table = read_csv(path)
        >>> {name: column.dtype.kind for name, column in table.items()}, table["price"]
        ({'size': 'i', 'price': 'f', 'town': 'U'}, array([1.5, 2. ]))
    """
    if missing not in ("raise", "nan"):
        raise ValueError(f'read_csv: missing={missing!r} is neither "raise" nor "nan"')
    names, lines, rows = _rows(Path(path), header, delimiter, encoding)
    unknown = sorted(set(types or {}) - set(names))
    if unknown:
        raise ValueError(f"{path} has no column {unknown[0]!r}; it has {', '.join(names)}")
    found = {}
    for k, name in enumerate(names):
        column = _Column(str(path), name, [row[k].strip() for row in rows], lines, frozenset(markers), missing == "nan")
        found[name] = column.array((types or {}).get(name))
    return found


def _rows(
    path: Path, header: bool | Sequence[str], delimiter: str, encoding: str
) -> tuple[list[str], list[int], list[list[str]]]:
    """The columns' names, and each row of text with the number of its line."""
    lines, rows = [], []
    with path.open(newline="", encoding=encoding) as file:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        try:
            for row in reader:
                if row:
                    lines.append(reader.line_num)
                    rows.append(row)
        except (csv.Error, UnicodeDecodeError) as error:
            raise ValueError(f"{path}, line {reader.line_num + 1}: {error}") from None
    if not rows:
        raise ValueError(f"{path} is empty")
    if header is True:
        names, lines, rows = [name.strip() for name in rows[0]], lines[1:], rows[1:]
    else:
        names = list(header) if header else [str(k) for k in range(len(rows[0]))]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{path} has two columns called {twice!r}; give names with header=[...]")
    for line, row in zip(lines, rows, strict=True):
        if len(row) != len(names):
            raise ValueError(f"{path}, line {line}: {len(row)} values for {len(names)} columns")
    return names, lines, rows


class _Column:
    """The values of one column as text, and the lines that they stand in."""

    def __init__(
        self, path: str, name: str, values: list[str], lines: list[int], markers: frozenset[str], nan: bool
    ) -> None:
        self.path, self.name, self.values, self.lines, self.markers, self.nan = path, name, values, lines, markers, nan

    def array(self, wanted: Any) -> Array:
        """The column in the wanted type, or in the first that fits."""
        if wanted is not None:
            return self._converted(np.dtype(wanted))
        for kind in (np.int64, np.float64):
            if all(v in self.markers or _is(kind, v) for v in self.values) and not self._all_missing():
                return self._converted(np.dtype(kind))
        return np.array(self.values, dtype=str)

    def _all_missing(self) -> bool:
        return all(v in self.markers for v in self.values) and bool(self.values)

    def _converted(self, dtype: np.dtype[Any]) -> Array:
        if dtype.kind == "U":
            return np.array(self.values, dtype=dtype)
        convert: Callable[[str], Any] = _truth if dtype.kind == "b" else int if dtype.kind in "iu" else float
        gaps = [value in self.markers for value in self.values]
        if any(gaps):
            if not self.nan:
                raise self._error(gaps.index(True), "the value is missing; missing='nan' makes it NaN")
            dtype, convert = (dtype if dtype.kind == "f" else np.dtype(np.float64)), float
        found = np.empty(len(self.values), dtype)
        for k, (value, gap) in enumerate(zip(self.values, gaps, strict=True)):
            try:
                found[k] = np.nan if gap else convert(value)
            except (ValueError, OverflowError):
                raise self._error(k, f"{value!r} is no {dtype}") from None
        return found

    def _error(self, k: int, said: str) -> ValueError:
        return ValueError(f"{self.path}, line {self.lines[k]}, column {self.name}: {said}")


def _is(kind: type, value: str) -> bool:
    try:
        np.dtype(kind).type(value)
    except (ValueError, OverflowError):
        return False
    return "_" not in value  # Python's own way of writing thousands


def _truth(value: str) -> bool:
    known = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    try:
        return known[value.lower()]
    except KeyError:
        raise ValueError(value) from None
