"""What can be created can be read: an identifier is refused when it is made, or read by its percent-encoded path."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from pydantic import TypeAdapter, ValidationError

from api.http import openapi
from api.schemas.fields import Body, Phone
from api.services.portal.code_requests import understood
from domain.text import is_identifier
from infra.email.smtp import email_of
from infra.settings import Settings
from tests.api.conftest import ApiClient, an_order

CARRIED = [
    "A-1",
    "...",
    "a b",
    "50%",
    "%2F",
    "%00",
    "a?b",
    "a#b",
    "a;b",
    "茶-1",
    "é",
    "e\u0301",
    "🍵",
    "a+b",
    "a:b",
    "'x'",
    '"',
]
REFUSED = [
    ".",
    "..",
    "A/B-1",
    "/",
    "a\\b",
    " a",
    "a ",
    " ",
    "\u200b",
    "a\u200bb",
    "a\u202eb",
    "a\x00b",
    "a\nb",
    "a\u00a0b",
]
LONG = ["x" * 32, "x" * 64, "x" * 65, "茶" * 64, "x" * 5_000]


def path_of(template: str, one: str) -> str:
    return template.format(quote(one, safe=""))


async def made(shop: ApiClient, what: str, one: str) -> Any:
    operations = shop.as_("operations")
    if what == "sku":
        product = {"sku": one, "name": "Tea", "price_minor": 1, "currency": "CNY"}
        return await operations.post("/v1/products", product)
    if what == "warehouse":
        place = {"code": one, "name": "N", "country": "CN", "province": "P", "city": "C"}
        return await operations.post("/v1/warehouses", place)
    if what == "channel":
        return await shop.post("/v1/orders", an_order(channel=one))
    customer = {"id": one, "name": "Li", "email": None, "phone": None}
    return await shop.post("/v1/orders", an_order(customer=customer))


READ = {
    "sku": ("/v1/products/{}", "/v1/stock/{}"),
    "customer": ("/v1/customers/{}/store-credit",),
    "warehouse": ("/v1/orders?warehouse={}",),
    "channel": ("/v1/orders?channel={}",),
}


@pytest.mark.parametrize("what", READ)
async def test_what_can_be_created_can_be_read(shop: ApiClient, what: str) -> None:
    wrong = []
    for one in (*CARRIED, *REFUSED, *LONG):
        answer = await made(shop, what, one)
        if answer.status_code == 422:
            codes = {"invalid_id", "invalid_text", "blank_text", "validation_failed"}
            if one in CARRIED or answer.json()["code"] not in codes or not answer.json()["errors"]:
                wrong.append((one, answer.text))
            continue
        assert answer.status_code == 201, answer.text
        reads = [await shop.get(path_of(template, one)) for template in READ[what]]
        found = one in reads[0].json().values() if what in ("sku", "customer") else reads[0].json()["items"] is not None
        if one in REFUSED or not found or any(read.status_code != 200 for read in reads):
            wrong.append((one, [read.text for read in reads]))
    assert not wrong


async def test_an_id_that_a_path_cannot_carry_says_what_one_is(shop: ApiClient) -> None:
    for what in READ:
        problem = (await made(shop, what, "A/B-1")).json()
        assert (problem["status"], problem["code"]) == (422, "invalid_id")
        assert "no slash" in problem["detail"] and problem["errors"][0]["code"] == "invalid_id"


@pytest.mark.parametrize("one", CARRIED)
def test_a_path_carries_what_the_rule_lets_pass(one: str) -> None:
    assert is_identifier(one) and "/" not in path_of("{}", one)


def bodies(model: type[Body] = Body) -> Iterator[type[Body]]:
    """Every body that a call takes."""
    for one in model.__subclasses__():
        if one.__name__ in openapi._known:
            yield one
        yield from bodies(one)


def texts() -> Iterator[Any]:
    """Every field of theirs; telephones have a rule of their own."""
    for model in bodies():
        for name, field in model.model_fields.items():
            if name == "phone":
                continue
            kind = TypeAdapter(field.rebuild_annotation())
            yield pytest.param(kind, id=f"{model.__name__}.{name}")


@pytest.mark.parametrize("kind", list(texts()))
def test_no_text_field_takes_what_cannot_be_seen(kind: TypeAdapter[Any]) -> None:
    for text in (" ", "\u200b", "\u2066\u2069", "\u3000\u200d", "\u3164", "a\u202eb"):
        for value in (text, [text]):
            with pytest.raises(ValidationError):
                kind.validate_python(value)


def test_marks_of_direction_around_a_telephone_number_are_taken_off() -> None:
    assert TypeAdapter(Phone).validate_python("\u202a+86 138 0013 8000\u202c") == "+86 138 0013 8000"
    for blank in (" " * 5, "\u200b" * 5, "\u2066" * 5):
        with pytest.raises(ValidationError):
            TypeAdapter(Phone).validate_python(blank)


SECOND_ADDRESSES = [
    "a@b.com,c@d.com",
    "a@b.com\nBcc: c@d.com",
    "Li <a@b.com>",
    "a@b.com c@d.com",
    "<a@b.com>",
    "a@b",
    "@b.com",
]


@pytest.mark.parametrize(
    "email", [*SECOND_ADDRESSES, " a@b.com", "a@[127.0.0.1]", "a\u200b@b.com", "x" * 250 + "@b.com"]
)
async def test_an_email_field_holds_one_address_and_nothing_else(shop: ApiClient, email: str) -> None:
    customer = {"id": "c-17", "name": "Li", "email": email, "phone": None}
    answer = await shop.post("/v1/orders", an_order(customer=customer))
    assert answer.status_code == 422 and [e["field"] for e in answer.json()["errors"]] == ["customer.email"], (
        answer.text
    )
    channel = {"kind": "email", "name": "Team", "target": email}
    assert (await shop.as_("operations").post("/v1/notices/channels", channel)).status_code == 422
    assert understood(shop.app.state.services.keys.vault, email.strip()) is None or email == " a@b.com"
    for sender in (email, f"Shop <{email}>", "Shop, c@d.com <a@b.com>", "Shop <a@b.com>\nBcc: c@d.com"):
        if sender not in ("Li <a@b.com>", "<a@b.com>"):
            with pytest.raises(ValidationError):
                Settings(smtp_from=sender)
    with pytest.raises(ValueError):
        email_of("shop@example.com", email, "Hello", "Text", "m-1")


@pytest.mark.parametrize(
    "email", ["li@example.com", "Li.Lei+tea@shop.example", "用户@例子.中国", "o'neil@example.co.uk"]
)
async def test_addresses_as_people_have_them_are_taken(shop: ApiClient, email: str) -> None:
    customer = {"id": "c-17", "name": "Li", "email": email, "phone": None}
    assert (await shop.post("/v1/orders", an_order(customer=customer))).status_code == 201
    assert understood(shop.app.state.services.keys.vault, email) is not None
    for sender in (email, f"Shop <{email}>", f"示例商店 <{email}>", f'"Tea, Ltd." <{email}>'):
        assert Settings(smtp_from=sender).smtp_from == sender
