"""An approval and an adjustment in the console, over a real worker."""

import re

from tests.console.conftest import StaffBrowser, sign_in
from tests.integration.conftest import Office


async def people(office: Office) -> tuple[StaffBrowser, StaffBrowser]:
    return await sign_in(office.api, "support"), await sign_in(office.api, "finance")


async def test_a_dear_refund_goes_from_one_desk_to_the_other(office: Office) -> None:
    ann, fay = await people(office)
    order_no = await office.parked()
    page = (await ann.get(f"/console/stuck/{order_no}")).text
    assert page.count("a second person must approve") == 1  # of its four acts, undoing
    sent = await ann.post(f"/console/stuck/{order_no}", action="compensate", reason="no carrier")
    where = sent.headers["location"]
    assert re.fullmatch(r"/console/approvals/apr_[0-9a-f]{32}", where)
    mine = (await ann.get(where)).text
    assert "another person must decide" in mine and "/approve" not in mine
    refused = await ann.post(f"{where}/approve", reason="me too")
    assert refused.status_code == 403
    assert order_no in (await fay.get("/console/approvals")).text
    theirs = (await fay.get(where)).text
    assert "1,500.00" in theirs or "1500.00" in theirs
    assert "no carrier" in theirs
    assert (await fay.post(f"{where}/approve", reason="looks right")).status_code == 303
    await office.stage.reaches(order_no, "cancelled")
    assert "Carried out" in (await fay.get(where)).text
    assert order_no in (await fay.get("/console/approvals?state=decided")).text
    assert (await fay.post(f"{where}/refuse", reason="no")).status_code == 409


async def test_a_reason_is_needed_and_a_no_is_a_no(office: Office) -> None:
    ann, fay = await people(office)
    order_no = await office.parked()
    where = (await ann.post(f"/console/stuck/{order_no}", action="compensate", reason="x")).headers["location"]
    assert (await fay.post(f"{where}/approve", reason=" ")).status_code == 422
    assert (await fay.post(f"{where}/refuse", reason="wait for the carrier")).status_code == 303
    assert "wait for the carrier" in (await ann.get(where)).text
    assert await office.stage.status(order_no) == "paid"


async def test_an_order_is_adjusted_and_what_is_stuck_is_sent_elsewhere(office: Office) -> None:
    ann, _ = await people(office)
    order_no = await office.unpaid()
    form = (await ann.get(f"/console/orders/{order_no}/adjust")).text
    assert "a second person must approve" in form
    fields = {"event": "payment_recorded", "value.reference": "bank 3", "reason": "seen on the statement"}
    sent = await ann.post(f"/console/orders/{order_no}/adjust", **fields)
    assert sent.headers["location"].startswith("/console/approvals/apr_")
    stuck = await office.parked()
    assert "resolve its failed step instead" in (await ann.get(f"/console/orders/{stuck}/adjust")).text
    wrong = await ann.post(f"/console/orders/{order_no}/adjust", event="shipment_delivered", reason="x")
    assert (wrong.status_code, "can be said" in wrong.text) == (409, True)
