"""What becomes of a parcel that is lost or refused: what the HTTP call and the customer's portal both do."""

from typing import Any, Literal

from fastapi import Response
from sqlalchemy.ext.asyncio import AsyncConnection

from api.dependencies import Services, actor
from api.errors import Problem
from api.idempotent import in_books
from domain.access import Principal
from domain.errors import Conflict
from infra.db import delivery_problems, events, idempotency
from infra.db.delivery_problems import Problem as Trouble
from infra.db.reservations import StockGone

Choice = Literal["reship", "refund"]


async def preview(parts: Services, caller: Principal, number: str, choice: Choice) -> dict[str, Any]:
    """What the choice would mean. Raises as `choose` does."""
    async with parts.database.begin() as conn:
        trouble = await delivery_problems.problem_of(conn, number)
        if choice == "refund":
            _require_one_person(parts, caller, trouble)
            return _answer(trouble, choice, refund_minor=trouble.refund_minor)
        return _answer(trouble, choice, warehouse=await delivery_problems.source_of(conn, number))


async def choose(parts: Services, caller: Principal, key: str, digest: bytes, number: str, choice: Choice) -> Response:
    """Decide it in the books; the order's workflow carries it out.

    Raises Conflict `no_delivery_problem`, `stock_short`; Problem `second_person_needed`.
    """
    by = actor(caller)

    async def work(conn: AsyncConnection) -> dict[str, Any]:
        await events.lock_order(conn, number)
        trouble = await delivery_problems.problem_of(conn, number)
        if choice == "refund":
            _require_one_person(parts, caller, trouble)
            await delivery_problems.refund(conn, trouble, by)
            return _answer(trouble, choice, refund_minor=trouble.refund_minor)
        return _answer(trouble, choice, warehouse=await delivery_problems.reship(conn, trouble, by))

    try:
        return await in_books(parts, idempotency.Request(by, key, digest, caller.origin), 200, work)
    except StockGone:
        raise Conflict("stock_short", "another order was faster: ask again, or choose refund") from None


def _require_one_person(parts: Services, caller: Principal, trouble: Trouble) -> None:
    """The carrier's word lets a customer have his money back; staff who give back much need a second person for it."""
    if caller.is_staff and trouble.refund_minor > parts.settings.approval_limit_minor:
        raise Problem(
            "second_person_needed",
            "as much as this is given back by two: compensate the step, POST /v1/support/orders/{order_no}/resolve",
        )


def _answer(trouble: Trouble, choice: Choice, *, refund_minor: int = 0, warehouse: str | None = None) -> dict[str, Any]:
    return {
        "order_no": trouble.order_no,
        "choice": choice,
        "shipment_id": trouble.shipment_id,
        "parcel": trouble.parcel,
        "refund_minor": refund_minor,
        "currency": trouble.currency,
        "warehouse": warehouse,
    }
