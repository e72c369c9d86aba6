"""What a session opens: the orders of the channel that names its contact, whatever another channel says."""

import pytest

from domain.gateways import PaymentRequest
from infra.db.payments import store_credit
from infra.db.payments.store_credit import EntryKind, NewEntry
from infra.gateways.payments.store_credit import StoreCredit
from tests.portal.conftest import ApiClient, Browser, a_customer, placed, signed_in, unique


async def placed_by(api: ApiClient, channel: str, customer: dict[str, object]) -> str:
    return await placed(api.as_("channel", channel), dict(customer), channel=channel)


async def test_a_channel_that_names_anothers_customer_opens_none_of_their_orders(shop: ApiClient) -> None:
    """Whoever holds a channel's token may name any customer with any address."""
    victim = a_customer()
    theirs = await placed_by(shop, "tmall", victim)
    attacker = a_customer(id=victim["id"])
    own = await placed_by(shop, "shady", attacker)
    thief = await signed_in(shop, attacker)
    listed = (await thief.get("")).text
    assert own in listed and theirs not in listed
    for page in ("", "/cancel", "/pay", "/return", "/documents", "/feedback", "/change/address"):
        assert (await thief.get(f"/orders/{theirs}{page}")).status_code == 404, page
    assert (await thief.post(f"/orders/{theirs}/cancel", reason="other")).status_code == 404


async def test_nor_does_it_lock_them_out_or_have_their_codes_sent_elsewhere(browser: Browser) -> None:
    victim, shop = a_customer(), browser.api
    theirs = await placed_by(shop, "tmall", victim)
    attacker = a_customer(id=victim["id"])
    await placed_by(shop, "shady", attacker)
    await browser.ask(theirs)
    assert browser.sent[-1].to == victim["email"]
    await browser.sign_in(victim["email"])
    assert browser.sent[-1].to == victim["email"] and theirs in (await browser.get("")).text


async def test_nor_does_it_learn_how_another_channel_reaches_them(shop: ApiClient) -> None:
    victim = a_customer()
    attacker = a_customer(id=victim["id"])
    own = await placed_by(shop, "shady", attacker)
    await placed_by(shop, "tmall", victim)
    page = (await shop.as_("channel", "shady").get(f"/v1/orders/{own}")).text
    assert attacker["email"] in page and victim["email"] not in page and victim["phone"] not in page


async def test_a_new_address_opens_all_orders_of_its_channel(shop: ApiClient) -> None:
    customer = a_customer()
    orders = [await placed_by(shop, "tmall", customer)]
    moved = a_customer(id=customer["id"])
    orders.append(await placed_by(shop, "tmall", moved))
    now, before = await signed_in(shop, moved), await signed_in(shop, customer)
    page, gone = (await now.get("")).text, (await before.get("")).text
    assert all(order_no in page and order_no not in gone for order_no in orders)


async def test_a_corrected_order_is_seen_by_the_corrected_contact_alone(browser: Browser) -> None:
    shop, customer = browser.api, a_customer()
    corrected, other = [await placed_by(shop, "tmall", customer) for _ in range(2)]
    before = await signed_in(shop, customer)  # a session that is open when it is corrected
    etag = (await shop.get(f"/v1/orders/{corrected}")).headers["ETag"]
    right = a_customer()["email"]
    headers = {"If-Match": etag, "Idempotency-Key": unique("k"), **shop.headers}
    body = {"email": right, "phone": None, "reason": "mistyped"}
    answer = await shop.http.patch(f"/v1/orders/{corrected}/contact", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    page = (await before.get("")).text
    assert other in page and corrected not in page
    assert (await before.get(f"/orders/{corrected}")).status_code == 404
    await browser.sign_in(right)
    assert browser.sent[-1].to == right
    page = (await browser.get("")).text
    assert corrected in page and other not in page
    assert (await browser.get(f"/orders/{corrected}")).status_code == 200
    assert (await browser.get(f"/orders/{other}")).status_code == 404
    await browser.ask(corrected)
    assert browser.sent[-1].to == right


@pytest.mark.parametrize("contact", ["email", "phone"])
async def test_one_person_under_two_ids_and_two_channels_sees_all(shop: ApiClient, contact: str) -> None:
    one = a_customer()
    orders = [await placed_by(shop, "tmall", one)]
    orders.append(await placed_by(shop, "jd", a_customer(**{contact: one[contact]})))
    member = await signed_in(shop, one if contact == "email" else one | {"email": None})
    listed = (await member.get("")).text
    assert all(order_no in listed for order_no in orders)


async def test_store_credit_of_another_channels_customer_is_neither_seen_nor_spent(shop: ApiClient) -> None:
    victim = a_customer()
    theirs = await placed_by(shop, "tmall", victim)
    attacker = a_customer(id=victim["id"])
    own = await placed(shop.as_("channel", "shady"), attacker, channel="shady", payment=None)
    mine = await placed(shop.as_("customer", victim["id"]), victim, channel="web", payment=None)
    database = shop.app.state.services.database
    async with database.begin() as conn:
        entry = NewEntry(unique("grant"), EntryKind.GRANTED, victim["id"], "CNY", 8_500, theirs)
        await store_credit.write(conn, entry)
    thief, owner = await signed_in(shop, attacker), await signed_in(shop, victim)
    assert "Your store credit" not in (await thief.get("")).text
    assert "My store credit" not in (await thief.get(f"/orders/{own}/pay")).text
    assert "Your store credit" in (await owner.get("")).text
    gateway = StoreCredit(database)
    response = await gateway.authorise(PaymentRequest(own, 8_500, "CNY", unique("steal")))
    assert (response.status, response.error_code) == ("failed", "insufficient_credit")
    spent = await gateway.authorise(PaymentRequest(mine, 8_500, "CNY", unique("spend")))
    assert spent.status == "succeeded"
