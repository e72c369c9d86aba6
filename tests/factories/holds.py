"""Putting holds on and releasing them as the front door does."""

from typing import Any

from domain.orders.holds import HOLDS, HoldKind, Outcome
from infra.db.customers.profiles import KeyRing
from infra.db.orders.state import holds, timeline
from infra.db.orders.state.holds import NewHold
from tests.order_stage import Stage


async def hold(stage: Stage, order_no: str, kind: str = "manual", **changed: Any) -> int:
    """Hold the order; answers with the hold's number."""
    known = HoldKind(kind)
    values: dict[str, Any] = {"owner": "support", "outcome": Outcome.RELEASE, "deadline_s": 600, "escalate_s": 600}
    values |= changed
    new = NewHold(known, "support:ann", "because", values["owner"], values["outcome"], values["deadline_s"],
                  values["escalate_s"])  # fmt: skip
    assert known in HOLDS
    async with stage.database.begin() as conn:
        await timeline.lock_order(conn, order_no)
        return await holds.place(conn, KeyRing(stage.vault), order_no, new)


async def release(stage: Stage, order_no: str, hold_no: int) -> None:
    async with stage.database.begin() as conn:
        await timeline.lock_order(conn, order_no)
        await holds.release(conn, KeyRing(stage.vault), order_no, hold_no, "support:ben", "because")
