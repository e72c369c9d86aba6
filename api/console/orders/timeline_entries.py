"""The one timeline of an order's page: events, what staff did, messages to the customer, notes of staff, feedback; the
newest first."""

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


def entries(record: OrderRecord) -> list[Entry]:
    """All that is known of the order."""
    found = [Entry(instant(event["occurred_at"]), "events", event) for event in reversed(record.events)]
    found += [Entry(instant(action.created_at), "actions", action) for action in record.actions]
    found += [Entry(instant(message.sent_at or message.created_at), "messages", message) for message in record.messages]
    found += [Entry(instant(note.created_at), "notes", note) for note in record.notes]
    found += [Entry(instant(row.given_at), "feedback", row) for row in record.feedback]
    return sorted(found, key=lambda entry: entry.at, reverse=True)


def of_kind(found: list[Entry], kind: str) -> list[Entry]:
    """Those of one kind; all of them where `kind` is none."""
    return [entry for entry in found if entry.kind == kind] if kind else found
