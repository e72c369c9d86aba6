"""CSV files that people upload, in the encodings and with the separators of their programs. They are read row by row:
the memory that it takes does not depend on the size of the file."""

import codecs
import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

_PIECE = 64 * 1024
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# UTF-8 is tried first: hardly a text in another encoding is valid UTF-8 by chance.
_TRIED = ("utf-8-sig", "gb18030")
_SEPARATORS = (",", ";", "\t")


class UnreadableCsv(Exception):
    """The file is no CSV file; `line` is where that shows, 0 where nothing of it is text."""

    def __init__(self, line: int = 0) -> None:
        super().__init__(f"line {line}")
        self.line = line


def encoding_of(file: IO[bytes]) -> str:
    """The encoding of a file. Raises UnreadableCsv where no known one fits."""
    file.seek(0)
    begin = file.read(2)
    for encoding in ("utf-16",) if begin in _UTF_16 else _TRIED:
        if _decodes(file, encoding):
            return encoding
    raise UnreadableCsv


def _decodes(file: IO[bytes], encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    file.seek(0)
    try:
        while piece := file.read(_PIECE):
            if "\x00" in decoder.decode(piece):
                return False
        decoder.decode(b"", final=True)
    except UnicodeError:
        return False
    return True


def rows_of(file: IO[bytes], encoding: str) -> Iterator[tuple[int, list[str]]]:
    """The number of the line on which each row ends, and its cells. Empty rows are left out. Raises UnreadableCsv."""
    file.seek(0)
    with _as_text(file, encoding) as lines:
        first = lines.readline()
        lines.seek(0)
        reader = csv.reader(lines, delimiter=max(_SEPARATORS, key=first.count), strict=True)
        try:
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    yield reader.line_num, cells
        except csv.Error:
            raise UnreadableCsv(reader.line_num) from None


@contextmanager
def _as_text(file: IO[bytes], encoding: str) -> Iterator[io.TextIOWrapper]:
    """The file as text; it stays open afterwards."""
    lines = io.TextIOWrapper(file, encoding, newline="")
    try:
        yield lines
    finally:
        lines.detach()
