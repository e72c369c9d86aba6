"""The delivery slot as people type it: a day, from when, until when, by the clock at the order's destination."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from api.errors import Problem

FIELDS = ("slot_day", "slot_begin", "slot_end")
# What the form was filled with: a time that comes twice on the day does not say which one it was.
WAS = "slot_was"


def typed_slot(fields: Mapping[str, str], zone: ZoneInfo) -> dict[str, str] | None:
    """What the fields say, as the HTTP call's `delivery_slot`: None when all are empty; an end that is not after its
    begin is on the next day. A time that comes twice, when clocks go back, is the first one to begin with and the
    second one to end with; fields left as they were are the slot that they were filled with.

    Raises Problem `invalid_delivery_slot`, `no_such_time`.
    """
    typed = [fields.get(name, "").strip() for name in FIELDS]
    if not any(typed):
        return None
    was = _was(fields.get(WAS, ""))
    if was is not None and [as_typed(was, zone)[name] for name in FIELDS] == typed:
        return was
    try:
        day, begin, end = date.fromisoformat(typed[0]), time.fromisoformat(typed[1]), time.fromisoformat(typed[2])
        if begin.tzinfo or end.tzinfo:
            raise ValueError("the zone is the destination's")
        until = day + timedelta(days=1) if end <= begin else day
        moments = _moment(day, begin.replace(fold=0), zone), _moment(until, end.replace(fold=1), zone)
    except (ValueError, OverflowError):
        raise Problem("invalid_delivery_slot", "a slot needs its day, from when and until when") from None
    return {"from": moments[0].isoformat(), "to": moments[1].isoformat()}


def _moment(day: date, at: time, zone: ZoneInfo) -> datetime:
    """Raises Problem `no_such_time` for a time that clocks skip."""
    moment = datetime.combine(day, at, zone)
    back = moment.astimezone(UTC).astimezone(zone)
    if back.replace(tzinfo=None) != moment.replace(tzinfo=None):
        detail = f"clocks go forward: on {day} there is no {at:%H:%M} in {zone.key}; choose a time before or after it"
        raise Problem("no_such_time", detail)
    return moment


def _was(text: str) -> dict[str, str] | None:
    begin, _, end = text.partition("/")
    try:
        known = all(datetime.fromisoformat(one).tzinfo for one in (begin, end))
    except ValueError:
        return None
    return {"from": begin, "to": end} if known else None


def written(slot: Mapping[str, Any], zone: ZoneInfo) -> str:
    """A slot of the API as staff read it: the day once, unless it ends on another, and whose time that is; with
    offsets where the clocks change in between or a time comes twice."""
    begin, end = _local(slot, zone)
    text = f"{begin:%Y-%m-%d %H:%M}–{end:{'%H:%M' if begin.date() == end.date() else '%Y-%m-%d %H:%M'}} ({zone.key})"
    return f"{text[:-1]}, {begin:%z} {end:%z})" if is_odd(begin, end) else text


def is_odd(begin: datetime, end: datetime) -> bool:
    """True when the clock alone does not say which moments are meant."""
    return begin.utcoffset() != end.utcoffset() or any(
        one.replace(fold=0).utcoffset() != one.replace(fold=1).utcoffset() for one in (begin, end)
    )


def as_typed(slot: Mapping[str, Any] | None, zone: ZoneInfo) -> dict[str, str]:
    """The fields for a slot of the API; empty without one."""
    if slot is None:
        return dict.fromkeys((*FIELDS, WAS), "")
    begin, end = _local(slot, zone)
    typed = {"slot_day": f"{begin:%Y-%m-%d}", "slot_begin": f"{begin:%H:%M}", "slot_end": f"{end:%H:%M}"}
    return {**typed, WAS: f"{slot['from']}/{slot['to']}"}


def _local(slot: Mapping[str, Any], zone: ZoneInfo) -> tuple[datetime, datetime]:
    begin, end = (datetime.fromisoformat(slot[name]).astimezone(zone) for name in ("from", "to"))
    return begin, end
