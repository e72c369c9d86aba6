"""What each line of an order was really sold for, and what any units of it are worth when they come back.

Discount, shipping and tax of an order are shared out over its lines by largest remainder when it is placed, and frozen.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from domain.errors import Conflict, RuleBroken
from domain.money import MAX_MINOR, share_out
from domain.problems import TOO_EXPENSIVE

BASIS_POINTS = 10_000


@dataclass(frozen=True, slots=True)
class Tax:
    """`rate_bp` in basis points (1300 is 13%); `included`: prices hold it already."""

    rate_bp: int = 0
    included: bool = True

    def of(self, base_minor: int) -> int:
        """The tax on, or within, `base_minor`, rounded half up."""
        whole = BASIS_POINTS + self.rate_bp if self.included else BASIS_POINTS
        return (2 * base_minor * self.rate_bp + whole) // (2 * whole)


@dataclass(frozen=True, slots=True)
class Charges:
    """What an order carries beside its lines; the shipping charge is as quoted, tax is on the goods less discount."""

    discount_minor: int = 0
    shipping_minor: int = 0
    tax: Tax = Tax()


@dataclass(frozen=True, slots=True)
class PricingTerms:
    """The shop's own: what sending costs, from which value of goods it costs nothing (0: never), and its tax."""

    fee_minor: int = 0
    free_from_minor: int = 0
    tax: Tax = Tax()

    def charges(self, items_minor: int, discount_minor: int = 0, shipping_minor: int | None = None) -> Charges:
        """What an order of this value carries; a named shipping charge goes before the shop's fee."""
        free = self.free_from_minor and items_minor - discount_minor >= self.free_from_minor
        fee = 0 if free else self.fee_minor
        return Charges(discount_minor, fee if shipping_minor is None else shipping_minor, self.tax)


@dataclass(frozen=True, slots=True)
class Rules:
    """What an order carries beside its lines, whatever they are: what its channel named, and the shop's terms."""

    discount_minor: int = 0
    shipping_minor: int | None = None
    terms: PricingTerms = PricingTerms()

    def charges(self, items_minor: int) -> Charges:
        """What lines of this value carry; a discount is at most what they cost."""
        return self.terms.charges(items_minor, min(self.discount_minor, items_minor), self.shipping_minor)


@dataclass(frozen=True, slots=True)
class LineShare:
    """One line's part of its order's discount, shipping and tax."""

    discount_minor: int
    shipping_minor: int
    tax_minor: int
    tax_added_minor: int


@dataclass(frozen=True, slots=True)
class Priced:
    """An order's sums and, line by line, its shares."""

    items_minor: int
    discount_minor: int
    shipping_minor: int
    tax_minor: int
    tax_added_minor: int
    shares: tuple[LineShare, ...]

    @property
    def total_minor(self) -> int:
        return self.items_minor - self.discount_minor + self.shipping_minor + self.tax_added_minor

    @property
    def plain(self) -> bool:
        """True when the order costs just what its lines cost, and says nothing of tax."""
        return not (self.discount_minor or self.shipping_minor or self.tax_minor)


def priced(values_minor: Sequence[int], charges: Charges) -> Priced:
    """Share the charges out over lines of these values.

    Raises RuleBroken `discount_too_large`, `total_out_of_range`.
    """
    items = sum(values_minor)
    if charges.discount_minor > items:
        raise RuleBroken("discount_too_large", "the lines cost {items}: a discount is at most that", items_minor=items)
    discounts = share_out(charges.discount_minor, values_minor)
    goods = [value - discount for value, discount in zip(values_minor, discounts, strict=True)]
    taxed = charges.tax.of(sum(goods))
    taxes = share_out(taxed, goods)
    # A gift still has to be sent: without values to go by, each line carries the same.
    shipping = share_out(charges.shipping_minor, values_minor if items else [1] * len(values_minor))
    shares = tuple(
        LineShare(discount, carriage, tax, 0 if charges.tax.included else tax)
        for discount, carriage, tax in zip(discounts, shipping, taxes, strict=True)
    )
    added = 0 if charges.tax.included else taxed
    whole = Priced(items, charges.discount_minor, charges.shipping_minor, taxed, added, shares)
    if whole.total_minor > MAX_MINOR:
        raise RuleBroken("total_out_of_range", TOO_EXPENSIVE, most_minor=MAX_MINOR)
    return whole


@dataclass(frozen=True, slots=True)
class RefundableLine:
    """A line as its refunds stand. `*_worth_minor` is what the units that came back were worth, whatever was given.

    Of a line that was given money for before its goods were changed for others, nothing is left, never less.

    `goods_minor` is the price of all units less discount, with added tax; `shipping_minor` its share of the charge.
    `moved_*` went over to lines that were added instead: neither units nor money of it are in the others.
    """

    line_no: int
    sku: str
    quantity: int
    goods_minor: int
    shipping_minor: int
    refunded_quantity: int = 0
    refunded_goods_minor: int = 0
    refunded_shipping_minor: int = 0
    goods_worth_minor: int = 0
    shipping_worth_minor: int = 0
    exchanged_quantity: int = 0
    moved_quantity: int = 0
    moved_goods_minor: int = 0
    moved_shipping_minor: int = 0

    @property
    def units_left(self) -> int:
        return max(self.quantity - self.refunded_quantity - self.exchanged_quantity, 0)

    @property
    def goods_left_minor(self) -> int:
        return max(self.goods_minor - self.refunded_goods_minor, 0)

    @property
    def shipping_left_minor(self) -> int:
        return max(self.shipping_minor - self.refunded_shipping_minor, 0)

    @property
    def goods(self) -> "Frozen":
        """What all units of the line were sold for."""
        whole, removed = self.goods_minor + self.moved_goods_minor, self.goods_worth_minor + self.moved_goods_minor
        return self._frozen(whole, removed)

    @property
    def shipping(self) -> "Frozen":
        """The line's part of the shipping charge."""
        whole = self.shipping_minor + self.moved_shipping_minor
        return self._frozen(whole, self.shipping_worth_minor + self.moved_shipping_minor, up=False)

    def _frozen(self, whole_minor: int, removed_minor: int, *, up: bool = True) -> "Frozen":
        quantity, removed = self.quantity + self.moved_quantity, self.refunded_quantity + self.moved_quantity
        return Frozen(whole_minor, quantity, removed, removed_minor, self.exchanged_quantity, up)


@dataclass(frozen=True, slots=True)
class Frozen:
    """An amount that `quantity` units share: `gone` of them went already, and were worth `gone_minor`.

    Units go from the first on; units that are exchanged go from the last back, so that neither changes what the
    others are worth. The first k are worth k/n of the amount, rounded `up` or down: so k units, from wherever, are
    worth k/n within one minor unit, and all units together are worth exactly all of it.
    """

    amount_minor: int
    quantity: int
    removed: int = 0
    removed_minor: int = 0
    exchanged: int = 0
    up: bool = True

    @property
    def left(self) -> int:
        return max(self.quantity - self.removed - self.exchanged, 0)

    @property
    def left_minor(self) -> int:
        """What the units that are left are worth together."""
        return max(self.amount_minor - self.removed_minor - self._last(self.exchanged), 0)

    def worth(self, units: int) -> int:
        """What the next `units` are worth.

        Where refused refunds left a gap, or an older rule gave the first units more, the last units make up for it.
        """
        self._require(units)
        if units == self.left:
            return self.left_minor if units else 0
        wanted = self._first(self.removed + units) - self.removed_minor
        return min(within(wanted, self.amount_minor * units, self.quantity), self.left_minor)

    def worth_exchanged(self, units: int) -> int:
        """What `units` are worth that are exchanged for other goods."""
        self._require(units)
        if units == self.left:
            return self.left_minor if units else 0
        return min(self._last(self.exchanged + units) - self._last(self.exchanged), self.left_minor)

    def _require(self, units: int) -> None:
        if not 0 <= units <= self.left:
            raise ValueError("not so many units are left")

    def _first(self, units: int) -> int:
        whole = self.amount_minor * units
        return -(-whole // self.quantity) if self.up else whole // self.quantity

    def _last(self, units: int) -> int:
        return self.amount_minor - self._first(self.quantity - units) if units else 0


def within(wanted_minor: int, dividend: int, divisor: int) -> int:
    """What is nearest to `wanted_minor` and within one minor unit of `dividend / divisor`."""
    low = dividend // divisor
    return min(max(wanted_minor, low), low + (1 if dividend % divisor else 0))


@dataclass(frozen=True, slots=True)
class Returned:
    """What of a line goes back: units, money for goods and shipping, and what the units are worth."""

    line_no: int
    sku: str
    quantity: int
    goods_minor: int
    shipping_minor: int
    goods_worth_minor: int = 0
    shipping_worth_minor: int = 0

    @property
    def amount_minor(self) -> int:
        return self.goods_minor + self.shipping_minor


def units(line: RefundableLine, quantity: int, *, include_shipping: bool, exchanged: bool = False) -> Returned:
    """`quantity` units of the line go back, at their worth or what is left of it. Raises Conflict.

    `exchanged`: other goods are given for them, not money.
    """
    if quantity > line.units_left:
        raise Conflict(
            "refund_exceeds_captured",
            "of {sku} at most {units_left} of {units} can still be refunded, not {asked}",
            sku=line.sku,
            units_left=line.units_left,
            units=line.quantity,
            asked=quantity,
        )
    goods, shipping = (
        part.worth_exchanged(quantity) if exchanged else part.worth(quantity) for part in (line.goods, line.shipping)
    )
    given = min(shipping, line.shipping_left_minor) if include_shipping else 0
    return Returned(line.line_no, line.sku, quantity, min(goods, line.goods_left_minor), given, goods, shipping)


def at_percent(whole: Returned, sound: Returned, line: RefundableLine, percent: int) -> Returned:
    """`whole`, of which only what `sound` has is given in full, of the goods of all others so many percent."""
    worth = whole.goods_worth_minor - sound.goods_worth_minor
    exact = line.goods.amount_minor * (whole.quantity - sound.quantity) * percent
    part = min(within(worth * percent // 100, exact, 100 * line.goods.quantity), worth)
    return replace(whole, goods_minor=min(sound.goods_worth_minor + part, line.goods_left_minor))


def reduced(returned: Sequence[Returned], amount_minor: int) -> list[Returned]:
    """The same units for less money. Raises RuleBroken `amount_invalid` for more than they are worth."""
    whole = sum(one.amount_minor for one in returned)
    if not 0 < amount_minor <= whole:
        raise RuleBroken(
            "amount_invalid", "these lines are worth {worth}: name an amount up to that", worth_minor=whole
        )
    parts = share_out(amount_minor, [one.amount_minor for one in returned])
    # Goods first: what is kept back is kept from the shipping charge.
    cut = []
    for one, part in zip(returned, parts, strict=True):
        goods = min(part, one.goods_minor)
        cut.append(Returned(one.line_no, one.sku, one.quantity, goods, part - goods, one.goods_worth_minor,
                            one.shipping_worth_minor))  # fmt: skip
    return cut


def topped_up(returned: Sequence[Returned], lines: Sequence[RefundableLine], more_minor: int) -> list[Returned] | None:
    """`more_minor` on top, where of these lines' goods money is left; None where it is not."""
    given, rest = {one.line_no: one for one in returned}, more_minor
    for line in sorted(lines, key=lambda each: each.line_no not in given):
        earlier = given.get(line.line_no) or Returned(line.line_no, line.sku, 0, 0, 0)
        extra = min(rest, line.goods_left_minor - earlier.goods_minor)
        if extra > 0:
            given[line.line_no] = replace(earlier, goods_minor=earlier.goods_minor + extra)
            rest -= extra
    return None if rest else list(given.values())


def at_most(returned: Sequence[Returned], amount_minor: int) -> Sequence[Returned]:
    """The same units for no more than `amount_minor`; nothing at all where that is nothing."""
    if sum(one.amount_minor for one in returned) <= amount_minor:
        return returned
    return reduced(returned, amount_minor) if amount_minor else ()


def amount(lines: Sequence[RefundableLine], amount_minor: int) -> list[Returned]:
    """An amount without units, from what is left of the goods of all lines, and only then of their shipping.

    Raises Conflict `refund_exceeds_captured` for more than is left of all lines.
    """
    goods_left = sum(line.goods_left_minor for line in lines)
    shipping_left = sum(line.shipping_left_minor for line in lines)
    if amount_minor > goods_left + shipping_left:
        raise exceeds(goods_left + shipping_left)
    goods = min(amount_minor, goods_left)
    of_goods = share_out(goods, [line.goods_left_minor for line in lines])
    of_shipping = share_out(amount_minor - goods, [line.shipping_left_minor for line in lines])
    return [
        Returned(line.line_no, line.sku, 0, for_goods, for_shipping)
        for line, for_goods, for_shipping in zip(lines, of_goods, of_shipping, strict=True)
        if for_goods or for_shipping
    ]


def allotted(amount_minor: int, left_minor: Sequence[int], steps_minor: Sequence[int] = ()) -> list[int]:
    """Which captures an amount goes back to, given what each has left, the newest first: it is emptied before an older.

    So most refunds are one call to one provider. With `steps_minor`, of which each divides the larger ones, the part of
    each is a multiple of its own; the amount is a multiple of the largest. Raises Conflict `refund_exceeds_captured`.
    """
    if amount_minor > sum(left_minor):
        raise exceeds(sum(left_minor))
    steps = steps_minor or [1] * len(left_minor)
    parts = [0] * len(left_minor)
    # Large steps come first: an odd part of one with small steps would leave another to one with large steps.
    for least in sorted(set(steps), reverse=True):
        for place, (left, step) in enumerate(zip(left_minor, steps, strict=True)):
            more = min(amount_minor - sum(parts), left - parts[place])
            parts[place] += more - more % max(step, least)
    return parts


def exceeds(left_minor: int) -> Conflict:
    """The refusal of more than is left."""
    if left_minor <= 0:
        return Conflict("refund_exceeds_captured", "nothing is left to refund", left_minor=left_minor)
    return Conflict("refund_exceeds_captured", "at most {left} can still be refunded", left_minor=left_minor)
