"""Invoices and credit notes as they are read: one of them, and those of an order."""

from dataclasses import dataclass

from api.dependencies import Services
from domain.access import Principal
from domain.documents import DocumentKind, document_number
from domain.errors import NotFound
from domain.orders.status import Status
from infra.db.documents import documents, invoice_sources
from infra.db.documents.documents import Document, MissingDocument
from infra.db.documents.invoice_sources import PaidRefund

DocumentDetail = documents.DocumentDetail


@dataclass(frozen=True, slots=True)
class OrderDocuments:
    """The documents of an order, and what can still be issued: the invoice, credit notes of refunds and of the
    cancellation, and documents that were refused before (`missing`)."""

    documents: list[Document]
    invoiced: bool
    missing: list[MissingDocument]
    refunds: list[PaidRefund]
    cancelled: bool


async def find_document(services: Services, caller: Principal, typed: str) -> DocumentDetail:
    """The whole document. Raises NotFound `document_not_found`, also for a caller who may not see its order."""
    number = document_number(typed)
    if number is None:
        raise NotFound("document_not_found")
    async with services.database.begin() as conn:
        document = await documents.one(conn, services.keys, number)
    if not caller.may_see_order(document.customer_id, document.channel):
        raise NotFound("document_not_found")
    return document


async def documents_of(services: Services, order_no: str, status: str) -> OrderDocuments:
    """The documents of the order, which has this status."""
    async with services.database.begin() as conn:
        issued = await documents.of_order(conn, order_no)
        refunds = await invoice_sources.paid_refunds(conn, order_no)
        missing = await documents.missing(conn, order_no)
    invoiced = any(document.kind is DocumentKind.INVOICE for document in issued)
    notes = [document for document in issued if document.kind is DocumentKind.CREDIT_NOTE]
    credited = {document.refund_id for document in notes if document.dispute_id is None}
    return OrderDocuments(
        documents=issued,
        invoiced=invoiced,
        missing=missing,
        refunds=[refund for refund in refunds if invoiced and refund.refund_id not in credited],
        cancelled=invoiced and status == Status.CANCELLED and None not in credited,
    )
