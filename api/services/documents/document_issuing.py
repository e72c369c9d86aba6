"""Invoices and credit notes: what the HTTP calls and the console's forms both do.

Issued on request, in one transaction under the order's lock: whoever asks again gets the document that is there.
"""

from collections.abc import Awaitable, Callable

from api.dependencies import Services, actor
from api.idempotency import request_of, run_in_transaction
from api.replies import Reply
from api.schemas.documents import BilledTo
from domain.access import Principal, Role
from domain.documents import Amounts, DocumentKind, credited, rest_credited
from domain.errors import Conflict, NotFound
from domain.orders.status import Status
from domain.payments.refunds import RefundStatus
from infra.db.documents import documents, invoice_sources
from infra.db.documents.documents import Document, InvoiceState, NewDocument
from infra.db.engine import Connection
from infra.db.orders.state import timeline
from infra.settings import Settings

HANDLED_BY = (Role.SUPPORT, Role.FINANCE)  # of the staff: a document names and bills a person
ISSUED_BY = (Role.CUSTOMER, Role.CHANNEL, *HANDLED_BY)


async def invoice(
    services: Services, caller: Principal, key: str, digest: bytes, number: str, request: BilledTo
) -> Reply:
    """Issue the order's invoice, or find it. Raises Conflict `not_invoiceable`, `seller_unknown`."""

    async def work(conn: Connection) -> Document:
        await timeline.lock_order(conn, number)
        if known := await documents.invoice_of(conn, number):
            return known
        sold = await invoice_sources.sale(conn, services.keys, number)
        _refuse_unpaid(sold)
        # Another name is another party: the address that the parcel went to is not its own.
        billed_to = {**({} if request.title else sold.buyer), **request.model_dump(exclude_none=True)}
        new = NewDocument(
            DocumentKind.INVOICE, number, None, sold.currency, sold.amounts, seller(services.settings), billed_to,
            services.settings.seller_time_zone, actor(caller)
        )  # fmt: skip
        return await documents.issue(conn, services.keys, new)

    return await run_in_transaction(services, request_of(caller, key, digest), 201, work)


def _refuse_unpaid(sold: invoice_sources.Sale) -> None:
    if not sold.captured_minor:
        raise Conflict("not_invoiceable", "nothing was captured yet; pay the order, then ask again")
    if sold.refunded_minor >= sold.captured_minor:
        raise Conflict("not_invoiceable", "all that was paid went back, so nothing is left to invoice")
    if sold.awaits_shipment:
        raise Conflict("not_invoiceable", "the rest is captured when it ships; ask again then")
    if sold.captured_minor != sold.amounts.total_minor:
        raise Conflict("not_invoiceable", "what was captured is not what the order costs; finance looks into it first")


async def refund_credit_note(
    services: Services, caller: Principal, key: str, digest: bytes, order_no: str, refund_id: str
) -> Reply:
    """Issue the refund's credit note, or find it. Raises Conflict `not_creditable`, `invoice_missing`."""

    async def credit(conn: Connection, standing: InvoiceState) -> Amounts:
        refund = await invoice_sources.refund(conn, refund_id)
        if refund.status != RefundStatus.SUCCEEDED:
            raise Conflict("not_creditable", f"the refund is {refund.status}; ask again once its money went back")
        given, replaced = await invoice_sources.given(conn, refund_id), await invoice_sources.replaced(conn, order_no)
        return credited(standing.invoice, standing.notes, given, replaced)

    return await _credit_note(services, caller, key, digest, order_no, refund_id, credit)


async def cancellation_credit_note(
    services: Services, caller: Principal, key: str, digest: bytes, order_no: str
) -> Reply:
    """Credit what is left of a cancelled order's invoices. Raises Conflict `not_creditable`, `invoice_missing`."""

    async def credit(conn: Connection, standing: InvoiceState) -> Amounts:
        if await timeline.lock_order(conn, order_no) is not Status.CANCELLED:
            raise Conflict(
                "not_creditable", "only a cancelled order is credited whole; a refund has a credit note of its own"
            )
        return rest_credited(standing.invoice, standing.notes)

    return await _credit_note(services, caller, key, digest, order_no, None, credit)


async def _credit_note(
    services: Services,
    caller: Principal,
    key: str,
    digest: bytes,
    order_no: str,
    refund_id: str | None,
    credit: Callable[[Connection, InvoiceState], Awaitable[Amounts]],
) -> Reply:
    async def work(conn: Connection) -> Document:
        await timeline.lock_order(conn, order_no)
        if known := await documents.credit_note_of(conn, order_no, refund_id):
            return known
        standing = await documents.load_state(conn, services.keys, order_no)
        if standing is None:
            raise Conflict("invoice_missing", "a credit note corrects an invoice; ask for the order's invoice first")
        amounts = await credit(conn, standing)
        if not amounts.total_minor:
            raise Conflict("not_creditable", "credit notes have taken back all that was invoiced already")
        new = NewDocument(
            DocumentKind.CREDIT_NOTE, order_no, refund_id, standing.currency, amounts, seller(services.settings),
            standing.billed_to, services.settings.seller_time_zone, actor(caller),
        )  # fmt: skip
        return await documents.issue(conn, services.keys, new)

    return await run_in_transaction(services, request_of(caller, key, digest), 201, work)


async def missing_invoices(services: Services, caller: Principal, key: str, digest: bytes, number: str) -> Reply:
    """Issue the documents that were refused when their money was recorded; 201.

    Raises Conflict `nothing_to_invoice`, `invoice_refused`.
    """

    async def work(conn: Connection) -> dict[str, object]:
        await timeline.lock_order(conn, number)
        if not (made := await documents.make_up(conn, number, actor(caller))):
            raise Conflict("nothing_to_invoice")
        return {"order_no": number, "items": made}

    return await run_in_transaction(services, request_of(caller, key, digest), 201, work)


async def of_order(services: Services, order_no: str) -> list[Document]:
    """The order's documents, the oldest first."""
    async with services.database.begin() as conn:
        return await documents.of_order(conn, order_no)


async def refunded_order(services: Services, caller: Principal, refund_id: str) -> str:
    """The refund's order. Raises NotFound `refund_not_found`, also for whoever may not see it."""
    async with services.database.begin() as conn:
        refund = await invoice_sources.refund(conn, refund_id)
    if not caller.may_see_order(refund.customer_id, refund.channel):
        raise NotFound("refund_not_found")
    return refund.order_no


def seller(settings: Settings) -> dict[str, str]:
    """Who sells, as the settings say it now. Raises Conflict `seller_unknown`."""
    if not settings.seller_name:
        raise Conflict("seller_unknown", "the operator sets OMS_SELLER_NAME, then invoices can be issued")
    details = {
        "name": settings.seller_name,
        "address": settings.seller_address,
        "tax_number": settings.seller_tax_number,
        "contact": settings.seller_contact,
    }
    return {name: value for name, value in details.items() if value}
