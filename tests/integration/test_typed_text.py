"""What people type is nowhere to be read but by whoever may: not in a column, not in a file."""

import logging
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from infra.observability.telemetry import _JsonLines
from infra.stack.postgres.postgres_server import PostgresServer
from infra.stack.temporal.temporal_server import TemporalServer
from tests.api.conftest import ApiClient, an_order, open_api, unique
from tests.conftest import DatabaseUrls
from tests.factories.purchases import SAME
from tests.integration.after_sales.test_delivery_exceptions import moves
from tests.integration.conftest import CHEAP, DEAR, Office
from tests.integration.typed_fields import DIGITS, MARK, Hand, fields, phone, words
from tests.order_stage import AS_IN_PRODUCTION, staged
from tests.portal.conftest import browser_of
from tests.workflows.split_orders import second_warehouse, stock_south

# Fields that are kept in clear text, and why. A new field is sealed, and typed into below, or it is listed here.
CLEAR = {
    r"(channel|currency|country|owner|activity|carrier|provider|error)$": "one of a list of names",
    r"(^|\.)(sku|code|warehouse|from|to|external_ref|reference|line_no|tracking_no)$": "an id, or a time",
    r"(^|\.)(number|location|zone|purchase_order|fulfilment_id|box|manifest_id)$": "an id",
    r"customer\.id$": "the id under which a channel knows its customer",
    r"(^|\.)(method|token)$": "a wish to pay: never a card, no use a second time",
    r"(province|city)$": "the place, by which a warehouse is chosen",
    r"event_types\.\[\]$": "names of events",
    r"^(since|expected_on|counted_at)$": "a time",
    r"^(filters\.\w+|order_nos\.\[\])$": "filters of a list, and ids",
    r"^(tag|assignee)$": "labels of the shop's own, and the name that somebody signs in with",
}
CLEAR_CALLS = {
    "PUT /v1/channels/{channel}": "how the shop looks to everybody",
    "POST /v1/returns/{return_id}/photographs": "a picture; tests/api/catalogue/test_pictures.py",
    "POST /v1/products": "the catalogue, which is the shop's own",
    "PATCH /v1/products/{sku}": "the same",
    "POST /v1/products/{sku}/picture": "the same",
    "POST /v1/product-imports": "the same",
    "POST /v1/products/{sku}/codes": "sealed under a key of the product; tests/api/virtual looks at the rows",
    "POST /v1/warehouses": "the shop's own",
    "PATCH /v1/warehouses/{code}": "the same",
    "POST /v1/stock/adjustments": "about goods; the ledger's reference",
    "POST /v1/stock/quarantine": "about goods; the ledger's reference",
    "POST /v1/purchase-orders": "the shop's own suppliers",
    "PATCH /v1/purchase-orders/{number}": "the same",
    "PUT /v1/replenishment/rules": "the same",
    "POST /v1/replenishment/suggestions/order": "the same",
    "POST /v1/stock/cases/{case_id}/resolve": "about goods; the ledger's reference",
    "POST /v1/locations": "what is written on a rack",
    "PATCH /v1/locations/{warehouse}/{code}": "the same",
    "POST /v1/carrier-bills": "a file of the carrier, and its number",
    "POST /v1/freight-differences/{difference_id}/decide": "about money of a carrier; in the audit log",
    "POST /v1/orders/{order_no}/backorder": "sealed as the reason of each act of staff, which is typed below",
    "POST /v1/webhook-endpoints": "an address of a program",
    "PUT /v1/customers/{customer_id}/group": "a label of the shop's own, by which warehouses are chosen",
    "PUT /v1/sourcing/warehouses/{code}": "a time and the name of a zone",
    "POST /v1/sourcing/profiles": "rules of the shop, and why they change; in the audit log",
    "POST /v1/sourcing/profiles/{version}/activate": "the same",
    "POST /v1/notices/channels name": "how staff call it",
    "PUT /v1/orders/{order_no}/tags": "labels of the shop's own, by which lists are filtered",
    "PUT /v1/orders/{order_no}/assignee": "the name that somebody signs in with",
    "POST /v1/mentions/read": "ids of notes",
    "POST /v1/staff": "the name that somebody signs in with",
    "POST /v1/staff/invitations name": "the name that somebody signs in with",
    "POST /v1/staff/invitations email": "sealed; tests/api/staff/test_invitations.py looks at the rows",
    "POST /v1/staff/{name}/second-factor/reset": "an address: sealed, as above",
    "POST /v1/order-views name": "how staff call it",
    "POST /v1/tokens": "an id: a customer's, a channel's, or the name of staff",
    "POST /v1/disputes/{dispute_id}/evidence": "looked at elsewhere",  # tests/integration/test_disputes.py
    # Both need a workflow that cannot go on; tests/console/support/test_workflow_operations.py and test_resets.py look
    # at their rows.
    "POST /v1/support/orders/{order_no}/running/{activity_id}": "looked at elsewhere",
    "POST /v1/support/orders/{order_no}/reset": "looked at elsewhere",
}


def stored_in_clear(call: str, field: str) -> bool:
    return (
        call in CLEAR_CALLS or f"{call} {field}" in CLEAR_CALLS or any(re.search(pattern, field) for pattern in CLEAR)
    )


@pytest.fixture(scope="module")
async def office(database_url: DatabaseUrls, temporal: TemporalServer, folder: Path) -> AsyncIterator[Office]:
    async with staged(database_url, temporal.address, folder, return_window_s=3600, **AS_IN_PRODUCTION) as stage:
        await stage.stock(DEAR, 1000, price_minor=150_000)
        await stage.stock(CHEAP, 1000, price_minor=2_000)
        same = {name: getattr(stage.settings, name) for name in SAME}
        async with open_api(database_url, temporal_address=temporal.address, workflow_timeout_s=60, **same) as api:
            yield Office(stage, api)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("typed")


def address() -> dict[str, str]:
    typed = {name: words() for name in ("name", "district", "line1", "postcode")}
    return {"phone": phone(), "country": "CN", "province": "上海市", "city": "上海市", **typed}


async def placing(hand: Hand, office: Office, sku: str = CHEAP, **more: Any) -> tuple[ApiClient, str]:
    """An order whose every word is typed, and its customer."""
    name = unique("c-typing")
    customer = {"id": name, "name": words(), "email": f"{MARK}{name}@example.org", "phone": phone()}
    body = an_order(sku, 2, customer=customer, ship_to=address(), note=words()) | more
    me = office.api.as_("customer", name)
    return me, (await hand.call(me, "POST", "/v1/orders", body)).json()["order_no"]


async def delivered(hand: Hand, office: Office, sku: str = CHEAP) -> tuple[ApiClient, str]:
    me, order_no = await placing(hand, office, sku)
    await office.stage.reaches(order_no, "preparing")
    await office.stage.carrier_says(order_no, "delivered")
    await office.stage.reaches(order_no, "delivered")
    return me, order_no


async def before_paying(hand: Hand, office: Office) -> None:
    me, order_no = await placing(hand, office, payment=None)
    await office.stage.reaches(order_no, "pending_payment")
    ann, order = office.staff("ann"), {"order_no": order_no}
    tag = {"If-Match": (await me.get(f"/v1/orders/{order_no}")).headers["etag"]}
    changed = {"ship_to": address(), "note": words()}
    await hand.call(me, "PATCH", "/v1/orders/{order_no}", changed, 200, order, tag)
    tag = {"If-Match": (await ann.get(f"/v1/orders/{order_no}")).headers["etag"]}
    customer = {"name": words(), "email": f"{MARK}{order_no}@example.org", "phone": phone(), "reason": words()}
    await hand.call(ann, "PATCH", "/v1/orders/{order_no}/contact", customer, 200, order, tag)
    held = {"kind": "manual", "reason": words()}
    number = (await hand.call(ann, "POST", "/v1/orders/{order_no}/holds", held, 201, order)).json()["hold_no"]
    release = "/v1/orders/{order_no}/holds/{hold_no}/release"
    await hand.call(ann, "POST", release, {"reason": words()}, 200, {**order, "hold_no": str(number)})
    many = {"action": "release", "order_nos": [order_no], "reason": words()}
    await hand.call(ann, "POST", "/v1/orders/bulk/preview", many, 200)
    await hand.call(ann, "POST", "/v1/orders/bulk", many, 202)
    pressing = {"priority": "urgent", "reason": words()}
    await hand.call(ann, "POST", "/v1/orders/{order_no}/priority", pressing, 200, order)
    who = {"name": words(), "email": f"{MARK}{order_no}@example.net", "phone": phone()}
    draft = {"customer": who, "ship_to": address(), "note": words()}
    saved = (await hand.call(ann, "POST", "/v1/order-drafts", draft)).json()
    draft = {"customer": {**who, "name": words()}, "ship_to": address(), "note": words()}
    named = {"draft_id": saved["draft_id"]}
    await hand.call(ann, "PATCH", "/v1/order-drafts/{draft_id}", draft, 200, named, {"If-Match": '"1"'})
    note = (await hand.call(ann, "POST", "/v1/orders/{order_no}/notes", {"text": words()}, 201, order)).json()
    named = {**order, "note_id": note["note_id"]}
    await hand.call(ann, "PATCH", "/v1/orders/{order_no}/notes/{note_id}", {"text": words()}, 200, named)
    await second_warehouse(office.stage)
    await stock_south(office.stage, CHEAP, 5)
    elsewhere = {"warehouse": "WH-SOUTH", "reason": words()}
    await hand.call(ann, "POST", "/v1/orders/{order_no}/sourcing", elsewhere, 200, order)
    await hand.call(me, "POST", "/v1/orders/{order_no}/cancel", {"reason": words()}, 200, order)


async def after_delivery(hand: Hand, office: Office) -> None:
    me, order_no = await delivered(hand, office, DEAR)
    ann, order = office.staff("ann"), {"order_no": order_no}
    invoice = {"title": words(), "tax_number": f"{MARK}77", "address": words()}
    await hand.call(me, "POST", "/v1/orders/{order_no}/invoice", invoice, 201, order)
    spoken = {"rating": 2, "text": words()}
    given = (await hand.call(me, "POST", "/v1/orders/{order_no}/feedback", spoken, 201, order)).json()
    answered = {"feedback_id": given["feedback_id"]}
    await hand.call(ann, "POST", "/v1/feedback/{feedback_id}/answer", {"text": words()}, 201, answered)
    returned = {
        "lines": [{"sku": DEAR, "quantity": 1}],
        "resolution": "refund",
        "reason": words(),
        "photographs": [words()],
    }
    response = (await hand.call(me, "POST", "/v1/orders/{order_no}/returns", returned, 201, order)).json()
    named = {"return_id": response["return_id"]}
    await hand.call(ann, "POST", "/v1/returns/{return_id}/reject", {"reason": words()}, 200, named)
    back = {"amount_minor": 500, "reason": words()}
    await hand.call(ann, "POST", "/v1/orders/{order_no}/refunds", back, 201, order)


async def stuck(hand: Hand, office: Office) -> None:
    ann, ben, resolve = office.staff("ann"), office.staff("ben"), "/v1/support/orders/{order_no}/resolve"
    order = {"order_no": await office.parked(CHEAP)}
    await hand.call(ann, "POST", resolve, {"action": "retry", "reason": words()}, 200, order)
    await office.parked(CHEAP)
    bulk = {"all": True, "action": "retry", "reason": words(), "rate_per_s": 10}
    await hand.call(ann, "POST", "/v1/support/resolve", bulk, 202)
    expensive = {"order_no": await office.parked(DEAR)}
    for verb in ("refuse", "approve"):
        body = {"action": "compensate", "reason": words()}
        response = (await hand.call(ann, "POST", resolve, body, 202, expensive)).json()
        named = {"approval_id": response["approval_id"]}
        await hand.call(ben, "POST", f"/v1/support/approvals/{{approval_id}}/{verb}", {"reason": words()}, 200, named)
    _, order_no = await placing(hand, office)
    await office.stage.reaches(order_no, "preparing")
    order = {"order_no": order_no}
    moved = {"event": "shipment_picked_up", "reason": words()}
    await hand.call(ann, "POST", "/v1/support/orders/{order_no}/adjust", moved, 200, order)
    _, order_no = await placing(hand, office)
    await office.stage.reaches(order_no, "preparing")
    await moves(office, order_no, "picked_up", "lost")
    await office.stage.parked(order_no)
    chosen = {"choice": "reship", "reason": words()}
    await hand.call(ann, "POST", "/v1/orders/{order_no}/delivery-problem", chosen, 200, {"order_no": order_no})


async def around(hand: Hand, office: Office) -> None:
    target = f"https://1.1.1.1/robot/send?access_token={MARK}1"
    channel = {"kind": "dingtalk", "name": "on duty", "target": target, "secret": f"{MARK}2"}
    await hand.call(office.staff("olga", "operations"), "POST", "/v1/notices/channels", channel)
    somebody = {"name": f"{MARK}3", "password": f"{MARK}4", "code": "123456"}
    assert (await office.api.http.post("/console/sign-in", data=somebody)).status_code == 401
    visitor = browser_of(office.api)
    async with visitor.http:
        assert (await visitor.post("/sign-in", contact=f"{MARK}5@example.org")).status_code < 400
    for typed in (words(), phone()):
        assert (await office.staff("ann").get("/v1/orders", q=typed)).status_code == 200


FORMS = (MARK, MARK.encode().hex(), DIGITS, DIGITS.encode().hex())


async def columns_with(owner_url: str) -> dict[str, str]:
    """Table: what of the typed words can be read in its rows, whatever the type of the column."""
    found = {}
    async with await psycopg.AsyncConnection.connect(owner_url) as connection:
        tables = await connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in await tables.fetchall():
            like = " OR ".join(["t::text LIKE %s"] * len(FORMS))
            looked = f"SELECT t::text FROM {table} t WHERE {like} LIMIT 1"
            row = await (await connection.execute(looked.encode(), [f"%{form}%" for form in FORMS])).fetchone()
            if row is not None:
                found[table] = row[0]
    return found


async def answers_without_a_customer(office: Office) -> list[bytes]:
    """Kept answers with typed words that erasing every customer would leave readable."""
    rows = await office.stage.sql(
        "SELECT subject, key, response_enc FROM idempotency_keys WHERE order_no IS NULL AND response_enc IS NOT NULL"
    )
    opened = [office.stage.vault.open_answer(row[2], f"{row[0]}:{row[1]}:answer") for row in rows]
    assert opened
    return [answer for answer in opened if MARK.encode() in answer or DIGITS.encode() in answer]


def files_with(*folders: Path) -> list[str]:
    found = []
    for file in (file for folder in folders for file in folder.rglob("*")):
        if file.is_file():
            content = file.read_bytes()
            found += [f"{file}: {form}" for form in FORMS if form.encode() in content]
    return found


async def test_what_people_type_is_nowhere_to_be_read(
    office: Office, database_url: DatabaseUrls, folder: Path, postgres: PostgresServer, temporal: TemporalServer,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    hand = Hand()
    with caplog.at_level(logging.INFO):
        for scenario in (before_paying, after_delivery, stuck, around):
            await scenario(hand, office)
    forgotten = {
        (call, field) for call, field in fields(office.api.app) - hand.typed if not stored_in_clear(call, field)
    }
    assert forgotten == set()
    assert await columns_with(database_url.owner_url) == {}
    assert await answers_without_a_customer(office) == []
    async with await psycopg.AsyncConnection.connect(database_url.owner_url, autocommit=True) as connection:
        await connection.execute("CHECKPOINT")
    assert files_with(folder, postgres.data.parent, temporal.db.parent) == []
    lines = [_JsonLines().format(record) for record in caplog.records]
    # What this test's own client says of its calls is not the product's.
    assert [line for line in lines if (MARK in line or DIGITS in line) and "front.door" not in line] == []


# What can be typed into the pages' forms: the acts behind them are the calls above, and a name that is new here is one
# more thing to type into them, or no words.
WORDS_IN_FORMS = {
    "reason", "more", "text", "note", "title", "tax_number", "address", "photographs",
    "{{ name }}", "{{ part }}", "{{ one.name }}", "name", "password", "contact", "target", "secret", "q",
    "find", "who", "{{ 'ship_to.' ~ name }}",
    # sealed; tests/console/payments/test_provider_cases.py looks at their rows
    "explanation", "customer_communication",
}  # fmt: skip
NO_WORDS_IN_FORMS = {
    # the shop's own, and tags, which staff search by
    "add", "colour", "customer_group", "dark_colour", "file", "logo", "max_fulfilments", "new_language", "new_name",
    "photograph", "supplier",
    "amount", "carrier", "code", "count", "customer", "external_ref", "hours", "new.{{ row.sku }}", "owner",
    "location", "slot_begin", "slot_end", "token", "tracking_no", "{{ count }}",
    "{{ line.field }}", "{{ row.field }}",
    # names of staff and of their keys, days, files
    "assignee", "email", "channel", "label", "picture", "placed_from", "placed_to", "slot_day", "tag", "{{ sku }}",
    "units-{{ line.sku }}", "weight_g", "box",
    # of credit and of bank transfers, and codes, which are sealed under a key of their product
    "customer_id", "currency", "limit", "terms_days", "reference", "codes",
}  # fmt: skip
_FIELD = re.compile(r"<(?:input|textarea)\b[^>]*>")
# A field of the kit's macro: its name, and the rest.
_MACRO = re.compile(r"\{\{ field\(([^,]+), (.*?)\) \}\}")
_CHOSEN = re.compile(r'type="(hidden|checkbox|radio|number|date|datetime-local|submit)"')


def test_what_can_be_typed_into_a_form_is_known() -> None:
    found = set()
    for template in [*Path("api/console/templates").glob("*.html"), *Path("api/portal/templates").glob("*.html")]:
        for field in _FIELD.findall(template.read_text(encoding="utf-8")):
            if not _CHOSEN.search(field) and (name := re.search(r'name="([^"]+)"', field)):
                found.add(name[1])
        for named, rest in _MACRO.findall(template.read_text(encoding="utf-8")):
            if "options=" not in rest and "type='number'" not in rest:
                plain = re.fullmatch(r"'([^']+)'", named)
                found.add(plain[1] if plain else "{{ " + named + " }}")
    assert found == WORDS_IN_FORMS | NO_WORDS_IN_FORMS
