"""How the form of a warehouse has its settings for sourcing."""

import re
from typing import Any

from api.console.forms import whole
from api.services.sourcing.warehouse_settings import WarehouseSettings

_CHANNEL = re.compile(r"(.+?)\s*[=:：＝]\s*(\S+)")


def fields_of(known: WarehouseSettings) -> dict[str, str]:
    """The settings as they are."""
    return {
        "cut_off": f"{known.cut_off:%H:%M}",
        "time_zone": known.time_zone,
        "capacity": "" if known.capacity is None else str(known.capacity),
        "buffer": str(known.buffer),
        "channel_buffers": ", ".join(f"{channel}={units}" for channel, units in sorted(known.channel_buffers.items())),
    }


def body_of(fields: dict[str, str]) -> dict[str, Any]:
    """What was typed as the body of the HTTP call; empty fields have their default."""
    texts = {name: text for name in ("cut_off", "time_zone") if (text := fields.get(name, "").strip())}
    numbers = {name: whole(text) for name in ("capacity", "buffer") if (text := fields.get(name, "").strip())}
    return texts | numbers | {"channel_buffers": _buffers(fields.get("channel_buffers", ""))}


def _buffers(typed: str) -> dict[str, int | str] | str:
    """Channels with their units, as web=5, app=2; what is none is left for the model to refuse."""
    parts = [part.strip() for part in re.split("[,，]", typed) if part.strip()]
    found = [_CHANNEL.fullmatch(part) for part in parts]
    if not all(found):
        return typed
    return {match[1]: whole(match[2]) for match in found if match}
