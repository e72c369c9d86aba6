"""A carrier's bill as a CSV file, read into blocks that the database copies: memory does not depend on its size."""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import IO

from domain.currencies import is_known
from domain.errors import RuleBroken
from domain.money import minor_of
from domain.shipping.freight import MAX_BILL_LINES
from infra.csv_files import rows_of
from infra.db.shipping.carrier_bills import Block

# Rows of a block.
AT_ONCE = 10_000
_NAMES = {
    "tracking_no": ("tracking_no", "tracking", "tracking_number", "waybill", "waybill_no", "运单号", "运单号码",
                    "快递单号", "物流单号", "单号"),
    "amount": ("amount", "freight", "charge", "charges", "fee", "total", "金额", "运费", "费用", "总费用", "应付金额",
               "应付费用", "应付", "运费金额"),
    "currency": ("currency", "币种", "货币"),
}  # fmt: skip
_COLUMNS = {alias: name for name, aliases in _NAMES.items() for alias in aliases}
_UNITS = re.compile(r"[（(].*[)）]$")
_TRACKING = re.compile(r"[0-9A-Za-z][0-9A-Za-z_./-]{0,63}")
_SHOWN = re.compile(r"[^\x20-\x7e\u4e00-\u9fff]|\\")
_NULL = "\\N"
# The sum of two million rows stays within 64 bits.
_MAX_MINOR = 10**12
Numbered = tuple[int, list[str]]


def blocks_of(file: IO[bytes], encoding: str, bill_id: str, currency: str) -> Iterator[Block]:
    """The file in blocks. Amounts are those of `currency` where a row names none; what cannot be read of a row is
    empty. Raises RuleBroken `import_empty`, `carrier_bill_columns`, `carrier_bill_too_long`, and UnreadableCsv."""
    rows = rows_of(file, encoding)
    first = next(rows, None)
    if first is None:
        raise RuleBroken("import_empty")
    line_of = _reader(first[1], bill_id, currency)
    total = 0
    while part := list(islice(rows, AT_ONCE)):
        total += len(part)
        if total > MAX_BILL_LINES:
            raise RuleBroken("carrier_bill_too_long", most=MAX_BILL_LINES)
        yield Block("".join(map(line_of, part)).encode(), len(part), part[-1][0])
    if not total:
        raise RuleBroken("import_empty")


def _reader(header: Sequence[str], bill_id: str, currency: str) -> Callable[[Numbered], str]:
    """What makes a line of COPY of a row."""
    places = _places(header)
    tracking, amount, other = places["tracking_no"], places["amount"], places.get("currency", -1)
    longest = max(places.values())

    def line_of(numbered: Numbered) -> str:
        line, cells = numbered
        if len(cells) <= longest:
            cells = cells + [""] * (longest + 1 - len(cells))
        parcel = cells[tracking].strip().lstrip("'")
        paid_in = _currency(cells[other], currency) if other >= 0 else currency
        minor = _minor(cells[amount], paid_in or currency)
        if paid_in is None or not _TRACKING.fullmatch(parcel):
            parcel, minor = _SHOWN.sub("?", parcel)[:64], _NULL
        return f"{bill_id}\t{line}\t{parcel}\t{minor}\t{paid_in or currency}\n"

    return line_of


def _places(header: Sequence[str]) -> dict[str, int]:
    names = [_COLUMNS.get(_plain(cell)) for cell in header]
    places = {name: place for place, name in enumerate(names) if name}
    if not {"tracking_no", "amount"} <= places.keys() or len(places) < len([name for name in names if name]):
        raise RuleBroken("carrier_bill_columns")
    return places


def _plain(cell: str) -> str:
    return _UNITS.sub("", cell.strip().lstrip("\ufeff").lower()).strip().replace(" ", "_")


@lru_cache(1024)
def _currency(typed: str, usual: str) -> str | None:
    """The currency of a row; None: no currency that there is."""
    plain = typed.strip().upper()
    if not plain:
        return usual
    plain = {"RMB": "CNY", "人民币": "CNY"}.get(plain, plain)
    return plain if is_known(plain) else None


@lru_cache(65_536)
def _minor(typed: str, currency: str) -> str:
    """Minor units as COPY takes them."""
    plain = typed.strip().replace(",", "").lstrip("'¥￥")
    sign, plain = ("-", plain[1:]) if plain.startswith("-") else ("", plain)
    try:
        minor = minor_of(plain, currency)
    except ValueError:
        return _NULL
    return f"{sign}{minor}" if minor <= _MAX_MINOR else _NULL
