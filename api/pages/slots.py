"""The delivery slot as people type it: a day, from when, until when, in the shop's time zone."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from api.errors import Problem

FIELDS = ("slot_day", "slot_begin", "slot_end")


def typed_slot(fields: Mapping[str, str], zone: str) -> dict[str, str] | None:
    """What the fields say, as the HTTP call's `delivery_slot`: None when all are empty; an end that is not after its
    begin is on the next day. Raises Problem `invalid_delivery_slot`."""
    typed = [fields.get(name, "").strip() for name in FIELDS]
    if not any(typed):
        return None
    try:
        day, begin, end = date.fromisoformat(typed[0]), time.fromisoformat(typed[1]), time.fromisoformat(typed[2])
        if begin.tzinfo or end.tzinfo:
            raise ValueError("the zone is the shop's")
        until = day + timedelta(days=1) if end <= begin else day
        moments = [datetime.combine(on, at, ZoneInfo(zone)) for on, at in ((day, begin), (until, end))]
    except (ValueError, OverflowError):
        raise Problem("invalid_delivery_slot", "a slot needs its day, from when and until when") from None
    return {"from": moments[0].isoformat(), "to": moments[1].isoformat()}


def written(slot: Mapping[str, Any], zone: str) -> str:
    """A slot of the API as staff read it: the day once, unless it ends on another, and whose time that is."""
    begin, end = (datetime.fromisoformat(slot[name]).astimezone(ZoneInfo(zone)) for name in ("from", "to"))
    return f"{begin:%Y-%m-%d %H:%M}–{end:{'%H:%M' if begin.date() == end.date() else '%Y-%m-%d %H:%M'}} ({zone})"


def as_typed(slot: Mapping[str, Any] | None, zone: str) -> dict[str, str]:
    """The fields for a slot of the API; empty without one."""
    if slot is None:
        return dict.fromkeys(FIELDS, "")
    begin, end = (datetime.fromisoformat(slot[name]).astimezone(ZoneInfo(zone)) for name in ("from", "to"))
    return {"slot_day": f"{begin:%Y-%m-%d}", "slot_begin": f"{begin:%H:%M}", "slot_end": f"{end:%H:%M}"}
