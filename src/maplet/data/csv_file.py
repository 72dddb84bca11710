"""Reading and writing tables as text: one row a line, cells set apart by a delimiter.

The form is that of RFC 4180: a cell that holds the delimiter, a quote or the end of a line stands in double quotes,
and a quote inside it is doubled.
"""

import csv
import hashlib
import logging
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO, Protocol, TextIO

import numpy as np

from maplet.data.cells import as_cells, parse_number
from maplet.data.files import open_binary
from maplet.data.table import Table
from maplet.errors import DataError
from maplet.messages import counted, listed, shown

DELIMITERS = (",", ";", "\t", "|")
"""What may stand between two cells."""

LONGEST_LINE = 64 * 2**20
"""Bytes: a longer line is refused, so that no more than this is ever held of a file that is no table."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_FOREIGN = (
    (b"\xff\xfe\0\0", "text in UTF-32", "save it as UTF-8"),
    (b"\xff\xfe", "text in UTF-16", "save it as UTF-8"),
    (b"\xfe\xff", "text in UTF-16", "save it as UTF-8"),
    (b"PK\x03\x04", "a zip archive, perhaps an Excel workbook", "save the sheet as CSV"),
    (b"\x1f\x8b", "compressed by gzip", "unpack it with gunzip"),
    (b"PAR1", "a Parquet file", "write it as CSV"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", "save the sheet as CSV"),
    (b"SQLite format 3", "an SQLite database", "write the table as CSV"),
    (b"\x89PNG", "a picture (PNG)", "give a table; images are read from the four IDX files of a folder"),
    (b"\xff\xd8\xff", "a picture (JPEG)", "give a table; images are read from the four IDX files of a folder"),
    (b"%PDF", "a PDF", "write its table as CSV"),
)


class Digest(Protocol):
    """What takes in the bytes of a file as they are read."""

    def update(self, data: bytes, /) -> None:
        """Take in some more."""


_logger = logging.getLogger("maplet")


def read_table(path: str | Path, *, delimiter: str | None = None, names: Sequence[str] | None = None) -> Table:
    r"""Read a table from a text file in UTF-8, with or without a byte order mark.

    Blanks around a cell do not count, and a blank line holds no row (an empty cell of a table of one column is written
    ``""``). Nothing else is passed over: what does not fit is an error.

    Parameters
    ----------
    path
        The file.
    delimiter
        What stands between two cells; when None, the one of ``, ; tab |`` that splits the first lines best.
    names
        The names of the columns of a file without a header line.

    Raises
    ------
    DataError
        When the file cannot be opened, is empty, holds a header only, or is not text in UTF-8; when a column has no
        name or the name of another; when a row has more or fewer cells than the header; when a quote is not closed;
        when a line is longer than `LONGEST_LINE` or a cell longer than `csv.field_size_limit`. Names the line.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "pets.csv"
    ...     _ = path.write_text('name;weight\n"Rex; the dog";31.5\nTom;?\n')
    ...     table = read_table(path)
    >>> table["name"].tolist(), table.numbers("weight").tolist()
    (['Rex; the dog', 'Tom'], [31.5, nan])
    """
    path = Path(path)
    digest = hashlib.sha256()
    with open_binary(path) as file:
        lines = _read_lines(file, path.name, digest)
        first = list(islice(lines, 10))
        delimiter = delimiter or detect_delimiter(first)
        records = _read_records(chain(first, lines), delimiter, path.name)
        header = list(names) if names is not None else _read_header(records, path.name)
        numbers: list[int] = []
        rows: list[list[str]] = []
        for line, cells in records:
            if len(cells) != len(header):
                if cells == [""]:
                    continue  # a line of blanks only
                raise _ragged(cells, len(header), delimiter, f"{path.name}, line {line}")
            numbers.append(line)
            rows.append(cells)
    _check_names(header, path.name)
    if not rows:
        raise DataError(f"{path} has a header but no rows", fix="give it at least one row of data")
    columns = {name: as_cells(list(cells)) for name, cells in zip(header, zip(*rows, strict=True), strict=True)}
    return Table(columns, np.array(numbers, dtype=np.int64), path.name, digest.hexdigest())


def write_table(table: Table, file: TextIO, *, delimiter: str = ",") -> None:
    """Write a table as text with a header line; `read_table` gives the same cells back.

    Open the file with ``encoding="utf-8", newline=""``.

    Examples
    --------
    >>> import sys
    >>> write_table(Table.from_columns({"name": ["Rex, the dog", "Tom"], "weight": [31.5, None]}), sys.stdout)
    name,weight
    "Rex, the dog",31.5
    Tom,
    """
    columns = [[name, *cells.tolist()] for name, cells in table.columns.items()]
    # The writer leaves a carriage return bare when it does not end its lines with one; no reader takes that.
    risky = any("\r" in cell for cells in columns for cell in cells)
    quoting = csv.QUOTE_ALL if risky else csv.QUOTE_MINIMAL
    writer = csv.writer(file, delimiter=delimiter, lineterminator="\n", quoting=quoting)
    writer.writerows(zip(*columns, strict=True))


def detect_delimiter(lines: Sequence[str]) -> str:
    r"""The delimiter that splits the first lines of a file into rows of one length, and into the most cells.

    Examples
    --------
    >>> detect_delimiter(["name, first;age\n", "x;3\n"])
    ';'
    """

    def merit(delimiter: str) -> tuple[bool, int]:
        try:
            widths = [len(row) for row in csv.reader(lines, delimiter=delimiter, skipinitialspace=True) if row]
        except csv.Error:
            return False, 0
        width = widths[0] if widths else 0
        return width > 1 and set(widths) == {width}, width

    return max(DELIMITERS, key=merit)


def _read_lines(file: BinaryIO, name: str, digest: Digest) -> Iterator[str]:
    """The lines as text; their bytes go into the digest as they are read, since a pipe can be read only once."""
    offset = 0
    number = 0
    while line := file.readline(LONGEST_LINE + 1):
        number += 1
        digest.update(line)
        where = f"{name}, line {number}"
        if len(line) > LONGEST_LINE:
            raise DataError(
                f"a line of more than {LONGEST_LINE:,} bytes", fix="is this a table with one row a line?", where=where
            )
        for signature, what, fix in _FOREIGN if number == 1 else ():
            if line.startswith(signature):
                raise DataError(f"the file is {what}, not text in UTF-8", fix=fix, where=name)
        if b"\0" in line:
            raise DataError(
                f"byte {offset + line.index(0)} is NUL: the file is binary, or text in UTF-16",
                fix="save it as CSV in UTF-8",
                where=where,
            )
        mark = len(_BYTE_ORDER_MARK) if number == 1 and line.startswith(_BYTE_ORDER_MARK) else 0
        try:
            text = line[mark:].decode()
        except UnicodeDecodeError as error:
            at = mark + error.start
            raise DataError(
                f"byte {offset + at} (0x{line[at]:02X}) is not UTF-8: the file is in another encoding",
                fix=f"save it as UTF-8, or: iconv -f cp1252 -t utf-8 {name} > utf8_{name}",
                where=where,
            ) from None
        offset += len(line)
        yield text
    if number == 0:
        raise DataError(f"{name} is empty", fix="give it a header line and at least one row of data")


def _read_records(lines: Iterable[str], delimiter: str, name: str) -> Iterator[tuple[int, list[str]]]:
    """Each record with the line where it begins."""
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise _malformed(error, f"{name}, line {line}") from None
        if row:
            yield line, [cell.strip() for cell in row]


def _read_header(records: Iterator[tuple[int, list[str]]], name: str) -> list[str]:
    line, header = next(records, (0, list[str]()))
    if not header:
        raise DataError(f"{name} holds blank lines only", fix="give it a header line and at least one row of data")
    if any(parse_number(cell) is not None for cell in header):
        _logger.warning("%s, line %d: columns are named %s; is the header line missing?", name, line, listed(header, 5))
    return header


def _check_names(header: Sequence[str], file: str) -> None:
    first: dict[str, int] = {}
    for position, name in enumerate(header, start=1):
        if not name:
            raise DataError(
                f"column {position} of {len(header)} has no name",
                fix="name it in the header line (pandas writes its index so: to_csv(…, index=False) leaves it out)",
                where=file,
            )
        if (earlier := first.setdefault(name, position)) < position:
            raise DataError(
                f"columns {earlier} and {position} are both named {shown(name)}", fix="rename one of them", where=file
            )


def _ragged(cells: Sequence[str], expected: int, delimiter: str, where: str) -> DataError:
    fix = (
        "line 1 counts as the header; take away what stands above the names of the columns"
        if expected == 1
        else f"put cells that contain {delimiter!r} in double quotes"
        if len(cells) > expected
        else "add the missing cells; an unknown value may be left empty between two delimiters"
    )
    return DataError(f"the row has {counted(len(cells), 'cell')}, {expected} were expected", fix=fix, where=where)


def _malformed(error: csv.Error, where: str) -> DataError:
    problem = str(error)
    if "unexpected end" in problem:
        return DataError("a quote is opened in this row and never closed", fix='close it with "', where=where)
    if "field limit" in problem:
        return DataError(
            f"a cell of more than {csv.field_size_limit():,} characters",
            fix='look for a quote that is opened in this row and not closed; close it with "',
            where=where,
        )
    if "expected after" in problem:
        return DataError(
            "text follows the closing quote of a cell", fix='write a quote in a cell twice: ""', where=where
        )
    if "new-line" in problem:
        return DataError("a carriage return stands alone", fix="save the file with ordinary line ends", where=where)
    return DataError(f"the row cannot be read: {problem}", where=where)
