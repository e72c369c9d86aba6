"""The plain order that is placed again and again: one line, one of a thousand customers, paid by the sandbox."""

import json
from typing import Any
from urllib.parse import urlsplit

from bench.harness.http_driver import Load

CUSTOMERS, SKUS = 1000, 100


def _body(token: str | None) -> str:
    order = {
        "channel": "web",
        "currency": "CNY",
        "customer": {"id": "c-{c}", "name": "Sample {c}", "email": "sample{c}@example.com", "phone": "13800138000"},
        "ship_to": {
            "name": "Sample {c}", "phone": "13800138000", "country": "CN", "province": "上海市", "city": "上海市",
            "district": "浦东新区", "line1": "{c} Sample Road", "postcode": "200120",
        },
        "lines": [{"sku": "S{s}", "quantity": 1}],
    }  # fmt: skip
    if token is not None:
        order["payment"] = {"method": "sandbox", "token": token}
    return json.dumps(order, ensure_ascii=False)


def order(customer: int, sku: int) -> dict[str, Any]:
    """One plain order, paid."""
    body = _body("tok_ok").replace("{c}", str(customer)).replace("{s}", str(sku))
    parsed: dict[str, Any] = json.loads(body)
    return parsed


def headers(token: str, prefix: str = "bench") -> dict[str, str]:
    """What a POST with a token carries."""
    return {
        "authorization": f"Bearer {token}",
        "content-type": "application/json",
        "idempotency-key": f"{prefix}-{{n}}",
    }


def placing(
    api: str, token: str, count: int, connections: int, *, first: int = 0, rate: float | None = None, paid: bool = True
) -> Load:
    """A load of `count` plain orders for the front door at `api`; `paid` False leaves out how to pay."""
    address = urlsplit(api)
    return Load(
        host=address.hostname or "",
        port=address.port or 80,
        method="POST",
        path="/v1/orders",
        count=count,
        connections=connections,
        headers=headers(token),
        body=_body("tok_ok" if paid else None),
        rate=rate,
        first=first,
        customers=CUSTOMERS,
        skus=SKUS,
    )
