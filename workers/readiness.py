"""Whether this worker is handed tasks of orders, and what keeps it from them.

Temporal hands tasks to workers of the current version only. A worker of another one polls, is connected, and never gets
anything: without a look at it an order would stand still while everything seems well.
"""

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from infra.db.system.processes import SUPERSEDED
from infra.settings import Settings
from infra.system.heartbeat import Condition
from infra.system.watchdog import PULSE
from infra.temporal import namespace_setup, temporal_client, worker_versions
from infra.temporal.namespace_setup import NOT_PERMITTED
from infra.temporal.worker_versions import Routing
from workers import process

# The server bounds questions about one deployment, and all of its workers ask: less often the longer it lasts.
READY_POLL_S, FIRST_POLL_S, NOT_READY_POLL_S, POLL_TIMEOUT_S = 10.0, 0.5, 4.0, 5.0
# One question without an answer is no outage.
UNREACHABLE_AFTER_S = 15.0
# The server knows a version a moment after its first poll: until then this is no error.
SETTLE_S, REPEAT_S = 3.0, 60.0
UNREACHABLE, NO_NAMESPACE = "temporal_unreachable", "namespace_missing"
MISSING, WRONG_TYPE = "search_attributes_missing", "search_attribute_type"
NOT_ROUTED, CUT_OFF = "version_not_routed", "database_unreachable"
_log = logging.getLogger(__name__)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True)
class Trouble:
    """Why no task is handed to this worker: a stable code, and a sentence with the command that ends it."""

    code: str
    detail: str
    deployment: str = ""
    build_id: str = ""
    names: tuple[str, ...] = ()
    since: str = field(default_factory=_now, compare=False)

    def facts(self) -> dict[str, Any]:
        """The known facts, for logs and the database."""
        return {name: value for name, value in asdict(self).items() if value}


CONNECTING = Trouble(UNREACHABLE, "Temporal is not reached yet")


class Readiness:
    """What this worker knows of its own state. `condition` is stored in the database."""

    def __init__(self, settings: Settings) -> None:
        self.condition = Condition(CONNECTING.facts())
        self._settings = settings
        self._build_id = settings.build_id or temporal_client.build_id()
        self._trouble: Trouble | None = CONNECTING
        self._since_s = self._logged_s = -REPEAT_S
        self._was_routed = False
        self._answered_s = -UNREACHABLE_AFTER_S

    @property
    def ready(self) -> bool:
        """Whether tasks of orders come here, and can be done."""
        return self._trouble is None and self.condition.other_key is None

    def answer(self) -> tuple[bool, Mapping[str, Any]]:
        """For a readiness probe."""
        if PULSE.cut_off:
            return False, self._not_ready(Trouble(CUT_OFF, "PostgreSQL does not answer this worker"))
        if self.condition.trouble is not None:
            return False, {"status": "not_ready", **self.condition.trouble}
        return True, {"status": "ready"}

    async def until_prepared(self, client: Client, stopping: asyncio.Event) -> bool:
        """Waits until the namespace has what orders need: a worker that polls before wedges them. False: stopped."""
        while not stopping.is_set():
            found = await self._polled(self._of_namespace(client))
            self._note(found or self._not_routed(Routing()))
            if found is None:
                return True
            await process.unless(stopping, asyncio.sleep(FIRST_POLL_S))
        return False

    async def watch(self, client: Client) -> None:
        """Looks until cancelled, more often while something is wrong."""
        pause_s = FIRST_POLL_S
        while True:
            before = self._trouble
            self._note(await self._polled(self._of_both(client)))
            pause_s = FIRST_POLL_S if before != self._trouble else min(1.5 * pause_s, NOT_READY_POLL_S)
            await asyncio.sleep(READY_POLL_S if self.ready else pause_s)

    # ── parts ──────────────────────────────────────────────────────────────────────────────────────────────

    async def _polled(self, looking: Any) -> Trouble | None:
        settings = self._settings
        try:
            async with asyncio.timeout(POLL_TIMEOUT_S):
                found: Trouble | None = await looking
                self._answered_s = time.monotonic()
                return found
        except RPCError as error:
            if error.status == RPCStatusCode.NOT_FOUND:
                lacks = f"Temporal has no namespace {settings.temporal_namespace!r}; run: oms temporal prepare"
                return Trouble(NO_NAMESPACE, lacks)
            if error.status == RPCStatusCode.RESOURCE_EXHAUSTED:
                self._answered_s = time.monotonic()  # it answers, to others at the moment
                return self._trouble
        except TimeoutError:
            pass
        if time.monotonic() - self._answered_s < UNREACHABLE_AFTER_S:
            return self._trouble
        return Trouble(UNREACHABLE, f"Temporal at {settings.temporal_address} does not answer")

    async def _of_both(self, client: Client) -> Trouble | None:
        return await self._of_namespace(client) or await self._of_version(client)

    async def _of_namespace(self, client: Client) -> Trouble | None:
        try:
            state = await namespace_setup.attribute_state(client)
        except RPCError as error:
            if error.status not in NOT_PERMITTED:
                raise
            return None  # nobody may look here; a start that the server refuses names them
        if state.missing:
            lacks = f"namespace {client.namespace!r} lacks search attributes: {', '.join(state.missing)}"
            return Trouble(MISSING, f"{lacks}; run: oms temporal prepare", names=state.missing)
        if state.wrong:
            are = ", ".join(f"{name} is {kind}" for name, kind in state.wrong.items())
            return Trouble(WRONG_TYPE, f"search attributes must be Keyword: {are}", names=tuple(state.wrong))
        return None

    async def _of_version(self, client: Client) -> Trouble | None:
        there = await worker_versions.routing(client, self._settings.deployment_name)
        if there.reaches(self._build_id):
            self._was_routed = True
            return None
        if self._may_promote(there):
            await self._promote(client, there)
        return self._not_routed(there)

    def _may_promote(self, there: Routing) -> bool:
        nobody = there.current is None and there.ramping is None
        return nobody and self._build_id in there.known and self._settings.promote_first_version

    async def _promote(self, client: Client, there: Routing) -> None:
        """The first version of all: no order can be on another one. The token lets one of several win."""
        name = self._settings.deployment_name
        try:
            await worker_versions.set_current(client, name, self._build_id, there.conflict_token, "oms-worker")
        except RPCError as error:
            if error.status not in NOT_PERMITTED | {RPCStatusCode.FAILED_PRECONDITION}:
                raise
            return
        facts = {"deployment": name, "build_id": self._build_id}
        _log.info("the deployment had no current version; this worker's is current now", extra=facts)

    def _not_routed(self, there: Routing) -> Trouble:
        name, mine = self._settings.deployment_name, self._build_id
        current = f"{there.current} is current" if there.current else "no version is current"
        lost = self._was_routed and there.current is not None
        does = "end it" if lost else f"run: oms worker promote --build-id {mine}"
        detail = f"no task of an order comes to this worker: deployment {name}, build id {mine}; {current}; {does}"
        return Trouble(SUPERSEDED if lost else NOT_ROUTED, detail, name, mine)

    def _note(self, found: Trouble | None) -> None:
        now_s = time.monotonic()
        if found != self._trouble:
            if found is None:
                _log.info("this worker is ready", extra={"build_id": self._build_id})
            self._since_s, self._logged_s = now_s, -REPEAT_S
            self._trouble = found
            self.condition.set(found.facts() if found else None)
        if (
            found is not None
            and now_s - self._since_s >= _settled_after_s(found)
            and now_s - self._logged_s >= REPEAT_S
        ):
            self._logged_s = now_s
            level = logging.WARNING if found.code in (SUPERSEDED, UNREACHABLE) else logging.ERROR
            facts = {name: value for name, value in found.facts().items() if name not in ("detail", "since")}
            _log.log(level, found.detail, extra=facts)

    def _not_ready(self, trouble: Trouble) -> dict[str, Any]:
        return {"status": "not_ready", **trouble.facts()}


def _settled_after_s(trouble: Trouble) -> float:
    return SETTLE_S if trouble.code == NOT_ROUTED else 0.0
