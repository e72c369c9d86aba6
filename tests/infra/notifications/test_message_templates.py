"""Templates: every one in both languages on both channels with what the database knows, and none changes unnoticed."""

import hashlib
import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from jinja2 import UndefinedError

from api.pages.i18n import read
from api.portal.i18n import FOLDER as FOLDER_OF_PORTAL
from domain.notifications import NOTIFICATION_OF_EVENT, SHOWN_WITHOUT_NOTIFICATION, SIGN_IN, language_of, masked
from domain.orders.status import NOTES, OrderEvent
from infra.db.notifications.send_queue import Claimed
from infra.notifications.rendering import FOLDER, LANGUAGES, render, versions
from infra.notifications.wording import facts_of
from infra.settings import Settings

FINGERPRINTS = Path(__file__).with_name("message_templates.sha256")
ABOUT_MONEY = {
    *("payment_captured", "payment_refunded", "payment_returned", "payment_voided", "change_awaits_payment"),
    *("capture_deferred", "part_captured", "payment_on_terms", "terms_reduced", "payment_overdue"),
    *("guarantee_authorised", "guarantee_released", "guarantee_claimed"),
}
CODE = {"code": "123 456", "link": "https://shop.example/portal/in/x", "minutes": 10}


def claimed(template: str, **changed: Any) -> Claimed:
    values: dict[str, Any] = {
        "message_id": "N1.2.email", "customer_id": "c-1", "order_no": "N1", "fact": template, "channel": "email",
        "template": template, "tries": 1, "round": 0, "to_enc": None, "body_enc": None, "expired": False,
        "created_at": datetime.now(UTC), "data_key": b"", "profile_enc": b"", "currency": "JPY", "total_minor": 4200,
        "country": "JP", "data": {}, "tracking_no": None,
    }  # fmt: skip
    return Claimed(**(values | changed))


def facts(template: str, **changed: Any) -> dict[str, Any]:
    return facts_of(claimed(template, **changed), Settings(portal_url="https://shop.example"), "en")


# What events say today, and more or less of it.
EVENTS: list[dict[str, Any]] = [
    {"data": {"amount_minor": 4200, "attempt": 1}},
    {"data": {"amount_minor": 4200, "cause": "out_of_stock"}, "tracking_no": "SB123"},
    {"data": {"amount_minor": 4200, "cause": "payment_expired", "tracking_no": "UPS9"}},
    {"data": {"amount_minor": 4200, "cause": "customer", "until": "2026-12-01T20:00:00+00:00"}},
]
TEMPLATES = sorted(set(NOTIFICATION_OF_EVENT.values()))


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("template", TEMPLATES)
def test_every_template_says_it_in_every_language(template: str, lang: str) -> None:
    for event in [*EVENTS, *([{"data": {}}, {"data": None}] if template not in ABOUT_MONEY else [])]:
        known = facts(template, **event)
        email, text = render(template, "email", lang, known), render(template, "sms", lang, known)
        assert (email.language, email.version, text.subject) == (lang, versions()[template], "")
        assert "N1" in email.subject and "\n" not in email.subject
        assert known["link"] in email.body and known["link"] in text.body
        assert "\n" not in text.body and len(text.body) <= 160
        sentence = email.subject + email.body + text.body
        assert not re.search(r"[{}]|None|  |undefined", sentence), sentence
        chinese = re.search(r"[\u4e00-\u9fff]", email.subject) and re.search(r"[\u4e00-\u9fff]", text.body)
        assert bool(chinese) == (lang == "zh")
        if template in ABOUT_MONEY:
            assert "JP¥4,200" in email.body and "JP¥4,200" in text.body


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("channel", ["email", "sms"])
def test_the_code_to_sign_in(lang: str, channel: str) -> None:
    words = render(SIGN_IN, channel, lang, CODE)
    assert "123 456" in words.body and "https://shop.example/portal/in/x" in words.body and "10" in words.body
    assert "123 456" not in words.subject, "a subject is shown on locked screens"


@pytest.mark.parametrize("template", sorted(ABOUT_MONEY - {"payment_captured"}))
def test_an_amount_that_is_not_known_is_an_error_not_a_gap(template: str) -> None:
    with pytest.raises(UndefinedError):
        render(template, "email", "en", facts(template))


def test_what_is_reported_is_a_fact_of_orders() -> None:
    assert set(NOTIFICATION_OF_EVENT) <= NOTES | set(OrderEvent)
    assert set(NOTIFICATION_OF_EVENT.values()) | {SIGN_IN} == set(versions())


def test_a_file_has_both_languages_and_nothing_else() -> None:
    for file in FOLDER.glob("*"):
        read = tomllib.loads(file.read_text(encoding="utf-8"))
        assert {lang: set(parts) for lang, parts in read.items()} == {
            lang: {"subject", "body", "sms"} for lang in LANGUAGES
        }, file.name


def test_words_change_with_their_version_only() -> None:
    """What was sent names its version: a change of words is a new file, and a line more in the fingerprints."""
    stored = dict(reversed(line.split()) for line in FINGERPRINTS.read_text(encoding="utf-8").splitlines())
    found = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in FOLDER.glob("*.toml")}
    assert found == stored, "a template that was in use is never edited; add the next version"


def test_a_deadline_is_the_day_where_customers_are() -> None:
    known = facts("return_approved", data={"until": "2026-12-01T20:00:00+00:00"})
    assert known["until"] == "2026-12-02"
    assert "2026-12-02" in render("return_approved", "email", "en", known).body
    assert "2026-12-02" in render("return_reminder", "sms", "zh", known).body


@pytest.mark.parametrize("template", ["delivery_extended", "change_awaits_payment"])
def test_what_waits_names_its_last_day(template: str) -> None:
    data = {"amount_minor": 600, "waiting": {"what": "payment", "until": "2026-12-01T20:00:00Z"}}
    assert "2026-12-02" in render(template, "email", "en", facts(template, data=data)).body


def test_every_step_that_the_portal_shows_has_a_message_or_a_reason_for_none() -> None:
    shown = {key.removeprefix("tale.") for key in read(FOLDER_OF_PORTAL) if key.startswith("tale.")}
    assert not shown - set(NOTIFICATION_OF_EVENT) - SHOWN_WITHOUT_NOTIFICATION
    assert not SHOWN_WITHOUT_NOTIFICATION & set(NOTIFICATION_OF_EVENT) and shown >= SHOWN_WITHOUT_NOTIFICATION


@pytest.mark.parametrize("lang", LANGUAGES)
def test_an_exchange_that_costs_more_is_reported_as_what_is_to_be_paid(lang: str) -> None:
    data = {"order_no": "N2", "to_pay_minor": 600, "until": "2026-12-01T20:00:00+00:00"}
    for channel in ("email", "sms"):
        known = facts("exchange_sent", data=data)
        text = render("exchange_sent", channel, lang, known)
        for part in ("JP¥600", "2026-12-02", "/orders/N2"):
            assert part in text.body, text
        assert "on its way" not in text.subject + text.body and "已寄出" not in text.subject + text.body
        assert channel == "email" or len(text.body) <= 160
        free = render("exchange_sent", channel, lang, facts("exchange_sent", data=data | {"to_pay_minor": 0}))
        assert "JP¥" not in free.body and "/orders/N1" in free.body


def test_a_carriers_number_stays_one_line() -> None:
    known = facts("shipment_picked_up", tracking_no="A1\r\nBcc: all@example.com\x00" + "9" * 900)
    assert "\n" not in known["tracking_no"] and len(known["tracking_no"]) <= 200


@pytest.mark.parametrize(
    ("chosen", "country", "lang"),
    [
        (None, "CN", "zh"),
        (None, "HK", "zh"),
        (None, "US", "en"),
        (None, None, "en"),
        ("zh", "US", "zh"),
        ("en", "CN", "en"),
        ("fr", "CN", "zh"),
    ],
)
def test_the_language(chosen: str | None, country: str | None, lang: str) -> None:
    assert language_of(chosen, country) == lang


@pytest.mark.parametrize(
    ("channel", "to", "page"),
    [
        ("email", "xiaoming@example.com", "x***@example.com"),
        ("email", "@", "***@"),
        ("sms", "+86 138 0013 8000", "***8000"),
        ("sms", "12345", "***"),
    ],
)
def test_an_address_is_shown_as_far_as_its_owner_needs(channel: str, to: str, page: str) -> None:
    assert masked(channel, to) == page


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_request_for_payment_names_its_deadline_where_the_order_goes(lang: str) -> None:
    """What is stored; before the reservation, the time from now on; none where an order waits for stock first."""
    known: dict[str, Any] = {"payment_due": True, "country": "US", "province": "Ohio"}
    stored = facts("order_placed", **known, pay_until="2026-12-01T20:00:00Z")
    soon = facts("order_placed", **known, pay_until="", created_at=datetime(2026, 12, 1, 19, 30, tzinfo=UTC))
    for one in (stored, soon):
        for channel in ("email", "sms"):
            words = render("order_placed", channel, lang, one)
            assert "2026-12-01 15:00 (UTC-05:00)" in words.body and "/pay" in words.body and "JP¥4,200" in words.body
            assert channel == "email" or len(words.body) <= 160
    unknown = render("order_placed", "email", lang, facts("order_placed", **known))
    assert "UTC" not in unknown.body and ("in time" in unknown.body or "逾期" in unknown.body)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_messages_of_a_return_name_it_and_lead_to_it(lang: str) -> None:
    for template in [one for one in TEMPLATES if one.startswith("return_")]:
        known = facts(template, data={"return_id": "rt_1", "return_no": 2, "amount_minor": 100})
        body = render(template, "email", lang, known).body
        assert "N1-R2" in body and "https://shop.example/portal/orders/N1/returns/rt_1\n" in body, template


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_parcel_on_its_way_has_the_page_of_its_carrier(lang: str) -> None:
    for template in ("shipment_picked_up", "replacement_picked_up", "exchange_sent"):
        known = facts(template, tracking_no="1Z9", carrier="ups")
        assert "https://www.ups.com/track?tracknum=1Z9\n" in render(template, "email", lang, known).body
        other = render(template, "email", lang, facts(template, tracking_no="SBX1", carrier="sandbox"))
        assert "SBX1" in other.body and other.body.count("https://") == 1


@pytest.mark.parametrize("lang", LANGUAGES)
def test_codes_stand_in_an_email_that_people_can_copy_them_from(lang: str) -> None:
    few = render("codes_issued", "email", lang, facts("codes_issued", codes=("CARD-1", "CARD-2")))
    assert "\n\nCARD-1\nCARD-2\n" in few.body
    many = render("codes_issued", "email", lang, facts("codes_issued", codes=("CARD",) * 101))
    text = render("codes_issued", "sms", lang, facts("codes_issued", codes=("CARD",)))
    assert "CARD" not in many.body + text.body
