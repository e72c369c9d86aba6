"""The one timeline of an order's page: events, what staff did and noted, messages to the customer, feedback; newest
first."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from api.pages.rendering import instant
from api.services.orders.order_record import OrderRecord

KINDS = ("events", "actions", "messages", "notes", "feedback")


@dataclass(frozen=True, slots=True)
class Entry:
    """`kind` is one of KINDS and names the macro that writes `item`."""

    at: datetime
    kind: str
    item: Any


def entries(record: OrderRecord, more: Iterable[Entry] = ()) -> list[Entry]:
    """All that is known of the order, with what other capabilities add to it."""
    found = [Entry(instant(event["occurred_at"]), "events", event) for event in record.events]
    found += [Entry(instant(action.created_at), "actions", action) for action in record.actions]
    found += [Entry(instant(message.sent_at or message.created_at), "messages", message) for message in record.messages]
    found += [Entry(instant(note.created_at), "notes", note) for note in reversed(record.notes)]
    found += [Entry(instant(row.given_at), "feedback", row) for row in record.feedback]
    return sorted([*reversed(found), *more], key=lambda entry: entry.at, reverse=True)


def of_kind(found: list[Entry], kind: str) -> list[Entry]:
    """Those of one kind; all of them where `kind` is none."""
    return [entry for entry in found if entry.kind == kind] if kind else found
