"""Invoices and credit notes: ask for them, list them, read them, keep them as PDF."""

from typing import Annotated, Literal

from fastapi import APIRouter, Header, Path, Request, Response

from api.authorization import visible_order
from api.dependencies import Caller, idempotency_key, json_response, require, services_of
from api.http.openapi import CONTENT_DISPOSITION, Answer, operation
from api.http.request_body import read
from api.http.responses import response_of
from api.presenters import document_views
from api.schemas.documents import BilledTo, DocumentList, IssuedDocument, MadeUp, Nothing, WholeDocument
from api.services.documents import document_issuing, document_queries
from api.services.documents.document_issuing import ISSUED_BY

router = APIRouter(tags=["documents"])

Language = Literal["zh", "en"]
RefundId = Annotated[str, Path(max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]


@router.post("/v1/orders/{order_no}/invoice", **operation("issue_invoice", Answer(201, IssuedDocument), body=BilledTo))
async def invoice(order_no: str, request: Request, caller: Caller) -> Response:
    """Issue the order's invoice, once something was captured; asked again, it is the same one."""
    require(caller, *ISSUED_BY)
    services, key = services_of(request), idempotency_key(request)
    overview = await visible_order(services, caller, order_no)
    parsed = await read(request, BilledTo, optional=True)
    return response_of(
        await document_issuing.invoice(services, caller, key, parsed.digest, overview.order_no, parsed.model)
    )


@router.post(
    "/v1/refunds/{refund_id}/credit-note",
    **operation("issue_refund_credit_note", Answer(201, IssuedDocument), with_key=True),
)
async def refund_credit_note(refund_id: RefundId, request: Request, caller: Caller) -> Response:
    """Issue the credit note of a refund that was paid; the order's invoice comes first."""
    require(caller, *ISSUED_BY)
    services, key = services_of(request), idempotency_key(request)
    order_no = await document_issuing.refunded_order(services, caller, refund_id)
    parsed = await read(request, Nothing, optional=True)
    return response_of(
        await document_issuing.refund_credit_note(services, caller, key, parsed.digest, order_no, refund_id)
    )


@router.post(
    "/v1/orders/{order_no}/credit-note",
    **operation("issue_cancellation_credit_note", Answer(201, IssuedDocument), with_key=True),
)
async def cancellation_credit_note(order_no: str, request: Request, caller: Caller) -> Response:
    """Issue the credit note of a cancelled order, over what is left of its invoice."""
    require(caller, *ISSUED_BY)
    services, key = services_of(request), idempotency_key(request)
    overview = await visible_order(services, caller, order_no)
    parsed = await read(request, Nothing, optional=True)
    return response_of(
        await document_issuing.cancellation_credit_note(services, caller, key, parsed.digest, overview.order_no)
    )


@router.post(
    "/v1/orders/{order_no}/supplementary-invoices",
    **operation("issue_supplementary_invoices", Answer(201, MadeUp), with_key=True),
)
async def missing_invoices(order_no: str, request: Request, caller: Caller) -> Response:
    """Issue the documents of an invoiced order that were refused: of what was paid on top, a claim, a lost dispute."""
    require(caller, *document_issuing.HANDLED_BY)
    services, key = services_of(request), idempotency_key(request)
    overview = await visible_order(services, caller, order_no)
    parsed = await read(request, Nothing, optional=True)
    return response_of(await document_issuing.missing_invoices(services, caller, key, parsed.digest, overview.order_no))


@router.get("/v1/orders/{order_no}/documents", **operation("list_order_documents", Answer(200, DocumentList)))
async def of_order(order_no: str, request: Request, caller: Caller) -> Response:
    """The order's invoice and credit notes, oldest first."""
    require(caller, *ISSUED_BY)
    services = services_of(request)
    overview = await visible_order(services, caller, order_no)
    items = await document_issuing.of_order(services, overview.order_no)
    return json_response({"items": items, "next_cursor": None})


@router.get(
    "/v1/documents/{document_no}.pdf",
    **operation("get_document_pdf", Answer(200, headers=[CONTENT_DISPOSITION], media=["application/pdf"])),
)
async def pdf(
    document_no: str,
    request: Request,
    caller: Caller,
    lang: Language | None = None,
    accept_language: Annotated[str, Header(max_length=1000)] = "",
) -> Response:
    """The document as PDF, in Chinese or English; the same bytes every time."""
    require(caller, *ISSUED_BY)
    document = await document_queries.find_document(services_of(request), caller, document_no)
    return await document_views.pdf(document, document_views.language(lang, accept_language))


@router.get("/v1/documents/{document_no}", **operation("get_document", Answer(200, WholeDocument)))
async def one(document_no: str, request: Request, caller: Caller) -> Response:
    """The document with everything that stands on it."""
    require(caller, *ISSUED_BY)
    return json_response(
        document_views.presented(await document_queries.find_document(services_of(request), caller, document_no))
    )
