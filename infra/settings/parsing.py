"""What more than one group of settings reads in the same way. Each raises ValueError with what it must be."""

import json
from ipaddress import ip_network
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


def json_list(typed: Any) -> Any:
    """A list of strings, which may come as JSON."""
    if not isinstance(typed, str):
        return typed
    try:
        listed = json.loads(typed or "[]")
    except ValueError:
        listed = None
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        raise ValueError('must be a JSON list such as ["one", "two"]')
    return listed


def time_zone(name: str) -> str:
    """The IANA name of a time zone."""
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("must be the IANA name of a time zone, such as Asia/Shanghai") from None


def networks(typed: str) -> str:
    """Addresses and networks, with commas."""
    try:
        return ",".join(str(ip_network(one.strip())) for one in typed.split(",") if one.strip())
    except ValueError:
        raise ValueError("must be addresses or networks such as 10.0.0.5,10.1.0.0/16") from None
