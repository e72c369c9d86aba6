"""Reads what decides where an order stands; `domain.situations` judges it."""

import base64
from datetime import UTC, datetime

from domain.json_types import JsonObject
from domain.orders.holds import HoldKind, Outcome
from domain.orders.status import Status
from domain.shipping.fulfilments import FulfilmentKind, FulfilmentStatus
from domain.situations.facts import (
    OpenHold,
    ParkedStep,
    PartOfOrder,
    RetryingStep,
    SituationFacts,
    Waiting,
    waiting_from,
)
from domain.support.steps import Step
from domain.times import rfc3339
from infra.db.customers.profiles import KeyRing
from infra.db.orders.divided import DIVIDED

# One JSON value for each kind of fact, of the row `o` of orders; null where there is none. Each follows an index by
# order number. Times are UTC without saying so.
_PARKED = """
    (SELECT json_build_object('step', k.step, 'error', k.error, 'attempts', k.attempts,
                              'since', k.since AT TIME ZONE 'UTC',
                              'escalates_at', k.escalate_at AT TIME ZONE 'UTC',
                              'escalated', k.escalated_at IS NOT NULL,
                              'part', (SELECT f.number FROM fulfilments f
                                        WHERE k.subject <> '' AND f.fulfilment_id = k.subject),
                              'parcel', CASE WHEN k.step = 'deliver' THEN
                                (SELECT s.tracking_no FROM shipments s WHERE s.order_no = k.order_no
                                    AND s.replaced_at IS NULL
                                  ORDER BY EXISTS (SELECT FROM fulfilments f WHERE f.fulfilment_id = k.subject
                                                      AND f.number = s.fulfilment_no) DESC, s.created_at DESC
                                  LIMIT 1) END)
       FROM parked_steps k WHERE k.order_no = {o}.order_no AND k.resolved_at IS NULL)"""
_HELD = """
    (SELECT json_build_object('kind', h.kind, 'owner', h.owner, 'put_on_by', h.put_on_by,
                              'until', h.until AT TIME ZONE 'UTC', 'default_outcome', h.default_outcome)
       FROM holds h WHERE h.order_no = {o}.order_no AND h.closed_at IS NULL
        AND ({o}.status = ANY (h.stops) OR {o}.status = 'preparing' AND 'paid' = ANY (h.stops))
      ORDER BY h.until LIMIT 1)"""
_RETRYING = """
    (SELECT json_build_object('step', f.step, 'error', f.error, 'attempt', f.attempt, 'max_attempts', f.max_attempts,
                              'next_attempt_at', f.next_try_at AT TIME ZONE 'UTC', 'paused', f.paused,
                              'pause', CASE WHEN f.paused THEN
                                (SELECT json_build_object('act_id', a.act_id, 'actor', a.actor,
                                                          'reason', encode(a.reason_enc, 'base64'))
                                   FROM activity_actions a WHERE a.order_no = f.order_no AND a.activity = f.activity
                                    AND a.action = 'pause' ORDER BY a.created_at DESC LIMIT 1) END)
       FROM retrying_steps f WHERE f.order_no = {o}.order_no AND (f.paused OR f.event_seq = {o}.event_seq)
      ORDER BY f.paused DESC, f.failed_at DESC LIMIT 1)"""
_PARTS = f"""
    (SELECT json_agg(json_build_array(f.number, f.status, f.kind, f.due_at AT TIME ZONE 'UTC') ORDER BY f.number)
       FROM fulfilments f
      WHERE f.order_no = {{o}}.order_no AND {DIVIDED.format(order_no="{o}.order_no")})"""  # noqa: S608
# Until when what is owed of an order on payment terms is to be paid.
_OWED = """
    CASE WHEN {o}.type = 'b2b' THEN (SELECT v.due_at FROM receivables v
      WHERE v.order_no = {o}.order_no AND v.owed_minor > 0) END"""
COLUMNS = ("parked_step", "holding", "retrying_step", "parts", "owed_until")


def parts(orders: str) -> dict[str, str]:
    """Each of COLUMNS as an expression of a SELECT over orders under this name or alias."""
    pairs = zip(COLUMNS, (_PARKED, _HELD, _RETRYING, _PARTS, _OWED), strict=True)
    return {name: expression.format(o=orders) for name, expression in pairs}


def selected(orders: str) -> str:
    """The columns COLUMNS of such a SELECT."""
    return ", ".join(f"{expression} AS {name}" for name, expression in parts(orders).items())


def facts_of(row: JsonObject, keys: KeyRing | None = None, data_key: bytes | None = None) -> SituationFacts:
    """The facts of a row with `status, cancelling, waiting` and COLUMNS. With the keys, reasons are read, too."""
    return SituationFacts(
        Status(row["status"]),
        row["cancelling"],
        _awaited(row),
        _hold(row["holding"]),
        _parked(row["parked_step"]),
        _retrying(row["retrying_step"], keys, data_key),
        parts=tuple(
            PartOfOrder(number, FulfilmentStatus(status), FulfilmentKind(kind), _utc(due) if due else "")
            for number, status, kind, due in row["parts"] or ()
        ),
    )


def _awaited(row: JsonObject) -> Waiting | None:
    """After its return window an order waits until what is owed is paid."""
    waiting = waiting_from(row["waiting"])
    over = waiting is not None and waiting.what == "return_window" and _is_past(waiting.until)
    if row["owed_until"] is None or not over:
        return waiting
    return Waiting("terms_payment", rfc3339(row["owed_until"]), "completed")


def _is_past(until: str) -> bool:
    return bool(until) and datetime.fromisoformat(until) <= datetime.now(UTC)


def _parked(found: JsonObject | None) -> ParkedStep | None:
    if found is None:
        return None
    return ParkedStep(
        Step(found["step"]),
        found["error"],
        found["attempts"],
        _utc(found["escalates_at"]),
        found["escalated"],
        _utc(found["since"]),
        found["parcel"] or "",
        found["part"] or 0,
    )


def _hold(found: JsonObject | None) -> OpenHold | None:
    if found is None:
        return None
    outcome = Outcome(found["default_outcome"])
    who = found["put_on_by"].rpartition(":")[2]
    return OpenHold(HoldKind(found["kind"]), found["owner"], _utc(found["until"]), who, outcome)


def _retrying(found: JsonObject | None, keys: KeyRing | None, data_key: bytes | None) -> RetryingStep | None:
    if found is None:
        return None
    pause = found["pause"]
    return RetryingStep(
        found["step"],
        found["error"],
        found["attempt"],
        found["max_attempts"],
        _utc(found["next_attempt_at"]),
        found["paused"],
        pause["actor"].rpartition(":")[2] if pause else "",
        _reason(pause, keys, data_key) if pause else "",
    )


def _reason(pause: JsonObject, keys: KeyRing | None, data_key: bytes | None) -> str:
    if keys is None or data_key is None:
        return ""
    sealed = base64.b64decode(pause["reason"])
    return str(keys.open_json(data_key, sealed, f"{pause['act_id']}:reason") or "") if sealed else ""


def _utc(moment: str) -> str:
    return f"{moment}Z"
