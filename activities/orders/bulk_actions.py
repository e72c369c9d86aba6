"""Carries a bulk action out on one order: each has the rule, the lock and the audit of the same action on one order."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from domain.access import Role
from domain.errors import RuleBroken
from domain.orders import bulk_actions
from domain.orders.bulk_actions import ActionRequest, BulkAction, OrderFacts
from domain.orders.holds import HOLDS, HoldKind
from domain.orders.priority import RANKS, Priority
from infra.db.audit import actor_context
from infra.db.collaboration import order_labels
from infra.db.customers.profiles import KeyRing
from infra.db.engine import Connection, Database
from infra.db.orders.changing import cancel_reasons, priorities
from infra.db.orders.changing.staff_actions import StaffAction
from infra.db.orders.searching import bulk_facts
from infra.db.orders.state import holds, timeline
from infra.db.orders.state.holds import NewHold
from infra.db.read_models import order_detail
from infra.db.support import bulk_jobs
from infra.settings import Settings
from workflows.payloads import CancelRequest


@dataclass(frozen=True, slots=True)
class Instruction:
    """An action on one order of a job. `item_id` is the same however often it is tried."""

    job_id: str
    item_id: str
    order_no: str
    actor: str
    requested: ActionRequest
    reason: str = field(repr=False)


CancelOrder = Callable[[CancelRequest], Awaitable[str | None]]
Change = Callable[[Connection, OrderFacts, Instruction], Awaitable[None]]


def action_request_of(action: str, actor: str, value: Mapping[str, str] | None) -> ActionRequest:
    """The action as the rules take it."""
    chosen = value or {}
    kind = HoldKind(chosen["kind"]) if "kind" in chosen else None
    priority = Priority(chosen["priority"]) if "priority" in chosen else None
    labels = chosen.get("tag", ""), chosen.get("assignee", "")
    return ActionRequest(BulkAction(action), Role(actor.partition(":")[0]), kind, priority, *labels)


class OrderActions:
    """What can be done to an order in bulk. `ask` has the order's workflow cancel it: None, or why not, as a code."""

    def __init__(self, database: Database, keys: KeyRing, settings: Settings, cancel_order: CancelOrder) -> None:
        self._database, self._keys, self._settings, self._cancel_order = database, keys, settings, cancel_order
        self._changes: dict[BulkAction, Change] = {
            BulkAction.HOLD: self._hold,
            BulkAction.RELEASE: self._release,
            BulkAction.PRIORITISE: self._prioritise,
            BulkAction.TAG: self._tag,
            BulkAction.UNTAG: self._untag,
            BulkAction.ASSIGN: self._assign,
        }

    async def carry_out(self, one: Instruction) -> str | None:
        """None when it is done, else why not, as a code; the item is closed, too. Repeating is harmless."""
        if one.requested.action is BulkAction.CANCEL:
            return await self._cancel(one)
        return await self._change(one)

    async def _change(self, one: Instruction) -> str | None:
        """The change and the end of its item are one transaction, so that a repeat finds both or neither."""
        try:
            async with self._database.begin() as conn:
                await actor_context.set_actor(conn, one.actor, "")
                await timeline.lock_order(conn, one.order_no)
                if (refused := await self._refusal(conn, one)) is None:
                    found = (await bulk_facts.facts(conn, [one.order_no]))[one.order_no]
                    await self._changes[one.requested.action](conn, found, one)
                await bulk_jobs.close_item(conn, one.job_id, one.order_no, refused)
        except RuleBroken as error:
            refused = error.code
            await self._close(one, refused)
        return refused

    async def _refusal(self, conn: Connection, one: Instruction) -> str | None:
        found = (await bulk_facts.facts(conn, [one.order_no])).get(one.order_no)
        return "order_not_found" if found is None else bulk_actions.refusal(found, one.requested)

    async def _hold(self, conn: Connection, order: OrderFacts, one: Instruction) -> None:
        kind = one.requested.kind or HoldKind.MANUAL
        rule, settings = HOLDS[kind], self._settings
        limits = (settings.hold_deadline_s, settings.hold_escalation_s)
        new = NewHold(kind, one.actor, one.reason, rule.owner.value, rule.outcome, *limits)
        await holds.place(conn, self._keys, one.order_no, new)

    async def _release(self, conn: Connection, order: OrderFacts, one: Instruction) -> None:
        for hold in bulk_actions.releasable(order, one.requested.role):
            await holds.release(conn, self._keys, one.order_no, hold.hold_no, one.actor, one.reason)

    async def _prioritise(self, conn: Connection, order: OrderFacts, one: Instruction) -> None:
        priority = one.requested.priority or Priority.STANDARD
        action = StaffAction(one.item_id, one.order_no, "prioritise", priority, one.actor, one.reason)
        await priorities.change(conn, self._keys, action, RANKS[priority])

    async def _tag(self, conn: Connection, order: OrderFacts, one: Instruction) -> None:
        await order_labels.change_tags(conn, one.order_no, [one.requested.tag], [], one.actor)

    async def _untag(self, conn: Connection, order: OrderFacts, one: Instruction) -> None:
        await order_labels.change_tags(conn, one.order_no, [], [one.requested.tag], one.actor)

    async def _assign(self, conn: Connection, order: OrderFacts, one: Instruction) -> None:
        await order_labels.assign(conn, one.order_no, one.requested.assignee or None, one.actor)

    async def _cancel(self, one: Instruction) -> str | None:
        """The workflow decides; what it accepted before is not asked again."""
        async with self._database.begin() as conn:
            accepted = await order_detail.cancelled_by(conn, one.order_no, one.item_id, one.actor)
            refused = None if accepted else await self._refusal(conn, one)
            if refused is None and not accepted:
                await cancel_reasons.record_request(conn, one.order_no, one.actor, one.item_id)
        if refused is None and not accepted:
            refused = await self._cancel_order(CancelRequest(one.order_no, "support_request", one.actor, one.item_id))
        async with self._database.begin() as conn:
            if refused is None:
                await cancel_reasons.save_reason(conn, self._keys, one.order_no, one.reason)
            await bulk_jobs.close_item(conn, one.job_id, one.order_no, refused)
        return refused

    async def _close(self, one: Instruction, refused: str) -> None:
        async with self._database.begin() as conn:
            await bulk_jobs.close_item(conn, one.job_id, one.order_no, refused)
