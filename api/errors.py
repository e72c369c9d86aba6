"""Every refusal as RFC 9457 `application/problem+json` with a stable `code`."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from domain.errors import Conflict, NotFound, RuleBroken
from domain.problems import SENTENCES
from infra.db.errors import (
    FAILED,
    NO_CONNECTION,
    cannot_write,
    constraint_of,
    is_invalid_value,
    is_lost,
    sqlstate_of,
)
from infra.security.crypto import Unreadable

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 1
# Room on a disk does not come back within a second.
WRITABLE_AFTER_S = 10
# What lasts longer than a moment.
RETRY_AFTER: dict[str, int] = {"backlog_full": 30}
CLIENT_GONE = 499

# Codes whose status is not 422 (what a RuleBroken is otherwise), 404 (NotFound) or 409 (Conflict).
STATUSES: dict[str, int] = {
    "invalid_json": 400,
    "invalid_request": 400,
    "idempotency_key_missing": 400,
    "idempotency_key_invalid": 400,
    "token_missing": 401,
    "token_invalid": 401,
    "token_expired": 401,
    "token_revoked": 401,
    "signature_invalid": 401,
    "signature_expired": 401,
    "forbidden": 403,
    "customer_mismatch": 403,
    "channel_mismatch": 403,
    "form_expired": 403,
    "second_person_needed": 403,
    "own_role": 403,
    "note_not_yours": 403,
    "not_found": 404,
    "order_not_found": 404,
    "product_not_found": 404,
    "picture_not_found": 404,
    "warehouse_not_found": 404,
    "provider_not_found": 404,
    "job_not_found": 404,
    "endpoint_not_found": 404,
    "hold_not_found": 404,
    "customer_not_found": 404,
    "note_not_found": 404,
    "draft_not_found": 404,
    "staff_not_found": 404,
    "shipment_not_found": 404,
    "fulfilment_not_found": 404,
    "approval_not_found": 404,
    "notice_channel_not_found": 404,
    "refund_not_found": 404,
    "document_not_found": 404,
    "nothing_to_print": 404,
    "feedback_not_found": 404,
    "dispute_not_found": 404,
    "message_not_found": 404,
    "channel_not_found": 404,
    "profile_not_found": 404,
    "token_not_found": 404,
    "return_not_found": 404,
    "label_not_found": 404,
    "method_not_allowed": 405,
    "request_timeout": 408,
    "external_ref_exists": 409,
    "unpaid_limit_reached": 409,
    "product_exists": 409,
    "product_without_codes": 409,
    "barcode_exists": 409,
    "warehouse_exists": 409,
    "receipt_exists": 409,
    "idempotency_in_progress": 409,
    "answer_erased": 409,
    "already_paid": 409,
    "payment_in_progress": 409,
    "change_in_progress": 409,
    "order_closed": 409,
    "not_cancellable": 409,
    "parcel_on_its_way": 409,
    "not_parked": 409,
    "step_moved_on": 409,
    "amount_differs": 409,
    "activity_over": 409,
    "nothing_to_reset": 409,
    "batch_running": 409,
    "nothing_stuck": 409,
    "expected_differs": 409,
    "too_late_to_hold": 409,
    "approval_waiting": 409,
    "approval_decided": 409,
    "approval_lapsed": 409,
    "step_is_stuck": 409,
    "order_is_held": 409,
    "adjustment_not_possible": 409,
    "refund_exceeds_captured": 409,
    "nothing_captured": 409,
    "refund_closed": 409,
    "pieces_on_return": 409,
    "refund_waiting": 409,
    "nothing_to_send": 409,
    "already_held": 409,
    "not_held": 409,
    "message_not_failed": 409,
    "no_address": 409,
    "order_over": 409,
    "action_not_possible": 409,
    "return_window_closed": 409,
    "not_delivered": 409,
    "return_exceeds_delivered": 409,
    "more_than_returned": 409,
    "return_already_received": 409,
    "return_already_inspected": 409,
    "return_not_received": 409,
    "return_decided": 409,
    "return_closed": 409,
    "return_not_cancellable": 409,
    "return_open": 409,
    "stock_not_available": 409,
    "not_invoiceable": 409,
    "not_creditable": 409,
    "invoice_missing": 409,
    "seller_unknown": 409,
    "feedback_limit": 409,
    "feedback_answered": 409,
    "too_many_tags": 422,
    "note_fixed": 409,
    "order_changed": 412,
    "draft_changed": 412,
    "draft_placed": 409,
    "profile_active": 409,
    "profile_excludes_orders": 409,
    "draft_total_changed": 409,
    "too_many_drafts": 409,
    "product_changed": 412,
    "import_applied": 409,
    "carrier_bill_exists": 409,
    "carrier_bill_not_found": 404,
    "difference_decided": 409,
    "difference_not_found": 404,
    "channel_changed": 412,
    "warehouse_changed": 412,
    "purchase_order_changed": 412,
    "no_backorder": 409,
    "no_delivery_problem": 409,
    "stock_short": 409,
    "parcel_not_expected": 409,
    "parcel_not_sent": 409,
    "parcel_came_back": 409,
    "more_than_sent": 409,
    "already_shipped": 409,
    "fulfilment_cancelled": 409,
    "fulfilment_not_booked": 409,
    "not_made_to_order": 409,
    "not_a_service": 409,
    "not_paid_yet": 409,
    "product_kind_in_use": 409,
    "fulfilment_not_cancelled": 409,
    "less_than_picked": 409,
    "not_packed": 409,
    "ships_from_supplier": 409,
    "not_from_supplier": 409,
    "not_picked": 409,
    "order_cancelling": 409,
    "no_credit": 409,
    "credit_exceeded": 409,
    "not_on_terms": 409,
    "more_than_owed": 409,
    "body_too_large": 413,
    "if_match_missing": 428,
    "rate_limited": 429,
    "too_many_connections": 429,
    "headers_too_large": 431,
    "internal_error": 500,
    "backlog_full": 503,
    "busy": 503,
    "data_unreadable": 503,
    "database_not_writable": 503,
    "database_unavailable": 503,
    "master_key_unknown": 503,
    "pdf_unavailable": 503,
    "exports_busy": 503,
    "provider_unavailable": 503,
    "workflow_unavailable": 503,
}

# What a breach of each constraint means to a caller.
CONSTRAINTS: dict[str, str] = {
    "stock_on_hand_not_negative": "stock_not_available",
    "stock_not_oversold": "stock_not_available",
    "stock_placed_within_on_hand": "stock_not_available",
    "location_levels_on_hand_check": "stock_not_available",
    "stock_quarantined_not_negative": "stock_not_available",
    "line_returns_within_delivered": "return_exceeds_delivered",
    "order_external_ref": "external_ref_exists",
    "refunds_within_capture": "refund_exceeds_captured",
    "line_refund_within_paid": "refund_exceeds_captured",
    "line_refund_within_quantity": "refund_exceeds_captured",
    "credit_notes_within_invoice": "not_creditable",
    "feedback_limit": "feedback_limit",
    "order_tags_limit": "too_many_tags",
    "products_pkey": "product_exists",
    "warehouses_pkey": "warehouse_exists",
    "receipt_once": "receipt_exists",
    "second_person": "second_person_needed",
    "stock_counts_second_person": "second_person_needed",
    "purchase_line_over_delivered": "over_delivery",
    "credit_within_limit": "credit_exceeded",
}
_SQLSTATES = {
    "OM001": "stock_not_available",
    "OM002": "illegal_transition",
    "OM006": "too_late_to_hold",
    "OM007": "approval_lapsed",
    "OM008": "order_closed",
    "OM012": "too_late_to_change",
    "OM009": "not_delivered",
    "OM010": "return_open",
    "OM019": "last_admin",
    "OM020": "own_role",
    "OM176": "step_moved_on",
}
# A data key under a master key that the database does not know.
_OTHER_MASTER_KEY = "OM150"
# Deadlock, serialisation, statement or lock time-out: nothing was written, the same request may come again.
_PASSING = frozenset({"40P01", "40001", "57014", "55P03", "53300"})


class Problem(HTTPException):
    """A refusal on its way out. `errors` name fields, never their values; `more` are members beside the standard's."""

    def __init__(
        self,
        code: str,
        detail: str = "",
        *,
        status: int | None = None,
        errors: Sequence[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        known = status or STATUSES.get(code, 422)
        super().__init__(known, detail or SENTENCES.get(code) or code.replace("_", " "), dict(headers or {}))
        self.code = code
        self.errors = list(errors)
        self.more = dict(more or {})

    @property
    def facts(self) -> dict[str, Any]:
        """Its code with its facts, as pages tell them."""
        return {"code": self.code, **self.more}


def unavailable(code: str, detail: str = "", after_s: int = RETRY_AFTER_S) -> Problem:
    """A 503 that says when to come back."""
    return Problem(code, detail, headers={"Retry-After": str(after_s)})


def not_writable() -> Problem:
    """The 503 for it."""
    return unavailable("database_not_writable", "", WRITABLE_AFTER_S)


def body(
    status: int,
    code: str,
    detail: str,
    instance: str = "",
    errors: Sequence[Any] = (),
    more: Mapping[str, Any] | None = None,
) -> bytes:
    """The JSON of one problem."""
    problem: dict[str, Any] = {
        **(more or {}),
        "type": f"urn:oms:problem:{code}",
        "title": code.replace("_", " ").capitalize(),
        "status": status,
        "detail": detail,
        "code": code,
    }
    if instance:
        problem["instance"] = instance
    if errors:
        problem["errors"] = list(errors)
    return orjson.dumps(problem)


class ProblemResponse(Response):
    """A problem as JSON; pages show `problem` itself."""

    def __init__(self, problem: Problem, path: str) -> None:
        content = body(problem.status_code, problem.code, problem.detail, path, problem.errors, problem.more)
        super().__init__(content, problem.status_code, problem.headers, MEDIA_TYPE)
        self.problem = problem


def respond(request: Request, problem: Problem) -> Response:
    """The response for one problem."""
    return ProblemResponse(problem, request.url.path)


def from_rule(error: RuleBroken) -> Problem:
    """A broken rule's own code, with the status that the table or its class gives."""
    fallback = 404 if isinstance(error, NotFound) else 409 if isinstance(error, Conflict) else 422
    later = {"Retry-After": str(RETRY_AFTER[error.code])} if error.code in RETRY_AFTER else {}
    return Problem(error.code, error.detail, status=STATUSES.get(error.code, fallback), more=error.facts, headers=later)


def from_database(error: Exception) -> Problem:
    """What a database error means to a caller: a rule, a pause, or a fault of ours (500)."""
    sqlstate = sqlstate_of(error)
    if sqlstate == _OTHER_MASTER_KEY:
        logger.error(
            "OMS_MASTER_KEY is not the master key of the database; see oms doctor", extra={"code": "master_key_unknown"}
        )
        return unavailable("master_key_unknown")
    if code := CONSTRAINTS.get(constraint_of(error)) or _SQLSTATES.get(sqlstate or ""):
        return Problem(code, status=STATUSES.get(code, 409))
    if sqlstate in _PASSING:
        return unavailable("busy", "too much at once; nothing was written, try again")
    if cannot_write(error):
        logger.error("PostgreSQL cannot write", extra={"sqlstate": sqlstate})
        return not_writable()
    if is_lost(error):
        return unavailable("database_unavailable", "")
    if is_invalid_value(error):
        return Problem("invalid_value", "a value cannot be kept: out of range, or text with a NUL")
    logger.error("a statement failed", exc_info=error, extra={"sqlstate": sqlstate})
    return Problem("internal_error", "the fault is ours; nothing was written")


def install(app: FastAPI) -> None:
    """Make every error of `app` a problem."""
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RuleBroken, _rule)
    for failed in FAILED:
        app.add_exception_handler(failed, _database)
    for busy in NO_CONNECTION:
        app.add_exception_handler(busy, _busy)
    app.add_exception_handler(Unreadable, _sealed)
    app.add_exception_handler(ClientDisconnect, _client_gone)
    app.add_exception_handler(Exception, _internal)


async def _http(request: Request, error: Exception) -> Response:
    if isinstance(error, Problem):
        return respond(request, _counted(request, error))
    assert isinstance(error, HTTPException)
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "http_error")
    return respond(request, _counted(request, Problem(code, status=error.status_code, headers=error.headers)))


def _counted(request: Request, problem: Problem) -> Problem:
    """A token or signature that is none counts against the address that sent it, and so does a call that nothing here
    answers, for no token was looked at; what is valid is never held up."""
    unseen = problem.code in ("not_found", "method_not_allowed") and not hasattr(request.state, "allowance")
    if problem.status_code != 401 and not unseen:
        return problem
    try:
        request.app.state.limits.address(request.client.host if request.client else "unknown")
    except Problem as too_many:
        return too_many
    return problem


async def _rule(request: Request, error: Exception) -> Response:
    assert isinstance(error, RuleBroken)
    return respond(request, from_rule(error))


async def _database(request: Request, error: Exception) -> Response:
    return respond(request, from_database(error))


async def _busy(request: Request, _: Exception) -> Response:
    return respond(request, unavailable("busy", "too many requests at once; nothing was written, try again"))


async def _sealed(request: Request, error: Exception) -> Response:
    """The transaction is rolled back: nothing is sealed under a second key beside the first."""
    remedy = "personal data cannot be opened: another OMS_MASTER_KEY than it was, or altered data; see oms doctor"
    logger.error(remedy, exc_info=error, extra={"code": "data_unreadable"})
    return respond(request, unavailable("data_unreadable"))


async def _client_gone(_: Request, __: Exception) -> Response:
    """A client that disconnected before its request was complete reads no answer; the status is for the metrics."""
    return Response(status_code=CLIENT_GONE)


async def _internal(request: Request, _: Exception) -> Response:
    return respond(request, Problem("internal_error", "the fault is ours"))
