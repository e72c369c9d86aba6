"""What is printed for chosen orders: their invoices, packing slips and carrier labels."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from api.dependencies import Services, order_number, require
from api.errors import Problem
from api.services.documents import document_issuing, document_queries
from api.services.documents.document_queries import DocumentDetail
from api.services.orders import order_queries, parcel_labels
from api.services.orders.order_types import OrderFields
from domain.access import Principal, Role
from domain.documents import DocumentKind
from domain.errors import NotFound
from domain.orders.bulk_actions import MAX_ORDERS
from domain.text import counted

# Documents are made in memory, whole orders; labels are read one after the other.
MAX_PRINTED = 100


class PrintKind(StrEnum):
    """What is wanted; `all` is the three others in one archive."""

    INVOICES = "invoices"
    PACKING_SLIPS = "packing_slips"
    LABELS = "labels"
    ALL = "all"


PRINTED_BY: Mapping[PrintKind, tuple[Role, ...]] = {
    PrintKind.INVOICES: document_issuing.HANDLED_BY,
    PrintKind.PACKING_SLIPS: parcel_labels.READ_BY,
    PrintKind.LABELS: parcel_labels.READ_BY,
    PrintKind.ALL: tuple(role for role in document_issuing.HANDLED_BY if role in parcel_labels.READ_BY),
}


@dataclass(frozen=True, slots=True)
class PrintedLabel:
    """The label of one parcel; `name` is that of its file."""

    name: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Printed:
    """What the chosen orders have of it. `labels` gives each order with its labels."""

    kind: PrintKind
    labels: AsyncIterator[tuple[str, list[PrintedLabel]]]
    invoices: list[DocumentDetail] = field(default_factory=list)
    orders: list[OrderFields] = field(default_factory=list)
    without_invoice: list[str] = field(default_factory=list)


async def read(services: Services, caller: Principal, kind: PrintKind, typed: Sequence[str]) -> Printed:
    """All of it but the labels. Raises Problem `forbidden`, `too_many_to_print`; NotFound `order_not_found`, and
    `nothing_to_print` where no order has an invoice."""
    require(caller, *PRINTED_BY[kind])
    numbers = list(dict.fromkeys(order_number(one) for one in typed))
    most = MAX_ORDERS if kind is PrintKind.LABELS else MAX_PRINTED
    if len(numbers) > most:
        raise Problem("too_many_to_print", f"at most {counted(most, 'order')} are printed at once; select fewer")
    found = Printed(kind, _labels(services, numbers))
    for number in numbers:
        if kind in (PrintKind.PACKING_SLIPS, PrintKind.ALL):
            found.orders.append(await order_queries.detail(services, caller, number))
        if kind in (PrintKind.INVOICES, PrintKind.ALL):
            await _add_invoices(services, caller, found, number)
    if kind is not PrintKind.LABELS and not (found.invoices or found.orders):
        raise NotFound("nothing_to_print")
    return found


async def _add_invoices(services: Services, caller: Principal, found: Printed, number: str) -> None:
    issued = await document_issuing.of_order(services, number)
    invoices = [one.document_no for one in issued if one.kind is DocumentKind.INVOICE]
    for document_no in invoices:
        found.invoices.append(await document_queries.find_document(services, caller, document_no))
    if not invoices:
        found.without_invoice.append(number)


async def _labels(services: Services, numbers: list[str]) -> AsyncIterator[tuple[str, list[PrintedLabel]]]:
    for number in numbers:
        labels = await parcel_labels.labels_of_order(services, number)
        name = f"{number}-{{}}" if len(labels) > 1 else number
        yield (
            number,
            [
                PrintedLabel(f"{name.format(place)}.{kind.lower()}", content)
                for place, (kind, content) in enumerate(labels, 1)
            ],
        )
