"""Tables as files for spreadsheets: CSV and XLSX, row by row. No cell is ever a formula."""

import csv
import io
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from typing import IO

Cell = str | int | float | None
# Excel reads UTF-8 only behind this mark.
BOM = "\ufeff".encode()
CSV, XLSX = "text/csv; charset=utf-8", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CHUNK = 64 * 1024
# What a spreadsheet reads as the beginning of a formula, or removes before it looks for one.
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def csv_lines(rows: Iterable[Sequence[Cell]]) -> bytes:
    """The rows as lines of a CSV file (RFC 4180). A text that a spreadsheet would calculate begins with an
    apostrophe."""
    written = io.StringIO()
    csv.writer(written).writerows([[_neutral(cell) for cell in row] for row in rows])
    return written.getvalue().encode()


def _neutral(cell: Cell) -> Cell:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA_SIGNS) else cell


class XlsxFile:
    """An XLSX file under construction: rows go to the disk as they come."""

    def __init__(self, sheet: str) -> None:
        import xlsxwriter

        self._file = tempfile.TemporaryFile()  # noqa: SIM115  closed by `chunks`
        options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        self._book = xlsxwriter.Workbook(self._file, options)
        self._sheet = self._book.add_worksheet(sheet)
        self.rows = 0

    def add(self, rows: Iterable[Sequence[Cell]]) -> None:
        """Append the rows; a text stays a text, whatever it begins with."""
        for row in rows:
            for column, cell in enumerate(row):
                if isinstance(cell, str):
                    self._sheet.write_string(self.rows, column, cell)
                elif cell is not None:
                    self._sheet.write_number(self.rows, column, cell)
            self.rows += 1

    def finish(self) -> IO[bytes]:
        """The file, at its beginning; the caller closes it."""
        self._sheet.freeze_panes(1, 1)
        self._book.close()
        self._file.seek(0)
        return self._file

    def discard(self) -> None:
        """Discard the file."""
        self._file.close()


def chunks(file: IO[bytes]) -> Iterator[bytes]:
    """The content of a file, a piece at a time; closes it."""
    with file:
        while piece := file.read(CHUNK):
            yield piece
