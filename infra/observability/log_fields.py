"""What a log line says of an order: `order_no`, `step`, `code` and `attempt`, from whoever knows them.

What was bound to the task goes first, then what the caller added, then what Temporal's own lines carry, then an order
number in the message itself.
"""

import logging
import re
from collections.abc import Mapping
from typing import Any

from domain.orders.order_no import ALPHABET

_TEMPORAL = ("temporal_activity", "temporal_workflow", "temporal_workflow_update")
_ORDER_NO = re.compile(rf"(?<![\w-])(?:order-)?((?:[{ALPHABET}]{{6}}-){{2}}[{ALPHABET}]{{6}})(?!\w)")


def about_order(record: logging.LogRecord, bound: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that are known."""
    details = _details(record)
    workflow_id = str(details.get("workflow_id", ""))
    found = {
        "order_no": getattr(record, "order_no", None) or _named(workflow_id) or _named(record.getMessage()),
        "step": details.get("activity_type"),
        "activity": details.get("activity_type"),
        "attempt": details.get("attempt"),
        "workflow_id": workflow_id or None,
        **{name: value for name, value in bound.items() if value is not None},
        "code": _code(record),
    }
    return {name: value for name, value in found.items() if value is not None}


def without_details(added: Mapping[str, Any]) -> dict[str, Any]:
    """What a caller added, without the dictionaries of Temporal's own lines: their parts are fields."""
    return {
        name: value for name, value in added.items() if name not in _TEMPORAL and (name, value) != ("order_no", None)
    }


def _details(record: logging.LogRecord) -> Mapping[str, Any]:
    found: Any = next((vars(record)[name] for name in _TEMPORAL if isinstance(vars(record).get(name), Mapping)), {})
    details: Mapping[str, Any] = found
    return details


def _named(text: str) -> str | None:
    found = _ORDER_NO.search(text)
    return found[1] if found else None


def _code(record: logging.LogRecord) -> str | None:
    """That of the exception: ours have a code, those of Temporal carry it as their type."""
    error = record.exc_info[1] if record.exc_info else None
    while error is not None:
        for name in ("code", "type"):
            if isinstance(found := getattr(error, name, None), str) and found:
                return found
        error = error.__cause__
    return None
