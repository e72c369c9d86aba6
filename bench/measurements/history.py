"""Events and bytes in the history of one plain order, and the purpose of each event."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowHandle
from temporalio.common import SearchAttributeKey
from temporalio.converter import default

from bench.harness import baskets
from bench.harness.http_driver import as_spec
from bench.harness.lab import Lab, program, stack
from bench.harness.lab import stock as stock_up
from bench.report import Figure, Section, table
from workflows import names

NAME, TITLE = "history", "Temporal events of one plain order"
RETURN_WINDOW_S = 5
STATUS = SearchAttributeKey.for_keyword(names.OMS_STATUS)
PATIENCE_S = 60.0
KIB16 = 16 * 1024


@dataclass(frozen=True)
class Look:
    """A history at one moment."""

    events: list[HistoryEvent]
    size_bytes: int


async def measure(lab: Lab) -> Section:
    async with stack(lab, lab.new_folder("history"), OMS_RETURN_WINDOW_S=str(RETURN_WINDOW_S)) as (running, _):
        await stock_up(running.database_url, baskets.SKUS, 1000)
        load = baskets.placing(running.api, running.tokens["support"], 5, 1)
        # The first ones warm connections and caches up: a retried poll or a slow start is not the plain order.
        answers = (await program("bench.harness.http_driver", {**as_spec(load), "keep_answers": True}))["answers"]
        client = await Client.connect(running.temporal)
        handle = client.get_workflow_handle(names.order_workflow(answers[-1]["order_no"]))
        delivered = await _reaching(handle, "delivered")
        completed = await _reaching(handle, "completed")
    return _section(lab, delivered, completed)


async def _reaching(handle: WorkflowHandle[Any, Any], status: str) -> Look:
    """The history once the workflow shows `status` and rests."""
    deadline, current = time.monotonic() + PATIENCE_S, ""
    while time.monotonic() < deadline:
        description = await handle.describe()
        current = description.typed_search_attributes.get(STATUS, "")
        resting = not description.raw_description.HasField("pending_workflow_task")
        if current == status and resting and (description.close_time is not None or status != "completed"):
            size = description.raw_description.workflow_execution_info.history_size_bytes
            return Look(list((await handle.fetch_history()).events), size)
        await asyncio.sleep(0.05)
    raise TimeoutError(f"the order shows {current}, not {status}")


def _section(lab: Lab, delivered: Look, completed: Look) -> Section:
    reasons = _reasons(completed.events)
    rows = [(event.event_id, _type(event), reasons[event.event_id]) for event in completed.events]
    kinds = Counter(_type(event) for event in completed.events)
    body = [
        f"{len(delivered.events)} events and {delivered.size_bytes:,} bytes when delivered, "
        f"{len(completed.events)} and {completed.size_bytes:,} when completed. By type: "
        + ", ".join(f"{n} {kind}" for kind, n in kinds.most_common())
        + ".",
        "<details><summary>The purpose of each event</summary>\n",
        table(("event", "type", "for"), rows).replace("|---|---:|---:|", "|---:|---|---|"),
        "\n</details>",
    ]
    figures = [
        Figure("events when delivered", len(delivered.events), "", bound=50, aim=42, at_least=False),
        Figure("events when completed", len(completed.events), "", bound=56, aim=49, at_least=False),
        Figure("history_size_bytes when completed", completed.size_bytes, "bytes", bound=KIB16, at_least=False),
    ]
    return Section(NAME, TITLE, figures, "\n\n".join(body), lab.quick, {"kinds": dict(kinds)})


def _type(event: HistoryEvent) -> str:
    words = EventType.Name(event.event_type).removeprefix("EVENT_TYPE_").split("_")
    return "".join(word.capitalize() for word in words)


def _reasons(events: list[HistoryEvent]) -> dict[int, str]:
    """By event id: the summary that the workflow gave, or what the event answers to."""
    found: dict[int, str] = {}
    for event in events:
        found[event.event_id] = _reason(event, found)
    _name_tasks(events, found)
    return found


def _reason(event: HistoryEvent, known: dict[int, str]) -> str:
    reason = _summary(event)
    body: Any = getattr(event, event.WhichOneof("attributes") or "")
    match event.event_type:
        case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
            return "the order"
        case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
            return f"wakes the order: {body.signal_name}"
        case EventType.EVENT_TYPE_MARKER_RECORDED:
            return f"local activity: {reason or body.marker_name}"
        case EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES:
            return f"shows {', '.join(_attributes(body.search_attributes.indexed_fields))}"
        case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:
            return "the order is over"
        case EventType.EVENT_TYPE_TIMER_STARTED:
            return f"timer: {reason.partition(' until ')[0]}"
    earlier = getattr(body, "scheduled_event_id", 0) or getattr(body, "started_event_id", 0)
    return reason or known.get(earlier, "")


def _summary(event: HistoryEvent) -> str:
    metadata = event.user_metadata
    if not metadata.HasField("summary"):
        return ""
    return str(default().payload_converter.from_payload(metadata.summary, str))


def _attributes(fields: Any) -> list[str]:
    return [f"{name}={_plain(payload)}" for name, payload in fields.items()]


def _plain(payload: Message) -> str:
    return str(getattr(payload, "data", b"").decode())


def _name_tasks(events: list[HistoryEvent], found: dict[int, str]) -> None:
    """A workflow task is there because of what stands before it."""
    cause, tasks = "", {}
    for event in events:
        kind = event.event_type
        if kind == EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED:
            tasks[event.event_id] = found[event.event_id] = f"task after: {cause}"
        elif kind in (EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED, EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED):
            body: Any = getattr(event, event.WhichOneof("attributes") or "")
            found[event.event_id] = tasks.get(body.scheduled_event_id, "")
        else:
            cause = found[event.event_id] or _type(event)
