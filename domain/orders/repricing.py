"""Changing an order that is not paid: it costs what its lines cost, whatever changes led to them."""

from collections.abc import Mapping, Sequence

from domain.orders.changes import ChangeableLine, LineChange
from domain.orders.lines import Product, RequestedLine, price_lines
from domain.pricing.allocation import LineShare, Rules, priced

_NOTHING = LineShare(0, 0, 0, 0)


def plan_unpaid(
    lines: Sequence[ChangeableLine],
    ever: Sequence[ChangeableLine],
    wanted: Mapping[str, int],
    catalogue: Mapping[str, Product],
    currency: str,
    last_line_no: int,
    rules: Rules,
    named: Mapping[int, int] | None = None,
) -> list[LineChange]:
    """What makes `wanted` ({sku: units}) of the order's `lines`, and of each of the `named` ({line: units}) its units.

    `ever` are all lines that the order had, with the units that were placed on each: so a SKU costs what it cost when
    it was placed, also when it comes back. Discount, shipping charge and tax follow the `rules` anew. Raises RuleBroken
    as `price_lines` does.
    """
    named = named or {}
    units = _wanted_by_price(lines, ever, wanted, named, catalogue)
    changes: list[LineChange] = []
    for (line_no, sku, price), quantity in sorted(units.items(), key=lambda one: (one[0][1], one[0][0], one[0][2])):
        mine = [
            line
            for line in lines
            if (line.sku, line.unit_price_minor) == (sku, price)
            and (line.line_no == line_no if line_no else line.line_no not in named)
        ]
        delta = quantity - sum(line.quantity for line in mine)
        if delta > 0:
            last_line_no += 1
            changes.append(_more(last_line_no, RequestedLine(sku, delta, price), catalogue, currency))
        elif delta < 0:
            changes += _fewer(mine, -delta)
    return repriced(lines, changes, rules) if changes else []


def repriced(lines: Sequence[ChangeableLine], changes: Sequence[LineChange], rules: Rules) -> list[LineChange]:
    """The changes with what each line carries more or less by them, and of lines whose shares only change with that."""
    by_number = {line.line_no: line for line in lines}
    moved = {change.line_no: change for change in changes}
    numbers = sorted({*by_number, *moved})
    units = {
        number: (by_number[number].quantity if number in by_number else 0)
        + (moved[number].delta if number in moved else 0)
        for number in numbers
    }
    standing = [number for number in numbers if units[number]]
    values = [units[number] * (by_number.get(number) or moved[number]).unit_price_minor for number in standing]
    shares = dict(zip(standing, priced(values, rules.charges(sum(values))).shares, strict=True))
    found = [_with_shares(by_number.get(number), moved.get(number), shares.get(number, _NOTHING)) for number in numbers]
    return [change for change in found if change is not None]


def _with_shares(line: ChangeableLine | None, change: LineChange | None, share: LineShare) -> LineChange | None:
    """None where nothing of the line changes."""
    what = line or change
    assert what is not None, "a line that is there, or comes"
    before = (
        LineShare(line.discount_minor, line.shipping_minor, line.tax_minor, line.tax_added_minor) if line else _NOTHING
    )
    if change is None and share == before:
        return None
    return LineChange(
        what.line_no,
        what.sku,
        what.name,
        change.delta if change else 0,
        what.unit_price_minor,
        share.discount_minor - before.discount_minor,
        share.shipping_minor - before.shipping_minor,
        share.tax_minor - before.tax_minor,
        share.tax_added_minor - before.tax_added_minor,
    )


def _wanted_by_price(
    lines: Sequence[ChangeableLine],
    ever: Sequence[ChangeableLine],
    wanted: Mapping[str, int],
    named: Mapping[int, int],
    catalogue: Mapping[str, Product],
) -> dict[tuple[int, str, int], int]:
    """{(line, or 0 where it is not named; SKU; price): units}."""
    units = {
        (0 if line.line_no not in named else line.line_no, line.sku, line.unit_price_minor): named.get(line.line_no, 0)
        for line in lines
    }
    for sku, count in wanted.items():
        known = [line for line in ever if line.sku == sku]
        for price, part in _by_price([line for line in known if line.line_no not in named] or known, count).items():
            units[0, sku, price] = part
        if not known:
            # Goods that are not in the catalogue are refused where they are added.
            units[0, sku, catalogue[sku].price_minor if sku in catalogue else 0] = count
    return units


def _by_price(placed: Sequence[ChangeableLine], count: int) -> dict[int, int]:
    """{price: units} of so many units of a SKU: placed ones give way in the order of their lines, more cost the last
    one's price."""
    if not placed:
        return {}
    removed = max(sum(line.quantity for line in placed) - count, 0)
    units: dict[int, int] = {}
    for line in placed:
        remaining = line.quantity - min(removed, line.quantity)
        removed -= line.quantity - remaining
        units[line.unit_price_minor] = units.get(line.unit_price_minor, 0) + remaining
    last = ([line for line in placed if line.quantity] or placed)[-1].unit_price_minor
    units[last] += count - sum(units.values())
    return units


def _more(line_no: int, requested: RequestedLine, catalogue: Mapping[str, Product], currency: str) -> LineChange:
    (line,) = price_lines([requested], catalogue, currency, may_name_price=True)
    return LineChange(line_no, line.sku, line.name, line.quantity, line.unit_price_minor)


def _fewer(mine: Sequence[ChangeableLine], units: int) -> list[LineChange]:
    changes: list[LineChange] = []
    for line in mine:
        taken = min(units, line.quantity)
        if taken:
            changes.append(LineChange(line.line_no, line.sku, line.name, -taken, line.unit_price_minor))
            units -= taken
    return changes
