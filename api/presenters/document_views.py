"""Invoices and credit notes as the API shows them, and as PDF."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

from fastapi import Response

from api.errors import unavailable
from api.services.documents.document_queries import DocumentDetail
from domain.json_types import JsonFields
from infra.pdf.rendering import Unrendered, pdf_of

_FIELDS = (
    "document_no", "kind", "order_no", "refund_id", "supplement_to", "return_id", "dispute_id", "total_minor",
    "tax_minor", "currency", "issued_at",
)  # fmt: skip


def presented(document: DocumentDetail) -> JsonFields:
    """A whole document as the API shows it."""
    content = {name: value for name, value in document.content.items() if name not in _FIELDS}
    return {
        **{name: getattr(document, name) for name in _FIELDS},
        "corrects": document.corrections[0]["document_no"] if document.corrections else None,
        "corrections": document.corrections,
        "billed_to": document.billed_to,
        **content,
    }


async def pdf(document: DocumentDetail, lang: str) -> Response:
    """The document to keep; the same bytes whenever it is asked for. Raises Problem `pdf_unavailable`."""
    try:
        content = await pdf_of(sheet_of(document), lang)
    except Unrendered:
        raise unavailable("pdf_unavailable", "the PDF could not be made just now; try again") from None
    headers = {
        "Content-Disposition": f'attachment; filename="{document.document_no}-{lang}.pdf"',
        "Cache-Control": "private, no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(content, 200, headers, "application/pdf")


def sheet_of(document: DocumentDetail) -> JsonFields:
    """What stands on the document's pages."""
    sheet = presented(document)
    sheet["issued_at"] = document.issued_at.isoformat()
    sheet["issued_on"] = _day(document.issued_at, document.time_zone)
    return sheet


def _day(moment: datetime, zone: str) -> str:
    return moment.astimezone(ZoneInfo(zone)).date().isoformat()


_CHINESE_FIRST = re.compile(r"^\s*zh", re.IGNORECASE)


def language(preferred: str | None, accept_language: str) -> str:
    """`preferred`, else the language that the reader's program asks for first, else English."""
    return preferred or ("zh" if _CHINESE_FIRST.match(accept_language) else "en")
