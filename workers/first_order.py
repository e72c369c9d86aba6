"""The first order: a command that places one, to be pasted, and the order itself."""

import json
import shlex
from typing import Any

import httpx

from infra.db.samples import FIRST
from infra.stack.program import command
from infra.stack.running import Running

KEY = "first-order"
WAIT = "wait=5"
POLL_TIMEOUT_S = 5.0


def body() -> dict[str, Any]:
    """As POST /v1/orders takes it: one of the sample products, paid with the sandbox's good card."""
    place = {"country": "US", "province": "OH", "city": "Cincinnati", "district": "-", "line1": "1 Main St"}
    customer = {"name": "Ben", "phone": "+1 212 555 0101"}
    return {
        "channel": "web",
        "currency": "USD",
        "customer": {"id": "c-2", **customer, "email": "ben@example.com"},
        "ship_to": {**customer, **place, "postcode": "45202"},
        "lines": [{"sku": FIRST, "quantity": 1}],
        "payment": {"method": "sandbox", "token": "tok_ok"},
    }


def command_line(running: Running) -> str | None:
    """The same as a shell takes it; None where the catalogue does not have the sample product."""
    headers = {"Authorization": f"Bearer {running.tokens['support']}"}
    try:
        known = httpx.get(
            f"{running.api}/v1/products/{FIRST}", headers=headers, trust_env=False, timeout=POLL_TIMEOUT_S
        )
    except httpx.TransportError:
        return None
    return _curl(running) if known.is_success else None


def _curl(running: Running) -> str:
    token = command("token --role support", running.data_dir)
    lines = (f'"Authorization: Bearer $({token})"', f'"Idempotency-Key: {KEY}"', f'"Prefer: {WAIT}"')
    given = " ".join(f"-H {header}" for header in lines)
    return f"curl -sS {running.api}/v1/orders {given} -d {shlex.quote(json.dumps(body()))}"
