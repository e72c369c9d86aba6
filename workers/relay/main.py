"""The relay: events to subscribers, messages to customers, notices to staff, a second dispatcher, and sweeping."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial

from activities import workflow_starts
from infra.db import idempotency_sealing
from infra.db.alerts import alerts
from infra.db.audit import actor_context, audit_anchors
from infra.db.autocommit import autocommit
from infra.db.catalogue import product_imports
from infra.db.customers.profiles import KeyRing
from infra.db.engine import Database
from infra.db.files import stored_files
from infra.db.messaging import outbox
from infra.db.notifications import messages
from infra.db.orders import order_contacts
from infra.db.orders.placing import order_drafts
from infra.db.orders.state import timeline
from infra.db.payments import refunds, renewals
from infra.db.shipping import carrier_bills
from infra.db.staff import api_tokens
from infra.db.system import processes
from infra.db.webhooks import deliveries
from infra.gateways.registry import build_messages, build_trackers
from infra.observability import metrics, telemetry
from infra.security.crypto import Vault
from infra.settings import Settings
from infra.system.heartbeat import Condition, beating
from infra.system.watchdog import PULSE
from workers import process
from workers.backlog_metrics import POLL_S as BACKLOGS_POLL_S
from workers.backlog_metrics import observing
from workers.dispatcher import Dispatcher
from workers.polling import poll_loop, run_until_done
from workers.readiness import CUT_OFF
from workers.relay.alert_sender import AlertSender
from workers.relay.backorders import BUSY_S as BACKORDERS_BUSY_S
from workers.relay.backorders import POLL_S as BACKORDERS_POLL_S
from workers.relay.backorders import BackorderWaker
from workers.relay.consistency_checks import checks
from workers.relay.late_promises import LatePromises
from workers.relay.notification_sender import NotificationSender
from workers.relay.overdue_payments import OverduePayments
from workers.relay.parcel_tracking import ParcelTracking
from workers.relay.replenisher import BUSY_S as REPLENISHER_BUSY_S
from workers.relay.replenisher import POLL_S as REPLENISHER_POLL_S
from workers.relay.replenisher import Replenisher
from workers.relay.stock_levels import BUSY_S as LEVELS_BUSY_S
from workers.relay.stock_levels import POLL_S as LEVELS_POLL_S
from workers.relay.stock_levels import StockLevels
from workers.relay.webhook_sender import WebhookSender

EVENTS_AT_ONCE = 500
IDLE_S = 0.25
# New deliveries wake their sender; without that it only looks for retries.
DELIVERY_IDLE_S = 1.0
# Younger requests are the worker's, which can start orders eagerly.
DISPATCH_AFTER_S, DISPATCH_IDLE_S = 1.0, 0.5
# While more wait than the workers begin, it begins but few: they bear the load, and know when there is room.
IN_FLIGHT = 20
KEYS_DAYS, NOTICES_DAYS, PROCESSES_DAYS, SIGN_INS_DAYS = 7, 90, 1, 7
TOKENS_DAYS = 30
# A replaced picture, and what a form has uploaded and nobody has sent.
FILES_DAYS, SWEEP_FILES = 7, 100
SWEEP_ROWS, SWEEP_PAUSE_S, SWEEP_EVERY_S = 1000, 0.2, 600.0
STOP_S = 6.0
# How often it is asked whether the next anchor is due; the database says so, however many relays ask.
ANCHOR_POLL_S = 10.0
# The amount that an expired approval request reserves is released at the latest after this.
LAPSE_POLL_S, LAPSED_AT_ONCE = 10.0, 100
# Authorisations that end soon: their orders are signalled.
RENEWALS_POLL_S, RENEWALS_AT_ONCE = 10.0, 200
# Orders from before contacts were kept (0035); a relay of an older version may still add some.
CONTACTS_POLL_S, CONTACTS_AT_ONCE = 30.0, 200
# Dates of arrival are days: nobody needs to know sooner.
PROMISES_POLL_S = 60.0
OVERDUE_POLL_S = 60.0
# Pauses between two questions for a parcel are half an hour and more.
TRACKING_POLL_S = 30.0
# Checks run one at a time, with pauses for orders between them.
CHECK_PAUSE_S, CHECK_POLL_S = 5.0, 30.0
# Rows that are left when the request that began an import has applied the first ones.
IMPORTS_PAUSE_S, IMPORTS_POLL_S = 0.05, 5.0
Step = Callable[[], Awaitable[bool]]
_log = logging.getLogger(__name__)


def run() -> None:
    """Relay until SIGTERM or SIGINT; ends the process with 0."""
    process.run("relay", serve)


async def serve(settings: Settings, stopping: asyncio.Event) -> None:
    """One life of the process; an unreachable database or Temporal does not end it."""
    telemetry.instrument_httpx()
    database, vault, condition = Database.from_settings(settings), Vault.from_settings(settings), Condition()
    senders = _Senders(
        WebhookSender(database, vault, settings),
        AlertSender(database, vault, settings),
        NotificationSender(database, vault, settings, build_messages(settings)),
    )
    dispatcher = _dispatcher(database, settings)
    work = [
        dispatcher.run(),
        *_sending(database, senders, settings, stopping, condition),
        *_keeping(database, vault, settings, stopping, condition),
    ]
    tasks = [asyncio.create_task(job) for job in work]
    ready = partial(_ready, tasks, condition)
    metrics.serve(settings.relay_metrics_port, partial(_healthy, tasks), settings.metrics_host, ready=ready)
    async with beating(database, "relay", settings, condition):
        await stopping.wait()
        await dispatcher.stop()
        await run_until_done(tasks, STOP_S)
        await senders.close()
    await database.close()


@dataclass(frozen=True, slots=True)
class _Senders:
    """What speaks to the outside."""

    deliverer: WebhookSender
    notifier: AlertSender
    notification_sender: NotificationSender

    async def close(self) -> None:
        await asyncio.gather(self.deliverer.close(), self.notifier.close(), self.notification_sender.close())


def _dispatcher(database: Database, settings: Settings) -> Dispatcher:
    client = workflow_starts.lazily_connected(settings)
    return Dispatcher(
        database, client, settings, eager=False, min_age_s=DISPATCH_AFTER_S, idle_s=DISPATCH_IDLE_S, in_flight=IN_FLIGHT
    )


def _sending(
    database: Database, senders: _Senders, settings: Settings, stopping: asyncio.Event, condition: Condition
) -> list[Coroutine[None, None, None]]:
    """Events to subscribers, messages to customers, notices to staff. All but the events needs the master key."""
    fresh, sender, notifier = asyncio.Event(), senders.notification_sender, senders.notifier
    busy_s, poll_s = settings.relay_poll_s, settings.notice_poll_s
    idle_s = max(busy_s, IDLE_S)
    deliver, send, run = (
        with_own_keys(condition, step) for step in (senders.deliverer.step, sender.step, notifier.send_due)
    )
    levels = StockLevels(database, fresh)
    return [
        poll_loop("stock levels", levels.step, stopping, busy_s=LEVELS_BUSY_S, idle_s=LEVELS_POLL_S),
        poll_loop("fan-out", fan_out(database, fresh, sender.fresh), stopping, busy_s=busy_s, idle_s=idle_s),
        poll_loop("delivery", deliver, stopping, busy_s=busy_s, idle_s=max(busy_s, DELIVERY_IDLE_S), wake=fresh),
        poll_loop("messages", send, stopping, busy_s=IDLE_S, idle_s=DELIVERY_IDLE_S, wake=sender.fresh),
        poll_loop("look for causes", notifier.poll, stopping, busy_s=poll_s, idle_s=poll_s),
        poll_loop("notices", run, stopping, busy_s=IDLE_S, idle_s=poll_s, wake=notifier.fresh),
    ]


def _keeping(
    database: Database, vault: Vault, settings: Settings, stopping: asyncio.Event, condition: Condition
) -> list[Coroutine[None, None, None]]:
    """What is looked after from time to time."""
    anchor_s = settings.audit_anchor_s
    tracking = ParcelTracking(database, vault, settings, build_trackers(settings))
    found, swept = (
        with_own_keys(condition, step) for step in (contacts(database, KeyRing(vault)), sweep(database, vault))
    )

    def every(name: str, step: Step, busy_s: float, idle_s: float) -> Coroutine[None, None, None]:
        return poll_loop(name, step, stopping, busy_s=busy_s, idle_s=idle_s)

    return [
        every("audit anchor", anchor(database, anchor_s), SWEEP_PAUSE_S, min(ANCHOR_POLL_S, anchor_s)),
        every("lapsed refunds", lapse_refunds(database), SWEEP_PAUSE_S, LAPSE_POLL_S),
        every("renewals", signal_renewals(database), SWEEP_PAUSE_S, RENEWALS_POLL_S),
        every("books", checks(database, settings), CHECK_PAUSE_S, CHECK_POLL_S),
        every("contacts", found, SWEEP_PAUSE_S, CONTACTS_POLL_S),
        every("backorders", BackorderWaker(database).step, BACKORDERS_BUSY_S, BACKORDERS_POLL_S),
        every("promises", LatePromises(database, settings).step, SWEEP_PAUSE_S, PROMISES_POLL_S),
        every("overdue payments", OverduePayments(database, settings).step, SWEEP_PAUSE_S, OVERDUE_POLL_S),
        every("product imports", importing(database), IMPORTS_PAUSE_S, IMPORTS_POLL_S),
        every("replenishment", Replenisher(database, settings).step, REPLENISHER_BUSY_S, REPLENISHER_POLL_S),
        every("parcel tracking", with_own_keys(condition, tracking.step), SWEEP_PAUSE_S, TRACKING_POLL_S),
        every("carrier bills", comparing_bills(database), IMPORTS_PAUSE_S, IMPORTS_POLL_S),
        every("backlogs", observing(database), BACKLOGS_POLL_S, BACKLOGS_POLL_S),
        every("sweep", swept, SWEEP_PAUSE_S, SWEEP_EVERY_S),
    ]


def with_own_keys(condition: Condition, step: Step) -> Step:
    """The step, which opens or seals something: it rests while the database has master keys that are not ours."""

    async def guarded() -> bool:
        return condition.other_key is None and await step()

    return guarded


def _healthy(tasks: Sequence["asyncio.Task[None]"]) -> bool:
    return PULSE.healthy() and not any(task.done() for task in tasks)


def _ready(tasks: Sequence["asyncio.Task[None]"], condition: Condition) -> metrics.Answer:
    if PULSE.cut_off:
        return False, {"status": "not_ready", "code": CUT_OFF, "detail": "PostgreSQL does not answer this relay"}
    if condition.trouble is not None:
        return False, {"status": "not_ready", **condition.trouble}
    return (True, {"status": "ready"}) if _healthy(tasks) else (False, {"status": "down"})


def fan_out(database: Database, fresh: asyncio.Event, deliveries_pending: asyncio.Event) -> Step:
    """The step that turns events into deliveries and messages; sets `fresh` or `deliveries_pending` when any are due.

    Events without subscribers are not urgent while one turn processes all of them: messages to customers are made in
    larger batches.
    """

    async def step() -> bool:
        async with autocommit(database) as connection:
            taken, made, result = await outbox.fan_out(connection, EVENTS_AT_ONCE)
        if made:
            fresh.set()
        if result:
            deliveries_pending.set()
        return made > 0 or taken == EVENTS_AT_ONCE

    return step


def anchor(database: Database, every_s: float) -> Step:
    """The step that anchors the audit log when it is due. Each hash is logged: logs are kept elsewhere."""

    async def step() -> bool:
        async with autocommit(database) as connection:
            made = await audit_anchors.make(connection, every_s)
        if made is not None:
            _log.info("audit log anchored", extra={"anchor": made.line})
        return made is not None and made.count >= audit_anchors.AT_ONCE

    return step


def lapse_refunds(database: Database) -> Step:
    """The step that releases the amounts of refunds that nobody approved in time, order by order."""

    async def step() -> bool:
        async with database.begin() as connection:
            orders = await refunds.orders_with_lapsed(connection, LAPSED_AT_ONCE)
        for order_no in orders:
            async with database.begin() as connection:
                await timeline.lock_order(connection, order_no)
                await refunds.lapse(connection, order_no)
        return len(orders) == LAPSED_AT_ONCE

    return step


def signal_renewals(database: Database) -> Step:
    """The step that tells orders of authorisations of theirs that end soon."""

    async def step() -> bool:
        async with autocommit(database) as connection:
            return await renewals.signal(connection, RENEWALS_AT_ONCE) == RENEWALS_AT_ONCE

    return step


def contacts(database: Database, keys: KeyRing) -> Step:
    """The step that makes orders from before they kept their contact found by it, a few at a time."""

    async def step() -> bool:
        async with database.begin() as connection:
            done = await order_contacts.fill(connection, keys, CONTACTS_AT_ONCE)
        if done:
            _log.info("orders are found by the contact that they named", extra={"orders": done})
        return done == CONTACTS_AT_ONCE

    return step


def importing(database: Database) -> Step:
    """The step that applies what was imported of products, some rows at a time."""

    async def step() -> bool:
        async with database.begin() as connection:
            return await product_imports.apply_some(connection, actor_context.set_actor)

    return step


def comparing_bills(database: Database) -> Step:
    """The step that compares carriers' bills with what was booked, some rows at a time."""

    async def step() -> bool:
        async with database.begin() as connection:
            return await carrier_bills.compare_some(connection)

    return step


def sweep(database: Database, vault: Vault) -> Step:
    """The step that deletes what nobody will ask for again, a few rows at a time, and seals what still lies open."""
    ring = KeyRing(vault)

    async def step() -> bool:
        async with autocommit(database) as connection:
            keys = await outbox.forget_idempotency_keys(connection, KEYS_DAYS, SWEEP_ROWS)
            sealed = await idempotency_sealing.seal_old(connection, ring, SWEEP_ROWS)
            deleted = await outbox.forget_deliveries(connection, outbox.DELIVERIES_DAYS, SWEEP_ROWS)
            shut = await deliveries.give_up_disabled(connection, SWEEP_ROWS)
            over = await alerts.forget(connection, NOTICES_DAYS, SWEEP_ROWS)
            gone = await processes.forget(connection, PROCESSES_DAYS, SWEEP_ROWS)
            past = await api_tokens.forget(connection, TOKENS_DAYS, SWEEP_ROWS)
            codes = await messages.forget_sign_ins(connection, SIGN_INS_DAYS, SWEEP_ROWS)
            drafts = await order_drafts.forget(connection, SWEEP_ROWS)
        async with database.begin() as connection:
            files = await stored_files.forget_unused(connection, FILES_DAYS, SWEEP_FILES)
        return SWEEP_ROWS in (keys, sealed, deleted, shut, over, gone, past, codes, drafts) or files == SWEEP_FILES

    return step
