"""Signing in to the portal: who reads the contact's messages gets in, and nobody else learns anything."""

import asyncio
from time import monotonic

import pytest

from api.portal import sign_in as pages
from api.portal.session import COOKIE
from domain.orders.order_no import new_order_no
from infra.db.portal import sign_in_codes
from tests.portal.conftest import Browser, a_customer, browser_of, placed


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


async def test_a_code_opens_the_orders(browser: Browser) -> None:
    customer = a_customer()
    order_no = await placed(browser.api, customer)
    response = await browser.ask(f"  {customer['email'].upper()} ")
    assert (response.status_code, response.headers["location"]) == (303, "/portal/code")
    assert customer["email"] not in str(response.headers) and "Six digits" in (await browser.get("/code")).text
    assert (browser.sent[-1].to, browser.sent[-1].lang) == (customer["email"], "en")
    entered = await browser.post("/code", code=browser.sent[-1].code)
    assert (entered.status_code, entered.headers["location"]) == (303, "/portal")
    cookie = entered.headers["set-cookie"].lower()
    assert all(part in cookie for part in ("oms_portal=", "httponly", "samesite=lax", "path=/portal"))
    assert order_no in (await browser.get("")).text


@pytest.mark.parametrize("typed", ["order_no", "order_no in small letters", "phone", "phone without country"])
async def test_other_ways_to_say_who_one_is(browser: Browser, typed: str) -> None:
    customer = a_customer()
    order_no = await placed(browser.api, customer)
    ways = {
        "order_no": order_no,
        "order_no in small letters": order_no.replace("-", " ").lower(),
        "phone": customer["phone"],
        "phone without country": customer["phone"].removeprefix("+86"),
    }
    await browser.sign_in(ways[typed])
    assert browser.sent[-1].to == customer["email" if "order" in typed else "phone"]
    assert order_no in (await browser.get("")).text


async def test_an_order_without_e_mail_is_notified_by_telephone(browser: Browser) -> None:
    customer = a_customer(email=None)
    await browser.ask(await placed(browser.api, customer))
    assert browser.sent[-1].to == customer["phone"]


async def test_the_code_goes_where_the_customer_said_and_not_where_somebody_typed(browser: Browser) -> None:
    """Letters that fold to the same are another's address."""
    customer = a_customer(email=f"{a_customer()['id']}-kiss@example.com")
    await placed(browser.api, customer)
    await browser.ask(customer["email"].replace("ss", "ß").replace("k", "\u212a"))
    assert [sent.to for sent in browser.sent] == [customer["email"]]


async def test_a_link_opens_with_one_button_and_looking_uses_nothing_up(browser: Browser) -> None:
    customer = a_customer()
    order_no = await placed(browser.api, customer)
    await browser.ask(customer["email"])
    token = browser.sent[-1].token
    for _ in range(3):
        looked = await browser.get("/enter", token=token)
        assert looked.status_code == 200 and "Show my orders" in looked.text and "set-cookie" not in looked.headers
    elsewhere = browser_of(browser.api)  # another browser: the telephone where the message was read
    assert (await elsewhere.post("/enter", token=token)).status_code == 303
    assert order_no in (await elsewhere.get("")).text
    again = await browser.post("/enter", token=token)
    assert (again.status_code, "used already" in again.text) == (401, True)
    late = await browser.post("/code", code=browser.sent[-1].code)
    assert (late.status_code, "used already" in late.text) == (401, True)


async def test_nobody_learns_who_is_known(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same answer, the same time, the same refusal of the same guess; the database alone know."""
    monkeypatch.setattr(pages, "ANSWER_S", 0.5)
    known, unknown = a_customer(), a_customer()
    await placed(browser.api, known)
    pages_seen = []
    for typed in (known["email"], unknown["email"], unknown["phone"], new_order_no(1_800_000_000_000)):
        other, began = browser_of(browser.api), monotonic()
        response = await other.ask(typed)
        assert response.status_code == 303 and 0.5 <= monotonic() - began < 1.5
        text = await other.post("/code", code=wrong(browser.sent[-1].code))
        pages_seen.append((response.headers["location"], text.status_code, text.text))
    assert len(browser.sent) == 1 and len(pages_seen) == 4 and len(set(pages_seen)) == 1


async def test_five_wrong_guesses_are_the_end_of_a_code(browser: Browser) -> None:
    for customer in (a_customer(), a_customer()):
        if not browser.sent:
            await placed(browser.api, customer)
        await browser.ask(customer["email"])
        guesses = [await browser.post("/code", code=wrong(browser.sent[-1].code)) for _ in range(5)]
        assert {answer.status_code for answer in guesses} == {401}
        assert "Tries left: 4" in guesses[0].text and "five times" in guesses[4].text
        dead = await browser.post("/code", code=browser.sent[-1].code)
        assert (dead.status_code, "Please ask for a new one" in dead.text) == (401, True)
        by_link = await browser.post("/enter", token=browser.sent[-1].token)
        assert by_link.status_code == 401
    assert len(browser.sent) == 1  # the second caller is unknown, and was refused alike


async def test_guesses_at_once_are_counted_one_by_one(browser: Browser) -> None:
    customer = a_customer()
    await placed(browser.api, customer)
    await browser.ask(customer["email"])
    right = browser.sent[-1].code
    guesses = [browser.post("/code", code=wrong(right)) for _ in range(8)]
    answers = await asyncio.gather(*guesses)
    assert sum("Tries left" in answer.text for answer in answers) == 4
    assert (await browser.post("/code", code=right)).status_code == 401


async def test_a_code_opens_one_session(browser: Browser) -> None:
    customer = a_customer()
    await placed(browser.api, customer)
    await browser.ask(customer["email"])
    ways = [browser.post("/code", code=browser.sent[-1].code) for _ in range(3)]
    ways += [browser.post("/enter", token=browser.sent[-1].token) for _ in range(2)]
    answers = await asyncio.gather(*ways)
    assert sorted(answer.status_code for answer in answers) == [303, 401, 401, 401, 401]


async def test_a_late_code_and_a_late_link(browser: Browser) -> None:
    customer = a_customer()
    await placed(browser.api, customer)
    await browser.ask(customer["email"])
    earlier = "asked_at = asked_at - interval '11 min', expires_at = expires_at - interval '11 min'"
    earlier = f"UPDATE portal_codes SET {earlier} WHERE used_at IS NULL"
    await browser.api.sql(earlier)
    for answer in (
        await browser.post("/code", code=browser.sent[-1].code),
        await browser.post("/enter", token=browser.sent[-1].token),
    ):
        assert (answer.status_code, "older than 10 minutes" in answer.text) == (401, True)


async def test_a_code_is_this_browsers(browser: Browser) -> None:
    customer = a_customer()
    await placed(browser.api, customer)
    await browser.ask(customer["email"])
    other = browser_of(browser.api)
    assert (await other.get("/code")).status_code == 303
    refused = await other.post("/code", code=browser.sent[-1].code)
    assert (refused.status_code, "no code for this browser" in refused.text) == (401, True)


@pytest.mark.parametrize("typed", ["", "somebody", "@", "a@b@c", "12", "a\0@b.c", "x" * 255 + "@y.z", "\ud800@b.c"[1:]])
async def test_what_is_no_contact(browser: Browser, typed: str) -> None:
    answer = await browser.ask(typed)
    assert answer.status_code == 422 and "Please look at it again" in answer.text


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "12345\0", "１２３４５"])
async def test_what_is_no_code_costs_no_try(browser: Browser, code: str) -> None:
    customer = a_customer()
    await placed(browser.api, customer)
    await browser.ask(customer["email"])
    answer = await browser.post("/code", code=code)
    assert (answer.status_code, "six digits" in answer.text) == (422, True)
    (row,) = await browser.api.sql("SELECT tries FROM portal_codes ORDER BY asked_at DESC LIMIT 1")
    assert row["tries"] == 0


async def test_a_code_may_be_written_as_people_write(browser: Browser) -> None:
    customer = a_customer()
    await placed(browser.api, customer)
    await browser.ask(customer["email"])
    wide = "".join(chr(0xFF10 + int(digit)) for digit in browser.sent[-1].code)
    assert (await browser.post("/code", code=f"{wide[:3]} {wide[3:]}")).status_code == 303


async def test_asking_too_often_has_to_wait(browser: Browser) -> None:
    known, unknown = a_customer(), a_customer()
    await placed(browser.api, known)
    for customer in (known, unknown):
        response = [await browser.ask(customer["email"]) for _ in range(6)]
        assert [answer.status_code for answer in response] == [303] * 5 + [429]
        assert "too often" in response[5].text and 800 < int(response[5].headers["retry-after"]) <= 900
    assert len(browser.sent) == 5
    await browser.api.sql("UPDATE sign_in_requests SET since = since - interval '16 min'")
    await browser.api.sql("DELETE FROM portal_codes")
    assert (await browser.ask(known["email"])).status_code == 303 and len(browser.sent) == 6


async def test_a_day_has_a_limit_of_its_own_for_whom_it_is_and_for_nobody(browser: Browser) -> None:
    known, unknown = a_customer(), a_customer()
    await placed(browser.api, known)
    for customer in (known, unknown):
        for _ in range(4):
            assert [(await browser.ask(customer["email"])).status_code for _ in range(5)] == [303] * 5
            await browser.api.sql("UPDATE sign_in_requests SET since = since - interval '16 min'")
            await browser.api.sql(
                "UPDATE portal_codes SET asked_at = asked_at - interval '16 min',"
                " expires_at = expires_at - interval '16 min'"
            )
        late = await browser.ask(customer["email"])
        assert late.status_code == 429 and 80_000 < int(late.headers["retry-after"]) <= 86_400
    order_no = await placed(browser.api, known)
    assert (await browser.ask(order_no)).status_code == 303 and len(browser.sent) == 20, "kept in silence"


async def test_one_address_cannot_ask_for_everybody(browser: Browser) -> None:
    answers = [(await browser.ask(a_customer()["email"])).status_code for _ in range(31)]
    assert answers == [303] * 30 + [429]
    assert (await browser_of(browser.api).ask(a_customer()["email"])).status_code == 303


async def test_a_contact_is_not_flooded_through_their_orders_and_nobody_learns_whose_they_are(browser: Browser) -> None:
    customer = a_customer()
    orders = [await placed(browser.api, customer) for _ in range(7)]
    answers = [(await browser.ask(order_no)).status_code for order_no in orders]
    assert answers == [303] * 7 and len(browser.sent) == 5


async def test_the_database_holds_neither_code_nor_link_nor_contact(browser: Browser) -> None:
    customer = a_customer()
    await placed(browser.api, customer)
    await browser.sign_in(customer["email"])
    rows = [row for table in ("codes", "asks", "sessions") for row in await browser.api.sql(f"TABLE portal_{table}")]
    written = " ".join(str(row) for row in rows)
    secret = (
        browser.sent[-1].code,
        browser.sent[-1].token,
        customer["email"],
        "10.0.",
        browser.http.cookies[COOKIE],
    )
    assert rows and not [text for text in secret if text in written]


@pytest.mark.parametrize("change", ["seen_at = now() - interval '31 min'", "expires_at = now() + interval '-1 s'"])
async def test_a_session_ends(browser: Browser, change: str) -> None:
    customer = a_customer()
    await placed(browser.api, customer)
    await browser.sign_in(customer["email"])
    assert (await browser.get("")).status_code == 200
    await browser.api.sql(f"UPDATE portal_sessions SET created_at = created_at - interval '1 h', {change}")
    assert (await browser.get("")).status_code == 303
    assert (await browser.http.get("/portal", headers={"X-Live": "1"})).status_code == 401


async def test_signing_out_ends_it_and_needs_the_form(browser: Browser) -> None:
    customer = a_customer()
    await placed(browser.api, customer)
    await browser.sign_in(customer["email"])
    cookie = browser.http.cookies["oms_portal"]
    assert (await browser.post("/sign-out", csrf="0" * 32)).status_code == 403
    assert (await browser.post("/sign-out")).status_code == 303
    browser.http.cookies.set("oms_portal", cookie, path="/portal")
    assert (await browser.get("")).headers["location"] == "/portal/sign-in"


@pytest.mark.parametrize("path", ["/sign-in", "/code", "/enter"])
async def test_a_page_elsewhere_signs_nobody_in(browser: Browser, path: str) -> None:
    foreign = browser_of(browser.api, **{"sec-fetch-site": "cross-site"})
    answer = await foreign.post(path, contact="a@b.c", code="123456", token="x")
    assert (answer.status_code, "form_expired" in answer.text) == (403, True)


async def test_whoever_came_for_an_order_gets_there(browser: Browser) -> None:
    customer = a_customer()
    order_no = await placed(browser.api, customer)
    sent = await browser.get(f"/orders/{order_no}")
    assert sent.headers["location"] == f"/portal/sign-in?next=%2Fportal%2Forders%2F{order_no}"
    response = await browser.post("/sign-in", contact=customer["email"], next=f"/portal/orders/{order_no}")
    assert response.headers["location"] == f"/portal/code?next=%2Fportal%2Forders%2F{order_no}"
    entered = await browser.post("/code", code=browser.sent[-1].code, next=f"/portal/orders/{order_no}")
    assert entered.headers["location"] == f"/portal/orders/{order_no}"
    foreign = await browser.post("/code", code="000000", next="https://evil.example/portal")
    assert "evil" not in foreign.text


async def test_the_link_leads_where_the_settings_say(browser: Browser) -> None:
    from api.services.portal.code_sending import link_of

    settings = browser.api.app.state.services.settings
    made = sign_in_codes.Secrets("123456", "t-_k")
    assert link_of(settings, made) == "http://127.0.0.1:8000/portal/enter?token=t-_k"
    named = settings.model_copy(update={"portal_url": "https://shop.example.com/"})
    assert link_of(named, made) == "https://shop.example.com/portal/enter?token=t-_k"
