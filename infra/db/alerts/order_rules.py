"""What staff should know, looked up in the database: one small statement per kind of cause.

A look happens every few seconds, so each statement reads indexes of open rows, the catalogue, or a bounded number of
rows, never the orders of the past. Another cause is one more function in `DETECTORS`, and its words.
"""

from datetime import UTC, datetime, timedelta

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.alerts import Kind
from domain.orders.order_no import new_order_no
from infra.db.alerts import stock_rules, system_rules
from infra.db.alerts.findings import Detector, Finding
from infra.db.payments.provider_cases import UNKNOWN, UNKNOWN_AFTER_S
from infra.settings import Settings

# As many rows of a queue are looked at; a count that reaches it means "or more".
LOOKED_AT = 10_000
SKUS_NAMED = 5
REASONS_NAMED = 5
FAILED_WITHIN = timedelta(hours=1)
DISABLED_WITHIN = timedelta(days=1)
TWICE_WITHIN = timedelta(days=1)
DEMAND_WITHIN = timedelta(days=1)

# The currency is looked up order by order: as a join, it is planned as a scan of every order there ever was.
_PARKED_ORDERS = text(
    """
    SELECT step, error, provider, sum(orders)::bigint AS number, min(since) AS oldest_at,
           jsonb_agg(jsonb_build_object('currency', currency, 'amount_minor', amount_minor) ORDER BY currency)
             AS amounts
      FROM (SELECT p.step, p.error, p.provider, p.currency, count(*) AS orders, min(p.since) AS since,
                   least(sum(p.amount_minor), 1e15)::bigint AS amount_minor
              FROM (SELECT *, (SELECT o.currency FROM orders o WHERE o.order_no = parked_steps.order_no) AS currency
                      FROM parked_steps
                     WHERE resolved_at IS NULL AND (NOT :escalated OR escalated_at IS NOT NULL)) p
             GROUP BY p.step, p.error, p.provider, p.currency) g
     GROUP BY step, error, provider
    """
)
_HELD = text(
    """
    SELECT kind, count(*) AS number, min(put_on_at) AS oldest_at FROM holds
     WHERE closed_at IS NULL AND escalated_at IS NOT NULL GROUP BY kind
    """
)
# No index on what is left: stock levels move with every order, and must stay cheap to write. Order numbers are ordered
# by time, so the newest order of a product is the end of its range in the index.
_STOCK_LOW = text(
    """
    SELECT s.warehouse, count(*) AS number, (array_agg(s.sku ORDER BY s.sku))[1 \\: :named] AS skus
      FROM stock_levels s JOIN products p ON p.sku = s.sku AND p.active
      JOIN warehouses w ON w.code = s.warehouse AND w.active
     WHERE s.available = 0
       AND (s.safety_stock > 0
            OR EXISTS (SELECT FROM reservations a
                        WHERE a.sku = s.sku AND a.warehouse = s.warehouse AND a.state = 'reserved')
            OR (SELECT max(l.order_no) FROM order_lines l WHERE l.sku = s.sku) >= :demand_from)
     GROUP BY s.warehouse
    """
)
_REQUESTS = text(
    """
    SELECT count(*) AS number, min(created_at) AS oldest_at
      FROM (SELECT created_at FROM workflow_requests ORDER BY request_id LIMIT :limit) head
     WHERE created_at <= now() - make_interval(secs => :lag_s)
    """
)
_ORDERS = text(
    """
    SELECT count(*) AS number, min(created_at) AS oldest_at
      FROM (SELECT created_at, waiting, hold FROM orders
             WHERE status = 'received' AND created_at <= now() - make_interval(secs => :lag_s)
             ORDER BY created_at DESC, order_no DESC LIMIT :limit) tail
     WHERE waiting IS NULL AND hold IS NULL
    """
)
_WEBHOOKS = text(
    """
    SELECT endpoint_id, count(*) AS number, min(done_at) AS oldest_at
      FROM ((SELECT endpoint_id, done_at FROM webhook_deliveries
              WHERE state = 'failed' AND done_at > now() - CAST(:within AS interval)
                AND last_error IS DISTINCT FROM 'endpoint_disabled'
              ORDER BY done_at DESC LIMIT :limit)
            UNION ALL
            (SELECT endpoint_id, done_at FROM stock_level_deliveries
              WHERE state = 'failed' AND done_at > now() - CAST(:within AS interval)
              ORDER BY done_at DESC LIMIT :limit)) failed
     GROUP BY endpoint_id
    """
)
_DISABLED = text(
    """
    SELECT w.endpoint_id, w.failing_since AS oldest_at,
           (SELECT count(*) FROM (SELECT FROM webhook_deliveries d
                                   WHERE d.endpoint_id = w.endpoint_id AND d.state <> 'done'
                                  UNION ALL
                                  SELECT FROM stock_level_deliveries l
                                   WHERE l.endpoint_id = w.endpoint_id AND l.state <> 'done' LIMIT :limit) kept)
             AS number
      FROM webhook_endpoints w WHERE NOT w.active AND w.disabled_at > now() - CAST(:within AS interval)
    """
)
_DISPUTED = text(
    """
    SELECT provider, sum(disputes)::bigint AS number, min(since) AS oldest_at,
           jsonb_agg(jsonb_build_object('currency', currency, 'amount_minor', amount_minor) ORDER BY currency)
             AS amounts
      FROM (SELECT p.provider, p.currency, count(*) AS disputes, min(d.opened_at) AS since,
                   least(sum(p.amount_minor), 1e15)::bigint AS amount_minor
              FROM (SELECT payment_id, opened_at FROM disputes
                     WHERE status = 'open' AND answered_at IS NULL ORDER BY opened_at LIMIT :limit) d
              JOIN payments p USING (payment_id)
             GROUP BY p.provider, p.currency) g
     GROUP BY provider
    """
)
# Those that cannot be renewed wait for their end.
_ENDING = text(
    """
    SELECT p.provider, count(*) AS number, min(p.created_at) AS oldest_at
      FROM (SELECT * FROM payments WHERE renew_at IS NOT NULL ORDER BY renew_at LIMIT :limit) p
     WHERE p.status = 'succeeded' AND p.expires_at <= now() + interval '1 day'
       AND (p.renew_at >= p.expires_at OR p.expires_at <= now() + interval '2 hours')
       AND authorisation_is_wanted(p.payment_id)
     GROUP BY p.provider
    """
)
_PARCEL_TWICE = text(
    """
    SELECT count(DISTINCT order_no) AS number, min(updated_at) AS oldest_at
      FROM (SELECT order_no, updated_at FROM shipments
             WHERE replaced_at IS NOT NULL AND status = 'delivered' AND updated_at > now() - CAST(:within AS interval)
             ORDER BY updated_at DESC LIMIT :limit) arrived
    """
)
# The reasons name codes and constraints, never what a fact holds.
_UNAPPLIED = text(
    """
    SELECT provider, kind, count(*) AS number, min(received_at) AS oldest_at,
           (array_agg(DISTINCT reason))[1 \\: :named] AS reasons
      FROM (SELECT provider, kind, received_at, reason FROM inbox WHERE outcome = 'unapplied' LIMIT :limit) kept
     GROUP BY provider, kind
    """
)
_UNKNOWN = text(
    f"""
    SELECT provider, kind, count(*) AS number, min(received_at) AS oldest_at
      FROM (SELECT * FROM ({UNKNOWN}) u LIMIT :limit) f GROUP BY provider, kind
    """  # noqa: S608
)
# What moved last is the order itself, then its parcel: without a scan since then, nothing was reported for so long.
_SILENT = text(
    """
    SELECT s.carrier AS provider, 'parcel' AS what, count(*) AS number, min(s.updated_at) AS oldest_at
      FROM (SELECT order_no FROM orders
             WHERE status IN ('preparing', 'shipped') AND created_at <= now() - make_interval(secs => :silent_s)
               AND updated_at <= now() - make_interval(secs => :silent_s) LIMIT :limit) o
      JOIN shipments s ON s.order_no = o.order_no AND s.status IN ('booked', 'picked_up', 'in_transit')
       AND s.replaced_at IS NULL AND s.updated_at <= now() - make_interval(secs => :silent_s)
     WHERE NOT EXISTS (SELECT FROM shipment_scans x WHERE x.shipment_id = s.shipment_id
                          AND x.occurred_at > now() - make_interval(secs => :silent_s))
     GROUP BY s.carrier
    UNION ALL
    SELECT p.provider, 'payment', count(*), min(p.created_at)
      FROM (SELECT order_no FROM orders
             WHERE status = 'pending_payment' AND created_at <= now() - make_interval(secs => :silent_s)
             LIMIT :limit) o
      JOIN payments p ON p.order_no = o.order_no AND p.status = 'pending' AND p.kind IN ('authorise', 'capture')
       AND p.created_at <= now() - make_interval(secs => :silent_s)
     GROUP BY p.provider
    """
)
# Failures of parked steps count among the parked ones.
_FAULTS = text(
    """
    SELECT f.activity, f.error, count(*) AS number, min(f.since) AS oldest_at
      FROM (SELECT * FROM retrying_steps WHERE error LIKE 'bug\\_%' LIMIT :limit) f
     GROUP BY f.activity, f.error
    """
)


async def parked_orders(conn: AsyncConnection, _: Settings) -> list[Finding]:
    """Parked steps that nobody has resolved, by step, error and provider."""
    return await _parked(conn, Kind.STUCK)


async def escalated(conn: AsyncConnection, _: Settings) -> list[Finding]:
    """Those of them that nobody has resolved for so long that they were escalated."""
    return await _parked(conn, Kind.ESCALATED)


async def _parked(conn: AsyncConnection, kind: Kind) -> list[Finding]:
    rows = await conn.execute(_PARKED_ORDERS, {"escalated": kind is Kind.ESCALATED})
    return [
        Finding(
            kind,
            {"step": row.step, "error": row.error, "provider": row.provider},
            row.number,
            row.oldest_at,
            row.amounts,
        )
        for row in rows
    ]


async def held(conn: AsyncConnection, _: Settings) -> list[Finding]:
    """Holds that nobody has looked into until they were escalated, by kind."""
    return [Finding(Kind.HELD, {"hold": row.kind}, row.number, row.oldest_at) for row in await conn.execute(_HELD)]


async def stock_low(conn: AsyncConnection, _: Settings) -> list[Finding]:
    """Warehouses with products of which nothing is left to sell, not counting the safety stock.

    Only products in demand: with a safety stock, reserved there by an open order, or ordered within a day.
    """
    since = datetime.now(UTC) - DEMAND_WITHIN
    first = new_order_no(int(since.timestamp() * 1000), 0)
    rows = await conn.execute(_STOCK_LOW, {"named": SKUS_NAMED, "demand_from": first})
    return [
        Finding(Kind.STOCK_LOW, {"warehouse": row.warehouse}, row.number, detail={"skus": list(row.skus)})
        for row in rows
    ]


async def requests_waiting(conn: AsyncConnection, settings: Settings) -> list[Finding]:
    """Starts and signals that Temporal has not taken: it, or whoever brings them there, is down."""
    return await _queue(conn, settings, Kind.REQUESTS_WAITING, _REQUESTS)


async def orders_waiting(conn: AsyncConnection, settings: Settings) -> list[Finding]:
    """Accepted orders that no worker has taken up; those that wait for stock are not meant."""
    return await _queue(conn, settings, Kind.ORDERS_WAITING, _ORDERS)


async def _queue(conn: AsyncConnection, settings: Settings, kind: Kind, statement: TextClause) -> list[Finding]:
    row = (await conn.execute(statement, {"lag_s": settings.notice_lag_s, "limit": LOOKED_AT})).one()
    return [Finding(kind, {}, row.number, row.oldest_at)] if row.number else []


async def webhooks_failed(conn: AsyncConnection, _: Settings) -> list[Finding]:
    """Subscribers to whom messages were given up within the last hour."""
    rows = await conn.execute(_WEBHOOKS, {"within": FAILED_WITHIN, "limit": LOOKED_AT})
    return [Finding(Kind.WEBHOOKS_FAILED, {"endpoint": row.endpoint_id}, row.number, row.oldest_at) for row in rows]


async def webhook_disabled(conn: AsyncConnection, _: Settings) -> list[Finding]:
    """Subscribers that were switched off within the last day, since they took nothing for days."""
    rows = await conn.execute(_DISABLED, {"within": DISABLED_WITHIN, "limit": LOOKED_AT})
    return [Finding(Kind.WEBHOOK_DISABLED, {"endpoint": row.endpoint_id}, row.number, row.oldest_at) for row in rows]


async def disputed(conn: AsyncConnection, _: Settings) -> list[Finding]:
    """Disputes that nobody has answered, by provider: who does not answer in time loses them."""
    return [
        Finding(Kind.DISPUTED, {"provider": row.provider}, row.number, row.oldest_at, row.amounts)
        for row in await conn.execute(_DISPUTED, {"limit": LOOKED_AT})
    ]


async def authorisations_ending(conn: AsyncConnection, _: Settings) -> list[Finding]:
    """Authorisations that end within a day and were not renewed, by provider: their orders will wait for a payment."""
    return [
        Finding(Kind.AUTHORISATIONS_ENDING, {"provider": row.provider}, row.number, row.oldest_at)
        for row in await conn.execute(_ENDING, {"limit": LOOKED_AT})
    ]


async def parcel_twice(conn: AsyncConnection, _: Settings) -> list[Finding]:
    """Parcels that were given up and arrived within the last day, while others were to go out instead of them."""
    row = (await conn.execute(_PARCEL_TWICE, {"within": TWICE_WITHIN, "limit": LOOKED_AT})).one()
    return [Finding(Kind.PARCEL_TWICE, {}, row.number, row.oldest_at)] if row.number else []


async def facts_unapplied(conn: AsyncConnection, _: Settings) -> list[Finding]:
    """Facts from outside that could not be applied to their orders, by provider."""
    rows = await conn.execute(_UNAPPLIED, {"limit": LOOKED_AT, "named": REASONS_NAMED})
    return [
        Finding(
            Kind.FACTS_UNAPPLIED,
            {"provider": row.provider, "told": row.kind},
            row.number,
            row.oldest_at,
            detail={"reasons": [reason for reason in row.reasons if reason]},
        )
        for row in rows
    ]


async def facts_unknown(conn: AsyncConnection, _: Settings) -> list[Finding]:
    """Facts about no order and no payment of ours, by provider."""
    rows = await conn.execute(_UNKNOWN, {"limit": LOOKED_AT, "unknown_after_s": UNKNOWN_AFTER_S})
    return [
        Finding(Kind.FACTS_UNKNOWN, {"provider": row.provider, "told": row.kind}, row.number, row.oldest_at)
        for row in rows
    ]


async def provider_silent(conn: AsyncConnection, settings: Settings) -> list[Finding]:
    """Orders that wait for a provider which has reported nothing about them for long, by provider."""
    rows = await conn.execute(_SILENT, {"limit": LOOKED_AT, "silent_s": settings.provider_silent_s})
    return [
        Finding(Kind.PROVIDER_SILENT, {"provider": row.provider, "told": row.what}, row.number, row.oldest_at)
        for row in rows
    ]


async def program_fault(conn: AsyncConnection, _: Settings) -> list[Finding]:
    """Steps that the database refuses again and again: a fault of the program."""
    return [
        Finding(Kind.PROGRAM_FAULT, {"activity": row.activity, "error": row.error}, row.number, row.oldest_at)
        for row in await conn.execute(_FAULTS, {"limit": LOOKED_AT})
    ]


DETECTORS: dict[Kind, Detector] = {
    Kind.STUCK: parked_orders,
    Kind.ESCALATED: escalated,
    Kind.HELD: held,
    Kind.STOCK_LOW: stock_low,
    Kind.STOCK_CASES: stock_rules.stock_cases,
    Kind.REQUESTS_WAITING: requests_waiting,
    Kind.ORDERS_WAITING: orders_waiting,
    Kind.WEBHOOKS_FAILED: webhooks_failed,
    Kind.WEBHOOK_DISABLED: webhook_disabled,
    Kind.DISPUTED: disputed,
    Kind.AUTHORISATIONS_ENDING: authorisations_ending,
    Kind.PARCEL_TWICE: parcel_twice,
    Kind.FACTS_UNAPPLIED: facts_unapplied,
    Kind.FACTS_UNKNOWN: facts_unknown,
    Kind.PROVIDER_SILENT: provider_silent,
    Kind.PROGRAM_FAULT: program_fault,
    Kind.INCONSISTENT: system_rules.inconsistencies,
    Kind.UNCHECKED: system_rules.unchecked,
    Kind.MACHINE_SHORT: system_rules.machine_short,
    Kind.PROCESS_RESTARTED: system_rules.process_restarted,
    Kind.PROCESS_SILENT: system_rules.process_silent,
    Kind.WORKERS_IDLE: system_rules.workers_idle,
}
