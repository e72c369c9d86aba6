"""Invoices and credit notes as the API shows them, and as PDF."""

import re
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import Response

from api.dependencies import Services
from api.errors import unavailable
from domain.access import Principal
from domain.documents import DocumentKind, document_number
from domain.errors import NotFound
from domain.orders.status import Status
from infra.db.documents import documents, invoice_sources
from infra.pdf.rendering import Unrendered, pdf_of

_SHOWN = (
    "document_no", "kind", "order_no", "refund_id", "supplement_to", "return_id", "dispute_id", "total_minor",
    "tax_minor", "currency", "issued_at",
)  # fmt: skip


async def found(services: Services, caller: Principal, typed: str) -> dict[str, Any]:
    """The whole document. Raises NotFound `document_not_found`, also for whoever may not see its order."""
    number = document_number(typed)
    if number is None:
        raise NotFound("document_not_found")
    async with services.database.begin() as conn:
        document = await documents.one(conn, services.keys, number)
    if not caller.may_see_order(document.pop("customer_id"), document.pop("channel")):
        raise NotFound("document_not_found")
    return document


async def of_order(services: Services, order_no: str, status: str) -> dict[str, Any]:
    """The order's documents, and what can still be issued: the invoice, credit notes of refunds and a cancellation."""
    async with services.database.begin() as conn:
        issued = await documents.of_order(conn, order_no)
        refunds = await invoice_sources.paid_refunds(conn, order_no)
        missing = await documents.missing(conn, order_no)
    invoiced = any(document["kind"] == DocumentKind.INVOICE for document in issued)
    notes = [document for document in issued if document["kind"] == DocumentKind.CREDIT_NOTE]
    credited = {document["refund_id"] for document in notes if document["dispute_id"] is None}
    return {
        "documents": issued,
        "invoiced": invoiced,
        "missing": missing,
        "refunds": [refund for refund in refunds if invoiced and refund["refund_id"] not in credited],
        "cancelled": invoiced and status == Status.CANCELLED and None not in credited,
    }


def presented(document: dict[str, Any]) -> dict[str, Any]:
    """A whole document as the API shows it."""
    content = {name: value for name, value in document["content"].items() if name not in _SHOWN}
    return {
        **{name: document[name] for name in _SHOWN},
        "corrects": document["corrections"][0]["document_no"] if document["corrections"] else None,
        "corrections": document["corrections"],
        "billed_to": document["billed_to"],
        **content,
    }


async def pdf(document: dict[str, Any], lang: str) -> Response:
    """The document to keep; the same bytes whenever it is asked for. Raises Problem `pdf_unavailable`."""
    sheet = presented(document)
    sheet["issued_at"] = document["issued_at"].isoformat()
    sheet["issued_on"] = _day(document["issued_at"], document["time_zone"])
    try:
        content = await pdf_of(sheet, lang)
    except Unrendered:
        raise unavailable("pdf_unavailable", "the PDF could not be made just now; try again") from None
    headers = {
        "Content-Disposition": f'attachment; filename="{document["document_no"]}-{lang}.pdf"',
        "Cache-Control": "private, no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(content, 200, headers, "application/pdf")


def _day(moment: datetime, zone: str) -> str:
    return moment.astimezone(ZoneInfo(zone)).date().isoformat()


_CHINESE_FIRST = re.compile(r"^\s*zh", re.IGNORECASE)


def language(asked: str | None, accept_language: str) -> str:
    """`asked`, else the language that the reader's program asks for first, else English."""
    return asked or ("zh" if _CHINESE_FIRST.match(accept_language) else "en")
