"""Invoices and credit notes of one order: issue them, keep them as PDF."""

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Request
from fastapi.responses import RedirectResponse, Response

from api.authorization import visible_order
from api.console.action_forms import refusal
from api.console.field_errors import field_errors
from api.console.i18n import language
from api.console.rendering import page
from api.console.session import CurrentStaff, StaffMember, posted
from api.dependencies import require, services_of
from api.errors import Problem
from api.pages.forms import digest, fitting, key_of, new_key
from api.presenters import document_views
from api.schemas.documents import BilledTo, Nothing
from api.services.documents import document_issuing, document_queries
from api.services.documents.document_issuing import HANDLED_BY
from domain.errors import RuleBroken

router = APIRouter(prefix="/console")

RefundId = Annotated[str, Path(max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]


@router.get("/orders/{order_no}/documents")
async def of_order(request: Request, member: CurrentStaff, order_no: str) -> Response:
    """What was issued, and forms for what can be."""
    require(member.principal, *HANDLED_BY)
    return await _page(request, member, order_no)


async def _page(
    request: Request,
    member: StaffMember,
    order_no: str,
    typed: dict[str, str] | None = None,
    problem: Problem | None = None,
) -> Response:
    services = services_of(request)
    overview = await visible_order(services, member.principal, order_no)
    issued = await document_queries.documents_of(services, overview.order_no, overview.status)
    errors = field_errors(problem, language(request)) if problem else {}
    context: dict[str, Any] = {"order_no": overview.order_no, **asdict(issued), "typed": typed or {}, "errors": errors}
    status, key = problem.status_code if problem else 200, new_key()
    return page(request, "order_documents.html", status=status, member=member, key=key, problem=problem, **context)


@router.post("/orders/{order_no}/invoice")
async def invoice(request: Request, member: CurrentStaff, order_no: str) -> Response:
    """Issue the order's invoice."""
    require(member.principal, *HANDLED_BY)
    services, fields = services_of(request), await posted(request, member)
    overview = await visible_order(services, member.principal, order_no)
    typed = {name: fields[name] for name in BilledTo.model_fields if fields.get(name, "").strip()}
    try:
        body, key = fitting(BilledTo, typed), key_of(fields)
        await document_issuing.invoice(services, member.principal, key, digest(body), overview.order_no, body)
    except (Problem, RuleBroken) as error:
        return await _page(request, member, overview.order_no, fields, refusal(error))
    return _back(overview.order_no)


@router.post("/orders/{order_no}/credit-note")
async def cancellation_credit_note(request: Request, member: CurrentStaff, order_no: str) -> Response:
    """Credit what is left of a cancelled order's invoice."""
    require(member.principal, *HANDLED_BY)
    services, fields = services_of(request), await posted(request, member)
    overview = await visible_order(services, member.principal, order_no)
    key, what = key_of(fields), digest(Nothing())
    await document_issuing.cancellation_credit_note(services, member.principal, key, what, overview.order_no)
    return _back(overview.order_no)


@router.post("/orders/{order_no}/supplementary-invoices")
async def missing_invoices(request: Request, member: CurrentStaff, order_no: str) -> Response:
    """Issue the supplementary invoices that were refused with their capture."""
    require(member.principal, *HANDLED_BY)
    services, fields = services_of(request), await posted(request, member)
    overview = await visible_order(services, member.principal, order_no)
    key, what = key_of(fields), digest(Nothing())
    await document_issuing.missing_invoices(services, member.principal, key, what, overview.order_no)
    return _back(overview.order_no)


@router.post("/refunds/{refund_id}/credit-note")
async def refund_credit_note(request: Request, member: CurrentStaff, refund_id: RefundId) -> Response:
    """Issue a refund's credit note."""
    require(member.principal, *HANDLED_BY)
    services, fields = services_of(request), await posted(request, member)
    number = await document_issuing.refunded_order(services, member.principal, refund_id)
    key, what = key_of(fields), digest(Nothing())
    await document_issuing.refund_credit_note(services, member.principal, key, what, number, refund_id)
    return _back(number)


@router.get("/documents/{document_no}.pdf")
async def pdf(
    request: Request, member: CurrentStaff, document_no: str, lang: Literal["zh", "en"] | None = None
) -> Response:
    """The document as PDF, in the language of the page unless another is asked for."""
    require(member.principal, *HANDLED_BY)
    document = await document_queries.find_document(services_of(request), member.principal, document_no)
    return await document_views.pdf(document, lang or language(request))


def _back(number: str) -> Response:
    return RedirectResponse(f"/console/orders/{number}/documents", 303)
