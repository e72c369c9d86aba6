"""Invoices and credit notes: asked for, and kept as PDF."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import RedirectResponse, Response

from api.dependencies import services_of
from api.pages.forms import digest, fitting, key_of, new_key
from api.pages.i18n import language
from api.portal.rendering import HOME, page
from api.portal.session import CurrentCustomer, owned, posted
from api.presenters import document_views
from api.schemas.documents import BilledTo, Nothing
from api.services.documents import document_issuing, document_queries
from domain.errors import NotFound

router = APIRouter(prefix=f"{HOME}/orders/{{order_no}}")

RefundId = Annotated[str, Path(max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]


@router.get("/documents")
async def listed(request: Request, session: CurrentCustomer, order_no: str) -> Response:
    """What was issued, and what can be asked for."""
    services = services_of(request)
    _, overview = await owned(services, session, order_no)
    issued = await document_queries.documents_of(services, overview.order_no, overview.status)
    context = {"order_no": overview.order_no, **asdict(issued)}
    return page(request, "documents.html", key=new_key(), **context)


@router.get("/documents/{document_no}.pdf")
async def pdf(request: Request, session: CurrentCustomer, order_no: str, document_no: str) -> Response:
    """The document in the reader's language."""
    services = services_of(request)
    customer, overview = await owned(services, session, order_no)
    document = await document_queries.find_document(services, customer, document_no)
    if document.order_no != overview.order_no:
        raise NotFound("document_not_found")
    return await document_views.pdf(document, language(request))


@router.post("/invoice")
async def invoice(request: Request, session: CurrentCustomer, order_no: str) -> Response:
    """Have the invoice issued, in the customer's own name or another's."""
    services, fields = services_of(request), await posted(request, session)
    customer, overview = await owned(services, session, order_no)
    typed = {name: fields[name] for name in BilledTo.model_fields if fields.get(name, "").strip()}
    body = fitting(BilledTo, typed)
    await document_issuing.invoice(services, customer, key_of(fields), digest(body), overview.order_no, body)
    return _back(overview.order_no)


@router.post("/credit-note")
async def cancellation_credit_note(request: Request, session: CurrentCustomer, order_no: str) -> Response:
    """Have the credit note of a cancelled order issued."""
    services, fields = services_of(request), await posted(request, session)
    customer, overview = await owned(services, session, order_no)
    body = digest(Nothing())
    await document_issuing.cancellation_credit_note(services, customer, key_of(fields), body, overview.order_no)
    return _back(overview.order_no)


@router.post("/refunds/{refund_id}/credit-note")
async def refund_credit_note(
    request: Request, session: CurrentCustomer, order_no: str, refund_id: RefundId
) -> Response:
    """Have the credit note of a refund issued."""
    services, fields = services_of(request), await posted(request, session)
    customer, overview = await owned(services, session, order_no)
    if await document_issuing.refunded_order(services, customer, refund_id) != overview.order_no:
        raise NotFound("refund_not_found")
    body = digest(Nothing())
    await document_issuing.refund_credit_note(services, customer, key_of(fields), body, overview.order_no, refund_id)
    return _back(overview.order_no)


def _back(order_no: str) -> Response:
    return RedirectResponse(f"{HOME}/orders/{order_no}/documents", 303)
