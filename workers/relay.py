"""The relay: events to subscribers, messages to customers, notices to staff, a second dispatcher, and sweeping."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from activities import starting
from infra import metrics, telemetry
from infra.crypto import Vault
from infra.db import (
    audit_anchors,
    deliveries,
    events,
    idempotency_sealing,
    messages,
    notices,
    order_contacts,
    outbox,
    processes,
    refunds,
    tokens,
)
from infra.db.autocommit import autocommit
from infra.db.customers import KeyRing
from infra.db.engine import Database
from infra.gateways.registry import build_messages
from infra.heartbeat import beating
from infra.pulse import PULSE
from infra.settings import Settings
from workers import process
from workers.backlogs import LOOK_S as BACKLOGS_LOOK_S
from workers.backlogs import observing
from workers.backorders import BUSY_S as BACKORDERS_BUSY_S
from workers.backorders import LOOK_S as BACKORDERS_LOOK_S
from workers.backorders import Waker
from workers.book_checks import checks
from workers.delivery import Deliverer
from workers.dispatch import Dispatcher
from workers.loops import ended, repeat
from workers.messenger import Messenger
from workers.notices import Notifier
from workers.readiness import CUT_OFF

EVENTS_AT_ONCE = 500
IDLE_S = 0.25
# New deliveries wake their sender; it looks by itself only for what is due again.
DELIVERY_IDLE_S = 0.5
# Younger requests are the worker's, which can start orders eagerly.
DISPATCH_AFTER_S = 1.0
# While more wait than the workers begin, it begins but few: they bear the load, and know when there is room.
IN_FLIGHT = 20
KEYS_DAYS, NOTICES_DAYS, PROCESSES_DAYS, SIGN_INS_DAYS = 7, 90, 1, 7
TOKENS_DAYS = 30
SWEEP_ROWS, SWEEP_PAUSE_S, SWEEP_EVERY_S = 1000, 0.2, 600.0
STOP_S = 6.0
# How often it is asked whether the next anchor is due; the database says so, however many relays ask.
ANCHOR_LOOK_S = 10.0
# Room that a refund holds for a second person who did not come is free at the latest after this.
LAPSE_LOOK_S, LAPSED_AT_ONCE = 10.0, 100
# Orders from before contacts were kept (0035); a relay of an older version may still add some.
CONTACTS_LOOK_S, CONTACTS_AT_ONCE = 30.0, 200
# Questions to the books come one at a time, with room for orders between them.
CHECK_PAUSE_S, CHECK_LOOK_S = 5.0, 30.0
_log = logging.getLogger(__name__)


def run() -> None:
    """Relay until SIGTERM or SIGINT; ends the process with 0."""
    process.run("relay", serve)


async def serve(settings: Settings, stopping: asyncio.Event) -> None:
    """One life of the process; an unreachable database or Temporal does not end it."""
    telemetry.instrument_httpx()
    database = Database.from_settings(settings)
    vault = Vault.from_settings(settings)
    deliverer, notifier = Deliverer(database, vault, settings), Notifier(database, vault, settings)
    messenger = Messenger(database, vault, settings, build_messages(settings))
    dispatcher = Dispatcher(
        database,
        starting.lazily_connected(settings),
        settings,
        eager=False,
        min_age_s=DISPATCH_AFTER_S,
        idle_s=IDLE_S,
        in_flight=IN_FLIGHT,
    )
    fresh = asyncio.Event()
    busy_s = settings.relay_poll_s
    look_s = settings.notice_poll_s
    work = [
        dispatcher.run(),
        repeat(
            "fan-out", fan_out(database, fresh, messenger.fresh), stopping, busy_s=busy_s, idle_s=max(busy_s, IDLE_S)
        ),
        repeat("delivery", deliverer.step, stopping, busy_s=busy_s, idle_s=max(busy_s, DELIVERY_IDLE_S), wake=fresh),
        repeat("messages", messenger.step, stopping, busy_s=IDLE_S, idle_s=DELIVERY_IDLE_S, wake=messenger.fresh),
        repeat("look for causes", notifier.look, stopping, busy_s=look_s, idle_s=look_s),
        repeat("notices", notifier.tell, stopping, busy_s=IDLE_S, idle_s=look_s, wake=notifier.fresh),
        repeat(
            "audit anchor",
            anchor(database, settings.audit_anchor_s),
            stopping,
            busy_s=SWEEP_PAUSE_S,
            idle_s=min(ANCHOR_LOOK_S, settings.audit_anchor_s),
        ),
        repeat("lapsed refunds", lapse_refunds(database), stopping, busy_s=SWEEP_PAUSE_S, idle_s=LAPSE_LOOK_S),
        repeat("books", checks(database, settings), stopping, busy_s=CHECK_PAUSE_S, idle_s=CHECK_LOOK_S),
        repeat("contacts", contacts(database, KeyRing(vault)), stopping, busy_s=SWEEP_PAUSE_S, idle_s=CONTACTS_LOOK_S),
        repeat("backorders", Waker(database).step, stopping, busy_s=BACKORDERS_BUSY_S, idle_s=BACKORDERS_LOOK_S),
        repeat("backlogs", observing(database), stopping, busy_s=BACKLOGS_LOOK_S, idle_s=BACKLOGS_LOOK_S),
        repeat("sweep", sweep(database, vault), stopping, busy_s=SWEEP_PAUSE_S, idle_s=SWEEP_EVERY_S),
    ]
    tasks = [asyncio.create_task(job) for job in work]
    metrics.serve(
        settings.relay_metrics_port, partial(_healthy, tasks), settings.metrics_host, ready=partial(_ready, tasks)
    )
    async with beating(database, "relay", settings):
        await stopping.wait()
        await dispatcher.stop()
        await ended(tasks, STOP_S)
        await asyncio.gather(deliverer.close(), notifier.close(), messenger.close())
    await database.close()


def _healthy(tasks: Sequence["asyncio.Task[None]"]) -> bool:
    return PULSE.healthy() and not any(task.done() for task in tasks)


def _ready(tasks: Sequence["asyncio.Task[None]"]) -> metrics.Answer:
    if PULSE.cut_off:
        return False, {"status": "not_ready", "code": CUT_OFF, "detail": "PostgreSQL does not answer this relay"}
    return (True, {"status": "ready"}) if _healthy(tasks) else (False, {"status": "down"})


def fan_out(database: Database, fresh: asyncio.Event, to_tell: asyncio.Event) -> Callable[[], Awaitable[bool]]:
    """The step that turns events into deliveries and messages; sets `fresh`, or `to_tell`, when it has made some.

    Events that nobody subscribed to are no reason to hurry, as long as one turn takes them all: customers are told in
    larger batches.
    """

    async def step() -> bool:
        async with autocommit(database) as connection:
            taken, made, told = await outbox.fan_out(connection, EVENTS_AT_ONCE)
        if made:
            fresh.set()
        if told:
            to_tell.set()
        return made > 0 or taken == EVENTS_AT_ONCE

    return step


def anchor(database: Database, every_s: float) -> Callable[[], Awaitable[bool]]:
    """The step that anchors the audit log when it is due. Each hash is logged: logs are kept elsewhere."""

    async def step() -> bool:
        async with autocommit(database) as connection:
            made = await audit_anchors.make(connection, every_s)
        if made is not None:
            _log.info("audit log anchored", extra={"anchor": made.line})
        return made is not None and made.count >= audit_anchors.AT_ONCE

    return step


def lapse_refunds(database: Database) -> Callable[[], Awaitable[bool]]:
    """The step that frees the room of refunds that no second person decided in time, order by order."""

    async def step() -> bool:
        async with database.begin() as connection:
            orders = await refunds.orders_with_lapsed(connection, LAPSED_AT_ONCE)
        for order_no in orders:
            async with database.begin() as connection:
                await events.lock_order(connection, order_no)
                await refunds.lapse(connection, order_no)
        return len(orders) == LAPSED_AT_ONCE

    return step


def contacts(database: Database, keys: KeyRing) -> Callable[[], Awaitable[bool]]:
    """The step that makes orders from before they kept their contact found by it, a few at a time."""

    async def step() -> bool:
        async with database.begin() as connection:
            done = await order_contacts.fill(connection, keys, CONTACTS_AT_ONCE)
        if done:
            _log.info("orders are found by the contact that they named", extra={"orders": done})
        return done == CONTACTS_AT_ONCE

    return step


def sweep(database: Database, vault: Vault) -> Callable[[], Awaitable[bool]]:
    """The step that deletes what nobody will ask for again, a few rows at a time, and seals what still lies open."""
    ring = KeyRing(vault)

    async def step() -> bool:
        async with autocommit(database) as connection:
            keys = await outbox.forget_idempotency_keys(connection, KEYS_DAYS, SWEEP_ROWS)
            sealed = await idempotency_sealing.seal_old(connection, ring, SWEEP_ROWS)
            told = await outbox.forget_deliveries(connection, outbox.DELIVERIES_DAYS, SWEEP_ROWS)
            shut = await deliveries.give_up_disabled(connection, SWEEP_ROWS)
            over = await notices.forget(connection, NOTICES_DAYS, SWEEP_ROWS)
            gone = await processes.forget(connection, PROCESSES_DAYS, SWEEP_ROWS)
            past = await tokens.forget(connection, TOKENS_DAYS, SWEEP_ROWS)
            codes = await messages.forget_sign_ins(connection, SIGN_INS_DAYS, SWEEP_ROWS)
        return SWEEP_ROWS in (keys, sealed, told, shut, over, gone, past, codes)

    return step
