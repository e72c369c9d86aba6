"""Opening refunds as the front door does."""

import secrets
from typing import Any

from domain.payments.refunds import Origin, RefundStatus
from infra.db.approvals import approval_requests
from infra.db.customers.profiles import KeyRing
from infra.db.orders.state import timeline
from infra.db.payments import refunds
from infra.db.payments.refund_plans import NewRefund
from infra.db.payments.refunds import OpenedRefund
from tests.order_stage import Stage, eventually


async def refund(stage: Stage, order_no: str, **options: Any) -> OpenedRefund:
    """Open a refund of the order; `how` are fields of RefundAsk."""
    ask = NewRefund(f"rf_{secrets.token_hex(16)}", order_no, Origin.SUPPORT, "support:ann", "because", **options)
    async with stage.database.begin() as conn:
        return await refunds.open_refund(conn, KeyRing(stage.vault), ask)


async def decide(stage: Stage, opened: OpenedRefund, order_no: str, status: RefundStatus) -> None:
    """The approver's decision."""
    assert opened.approval_id is not None
    async with stage.database.begin() as conn:
        await timeline.lock_order(conn, order_no)
        await approval_requests.decide(
            conn, KeyRing(stage.vault), opened.approval_id, status.value, "finance:ben", "fine"
        )
        await refunds.decided(conn, order_no, opened.refund_id, status, "finance:ben")


async def status_of(stage: Stage, refund_id: str) -> str:
    return str((await stage.sql("SELECT status FROM refunds WHERE refund_id = :r", r=refund_id))[0][0])


def given_back(stage: Stage, order_no: str) -> list[int]:
    """The refunds that succeeded, as the provider knows them."""
    items = stage.sandbox.http.get("/payments", params={"order_no": order_no}).json()["items"]
    return [item["amount_minor"] for item in items if (item["kind"], item["status"]) == ("refund", "succeeded")]


async def paid_out(stage: Stage, opened: OpenedRefund) -> None:
    """Wait until the refund is paid."""

    async def done() -> bool:
        return await status_of(stage, opened.refund_id) == "succeeded"

    await eventually(done)


async def pending(stage: Stage, refund_id: str) -> Any:
    """Wait until the provider has taken the refund and decides later; its payment."""
    rows = await eventually(
        lambda: stage.sql("SELECT * FROM payments WHERE refund_id = :r AND status = 'pending'", r=refund_id), 60
    )
    return rows[0]
