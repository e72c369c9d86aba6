"""Disputes with their deadline and evidence, and facts that fit nothing, in the console."""

import json
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from activities.orders.inbox import apply_inbox
from domain.gateways import PaymentNotification
from domain.payments.transactions import PaymentKind, PaymentStatus
from infra.db.messaging import inbox
from tests.api.conftest import ApiClient, unique
from tests.console.conftest import StaffBrowser, sign_in
from tests.factories.sales import placed

PAGE = "/console/at-providers"
DUE = datetime.now(UTC).replace(microsecond=0) + timedelta(days=5)


async def report_payment(shop: ApiClient, order_no: str, kind: PaymentKind, ref: str, **more: Any) -> None:
    """A notification, kept and applied."""
    [order] = await shop.sql("SELECT total_minor, currency FROM orders WHERE order_no = %s", order_no)
    notice = PaymentNotification(
        secrets.token_hex(8),
        order_no,
        ref,
        kind,
        PaymentStatus.SUCCEEDED,
        order["total_minor"],
        order["currency"],
        **more,
    )
    services = shop.app.state.services
    async with services.database.begin() as conn:
        await inbox.keep_payment(conn, "sandbox", notice)
        await apply_inbox(conn, order_no, services.settings)


async def disputed(shop: ApiClient) -> tuple[str, str]:
    """An order whose payment the bank takes back, and the provider's name of the dispute."""
    order_no = await placed(shop)
    capture, dispute = unique("pay"), unique("dsp")
    await report_payment(shop, order_no, PaymentKind.CAPTURE, capture)
    about = {"parent_ref": capture, "error_code": "fraudulent"}
    await report_payment(shop, order_no, PaymentKind.DISPUTE, dispute, due_at=DUE.isoformat(), **about)
    return order_no, dispute


async def row_of(shop: ApiClient, order_no: str) -> dict[str, Any]:
    [row] = await shop.sql("SELECT * FROM disputes WHERE order_no = %s", order_no)
    return dict(row)


async def test_a_dispute_is_answered_with_evidence_before_its_deadline_and_the_outcome_settles_it(
    shop: ApiClient, support: StaffBrowser
) -> None:
    order_no, dispute = await disputed(shop)
    dispute_id = (await row_of(shop, order_no))["payment_id"]
    page = (await support.get(PAGE)).text
    assert order_no in page and dispute in page and f"{DUE:%Y-%m-%d}" in page
    # Kept first, handed in later; what was written is there again, and sealed in the database.
    path = f"{PAGE}/disputes/{dispute_id}"
    response = await support.post(path, explanation="she signed <b>for it</b>\r\nherself", tracking_no="T1", act="keep")
    assert response.status_code == 303
    assert "she signed &lt;b&gt;for it&lt;/b&gt;\nherself" in (await support.get(PAGE)).text
    row = await row_of(shop, order_no)
    assert b"signed" not in bytes(row["evidence_enc"]) and row["answered_at"] is None
    # No provider listens here (tests/api/payments/test_disputes.py has one): for a moment nobody else answers it.
    unheard = await support.post(path, explanation="all of it", act="hand_in")
    assert (unheard.status_code, "provider_unavailable" in unheard.text) == (503, True)
    refused = await support.post(f"{path}/accept")
    assert (refused.status_code, "dispute_in_progress" in refused.text) == (409, True)
    for _ in range(2):
        assert (await support.post(path, explanation="all of it", act="handed_in")).status_code == 303
    assert f'action="{path}' not in (await support.get(PAGE)).text
    changed = await support.post(path, explanation="on second thoughts", act="keep")
    assert (changed.status_code, "dispute_answered" in changed.text) == (409, True)
    assert (await row_of(shop, order_no))["answered_by"] == f"support:{support.name}"
    events = await shop.sql("SELECT type FROM order_events WHERE order_no = %s", order_no)
    assert [row["type"] for row in events].count("dispute_answered") == 1
    audit = await shop.sql("SELECT actor FROM audit_log WHERE action = 'dispute_answered' AND order_no = %s", order_no)
    assert {row["actor"] for row in audit} == {f"support:{support.name}"}
    await report_payment(shop, order_no, PaymentKind.DISPUTE, dispute, outcome="won")
    assert order_no not in (await support.get(PAGE)).text
    late = await support.post(path, explanation="too late", act="handed_in")
    assert (late.status_code, "dispute_closed" in late.text) == (409, True)


async def test_the_deadline_of_a_dispute_is_the_one_that_was_reported_last(shop: ApiClient) -> None:
    order_no, dispute = await disputed(shop)
    later = DUE + timedelta(days=3)
    await report_payment(shop, order_no, PaymentKind.DISPUTE, dispute, due_at=later.isoformat())
    await report_payment(shop, order_no, PaymentKind.DISPUTE, dispute)
    assert (await row_of(shop, order_no))["due_at"] == later


async def fact(shop: ApiClient, order_no: str | None, outcome: str | None, age: str) -> int:
    body = {
        "kind": "capture",
        "status": "succeeded",
        "amount_minor": 7,
        "currency": "CNY",
        "provider_ref": unique("pay"),
    }
    [row] = await shop.sql(
        "INSERT INTO inbox (provider, event_id, kind, order_no, fact, received_at, processed_at, outcome, reason)"
        " VALUES ('sandbox', %s, 'payment', %s, %s, now() - %s::interval,"
        " CASE WHEN %s::text IS NULL THEN NULL ELSE now() END, %s, %s) RETURNING inbox_id",
        unique("evt"), order_no, json.dumps(body), age, outcome, outcome, "bug_23514" if outcome else None,
    )  # fmt: skip
    return int(row["inbox_id"])


async def test_facts_that_fit_nothing_are_listed_and_set_aside_or_tried_again(
    shop: ApiClient, support: StaffBrowser
) -> None:
    order_no = await placed(shop)
    unknown, young = await fact(shop, None, None, "2 hours"), await fact(shop, None, None, "1 minute")
    unapplied = await fact(shop, order_no, "unapplied", "1 minute")
    page = (await support.get(PAGE)).text
    assert f"facts/{unknown}/aside" in page and f"facts/{young}/aside" not in page
    assert f"facts/{unapplied}/again" in page and "bug_23514" in page and f"facts/{unknown}/again" not in page
    assert (await support.post(f"{PAGE}/facts/{unapplied}/again")).status_code == 303
    assert (await support.post(f"{PAGE}/facts/{unknown}/aside")).status_code == 303
    for inbox_id, action in ((unapplied, "again"), (unknown, "aside")):
        refused = await support.post(f"{PAGE}/facts/{inbox_id}/{action}")
        assert (refused.status_code, "fact_settled" in refused.text) == (409, True)
    assert (await support.post(f"{PAGE}/facts/{unknown}/burn")).status_code == 404
    [found] = await shop.sql("SELECT outcome, processed_at FROM inbox WHERE inbox_id = %s", unapplied)
    assert tuple(found.values()) == (None, None)
    [rows] = await shop.sql("SELECT outcome, processed_at IS NOT NULL FROM inbox WHERE inbox_id = %s", unknown)
    assert tuple(rows.values()) == ("set_aside", True)
    woken = await shop.sql("SELECT 1 FROM workflow_requests WHERE subject = %s AND name = 'payment_notified'", order_no)
    assert woken
    services = shop.app.state.services
    async with services.database.begin() as conn:
        await apply_inbox(conn, order_no, services.settings)
    actions = await shop.sql(
        "SELECT action FROM audit_log WHERE actor = %s AND action LIKE 'fact%%' ORDER BY 1", f"support:{support.name}"
    )
    assert [row["action"] for row in actions] == ["fact_heard_again", "fact_set_aside"]


@pytest.mark.parametrize(("role", "reads", "actions"), [("finance", True, True), ("operations", True, False),
                                                     ("warehouse", False, False)])  # fmt: skip
async def test_who_may_see_and_settle_what_waits_at_the_providers(
    shop: ApiClient, role: str, reads: bool, actions: bool
) -> None:
    await disputed(shop)
    unknown = await fact(shop, None, None, "2 hours")
    browser = await sign_in(shop, role, "zh")
    page = await browser.get(PAGE)
    assert (page.status_code == 200, "付款争议" in page.text) == (reads, reads)
    assert (f"facts/{unknown}/aside" in page.text) is actions
    assert (await browser.post(f"{PAGE}/facts/{unknown}/aside")).status_code == (303 if actions else 403)
