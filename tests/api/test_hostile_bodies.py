"""Every write on what follows a sale, with bodies that no program means: refused, never a failure of ours."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.api.conftest import ApiClient, an_order, unique

LINES = "lines"
CALLS: dict[str, dict[str, Any]] = {
    "POST /v1/orders/{no}/refunds": {"amount_minor": 1, "reason": "r"},
    "POST /v1/orders/{no}/returns": {LINES: [{"sku": "TEA-1", "quantity": 1}], "reason": "r"},
    "PATCH /v1/orders/{no}": {"note": "n", LINES: [{"sku": "TEA-1", "quantity": 1}]},
    "POST /v1/orders/{no}/delivery-problem": {"choice": "refund"},
    "POST /v1/orders/{no}/backorder": {"choice": "wait"},
    "POST /v1/orders/{no}/invoice": {"title": "t", "tax_number": "12345", "address": "a"},
    "POST /v1/orders/{no}/credit-note": {},
    "POST /v1/orders/{no}/feedback": {"rating": 5, "text": "t", "kind": "feedback"},
    "POST /v1/returns/rt_1/receive": {LINES: [{"sku": "TEA-1", "quantity": 1, "condition": "as_new"}]},
    "POST /v1/returns/rt_1/reject": {"reason": "r"},
    "POST /v1/returns/rt_1/tracking": {"carrier": "c", "tracking_no": "t"},
    "POST /v1/shipments/S-1/came-back": {LINES: [{"sku": "TEA-1", "quantity": 1}]},
    "POST /v1/stock/quarantine": {"sku": "TEA-1", "quantity": 1, "disposition": "scrap", "reason": "r"},
    "POST /v1/feedback/fbk_1/answer": {"text": "t"},
    "POST /v1/orders/{no}/notes": {"text": "t"},
    "POST /v1/order-drafts": {
        **{"channel": "web", "currency": "CNY", "customer": {"name": "N"}, "ship_to": {"city": "c"}, "note": "n"},
        **{LINES: [{"sku": "TEA-1", "quantity": 1}], "backorder": False, "priority": "standard"},
    },
    "POST /v1/order-drafts/draft_1/place": {"total_minor": 1},
    "PUT /v1/orders/{no}/tags": {"tags": ["t"]},
    "PUT /v1/orders/{no}/assignee": {"assignee": "amy"},
    "POST /v1/mentions/read": {"note_ids": ["n"]},
    "POST /v1/staff": {"name": "amy", "role": "support"},
    "POST /v1/staff/nobody/reset": {"even_last_admin": False},
    "POST /v1/tokens": {"role": "support", "subject": "amy", "lifetime_s": 60},
}
VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    10**30,
    1.5,
    "",
    "\0",
    "\r\nBcc: a@b",
    "\u202e",
    "x" * 50_000,
    [],
    {},
    [[]],
)
RAW = (b"", b"null", b"[]", b"{", b"\xff\xfe", b'{"a":' * 5_000, b'{"x":' + b"1" * 5_000 + b"}", b'{"lines":"\\ud800"}')


def spoiled(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The body with one field at a time as nobody means it, and with one that it does not have."""
    yield body | {"status": "succeeded", "approved_by": "me"}
    for name in body:
        yield from (body | {name: value} for value in VALUES)
    for name in body.get(LINES, [{}])[0]:
        yield from (body | {LINES: [body[LINES][0] | {name: value}]} for value in VALUES)
    if LINES in body:
        yield body | {LINES: body[LINES] * 3_000}


async def sent(shop: ApiClient, call: str, order_no: str, **content: Any) -> httpx.Response:
    method, _, path = call.partition(" ")
    headers = shop.headers | {"Idempotency-Key": unique("key"), "If-Match": "*", "Content-Type": "application/json"}
    return await shop.http.request(method, path.format(no=order_no), headers=headers, **content)


@pytest.mark.parametrize("call", CALLS)
async def test_no_body_breaks_a_call(shop: ApiClient, call: str) -> None:
    order_no = (await shop.post("/v1/orders", an_order())).json()["order_no"]
    staff = shop.as_("admin", "root")
    answers = [await sent(staff, call, order_no, json=body) for body in spoiled(CALLS[call])]
    answers += [await sent(staff, call, order_no, content=raw) for raw in RAW]
    answers.append(await sent(staff, call, order_no, content=b" " * 10_000_000))
    failed = [(answer.status_code, answer.text) for answer in answers if answer.status_code >= 500]
    assert not failed
    assert answers[0].status_code in (404, 422) and answers[-1].status_code in (404, 413)
    refused = [answer for answer in answers if answer.status_code >= 400]
    assert refused and all(answer.headers["content-type"] == "application/problem+json" for answer in refused)
