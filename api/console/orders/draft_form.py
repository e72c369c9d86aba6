"""The form of an order for a customer on the telephone: what was typed, as a draft and as the page shows it again."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from api.console.forms import whole
from api.console.i18n import LANGUAGES, WORDS
from api.errors import Problem
from api.pages.forms import fitting
from api.pages.slot_fields import FIELDS, WAS, as_typed, typed_slot
from api.schemas.orders.order_drafts import MAX_LINES, DraftAddress, DraftOrder
from api.services.orders.order_quotes import Quote, QuotedLine
from infra.time_zones import zone_at

PERSON = ("name", "email", "phone")
ADDRESS = tuple(DraftAddress.model_fields)
OF_THE_SLOT = ("invalid_delivery_slot", "no_such_time")
# The words for what a model found wrong, by the beginning of its code.
_KINDS = {
    "missing": "missing",
    "blank": "missing",
    "string_too_short": "missing",
    "too_short": "no_lines",
    "string_too_long": "too_long",
    "string_pattern_mismatch": "not_readable",
    "invalid_email": "email",
    "unknown_currency": "currency",
    "invalid_id": "not_readable",
    "int": "quantity",
    "greater_than": "quantity",
    "less_than": "quantity",
    "stock_short": "stock_short",
    "unknown_sku": "unknown_sku",
    "product_inactive": "product_inactive",
    "currency_mismatch": "currency_mismatch",
}


@dataclass(frozen=True, slots=True)
class FormLine:
    """A line as the form shows it; `quoted` is its price and stock, where it was looked up."""

    sku: str
    quantity: str
    quoted: QuotedLine | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class DraftForm:
    """All fields as text. `errors` are words by the name of a field."""

    customer_id: str = ""
    person: dict[str, str] = field(default_factory=lambda: dict.fromkeys(PERSON, ""))
    language: str = ""
    ship_to: dict[str, str] = field(default_factory=lambda: dict.fromkeys(ADDRESS, ""))
    lines: list[FormLine] = field(default_factory=list)
    channel: str = ""
    note: str = ""
    external_ref: str = ""
    slot: dict[str, str] = field(default_factory=lambda: dict.fromkeys((*FIELDS, WAS), ""))
    backorder: bool = False
    ship_now: bool = False
    priority: str = "standard"
    errors: dict[str, str] = field(default_factory=dict)

    def error(self, name: str) -> str:
        """What is wrong with the field; empty for nothing."""
        return self.errors.get(name, "")

    def as_draft(self, shops_zone: str) -> DraftOrder:
        """As a draft; a slot is by the clock of the destination. Raises Problem with what cannot be saved."""
        value: dict[str, Any] = {
            "channel": self.channel,
            "customer": {**self.person, "id": self.customer_id or None, "language": self.language or None},
            "ship_to": self.ship_to,
            "lines": [{"sku": line.sku, "quantity": whole(line.quantity)} for line in self.lines],
            "note": self.note,
            "external_ref": self.external_ref,
            "delivery_slot": typed_slot(self.slot, zone_at(place(self.ship_to), shops_zone)),
            "backorder": self.backorder or self.ship_now,
            "ship_complete": not self.ship_now,
            "priority": self.priority,
        }
        return fitting(DraftOrder, value)

    def refused(self, problem: Problem, lang: str) -> "DraftForm":
        """The same with what is wrong at each field, and at each line."""
        found = {str(one["field"]): words_for(str(one["code"]), lang, one) for one in problem.errors}
        if problem.code in OF_THE_SLOT:
            found["slot_day"] = WORDS.catalogue()[f"problem.{problem.code}"][LANGUAGES.index(lang)]
        lines = [
            replace(line, error=next((words for name, words in found.items() if _is_of(name, place)), line.error))
            for place, line in enumerate(self.lines)
        ]
        return replace(self, errors={name.rpartition(".")[2] if _own(name) else name: words
                                     for name, words in found.items()} | found, lines=lines)  # fmt: skip


def typed(fields: Mapping[str, str]) -> DraftForm:
    """The form as it was sent; a line whose quantity was emptied is gone."""
    places = [name.partition(".")[2] for name in fields if name.startswith("sku.")][:MAX_LINES]
    lines = [FormLine(fields[f"sku.{n}"].strip(), fields.get(f"quantity.{n}", "").strip()) for n in places]
    return DraftForm(
        customer_id=fields.get("customer_id", "").strip(),
        person={name: fields.get(name, "").strip() for name in PERSON},
        language=fields.get("language", ""),
        ship_to={name: fields.get(f"ship_to.{name}", "").strip() for name in ADDRESS},
        lines=[line for line in lines if line.sku and line.quantity not in ("", "0")],
        channel=fields.get("channel", "").strip(),
        note=fields.get("note", "").replace("\r\n", "\n").strip(),
        external_ref=fields.get("external_ref", "").strip(),
        slot={name: fields.get(name, "").strip() for name in (*FIELDS, WAS)},
        backorder=bool(fields.get("backorder")),
        ship_now=bool(fields.get("ship_now")),
        priority=fields.get("priority", "standard"),
    )


def of(order: DraftOrder, quoted: Quote | None, lang: str, shops_zone: str) -> DraftForm:
    """The form of a saved draft, with what is wrong with its lines."""
    by_no = {line.line_no: line for line in quoted.lines} if quoted else {}
    lines = []
    for number, line in enumerate(order.lines, start=1):
        at = by_no.get(number)
        code = at.problem if at else None
        short = code == "stock_short" and order.backorder
        error = words_for(code, lang, {"available": at.available}) if at and code and not short else ""
        lines.append(FormLine(line.sku, str(line.quantity), at, error))
    return DraftForm(
        customer_id=order.customer.id or "",
        person={name: getattr(order.customer, name) for name in PERSON},
        language=order.customer.language or "",
        ship_to=order.ship_to.model_dump(),
        lines=lines,
        channel=order.channel,
        note=order.note,
        external_ref=order.external_ref,
        slot=_slot(order, shops_zone),
        backorder=order.backorder,
        ship_now=not order.ship_complete,
        priority=order.priority,
    )


def _slot(order: DraftOrder, shops_zone: str) -> dict[str, str]:
    """The fields of the slot; empty where the draft, which anybody may save, holds no times."""
    try:
        slot = {str(name): at for name, at in order.delivery_slot.items()} if order.delivery_slot else None
        return as_typed(slot, zone_at(place(order.ship_to.model_dump()), shops_zone))
    except (ValueError, OverflowError):
        return as_typed(None, zone_at(None, shops_zone))


def place(ship_to: Mapping[str, str]) -> dict[str, str] | None:
    """Where it goes, once the country is known."""
    country = ship_to["country"].upper()
    return {**ship_to, "country": country} if country else None


def words_for(code: str, lang: str, facts: Mapping[str, Any]) -> str:
    """What is wrong with a field, in the reader's language."""
    kind = next((kind for begin, kind in _KINDS.items() if code.startswith(begin)), "wrong")
    return WORDS.catalogue()[f"draft.error.{kind}"][LANGUAGES.index(lang)].format(available=facts.get("available", 0))


def _is_of(name: str, place: int) -> bool:
    return name == f"lines.{place}" or name.startswith(f"lines.{place}.")


def _own(name: str) -> bool:
    return name.startswith("customer.")
