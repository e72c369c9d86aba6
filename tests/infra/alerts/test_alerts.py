"""Notices: their words in both languages, and what each channel is sent over the wire."""

import base64
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from domain.alerts import Kind, Language, Phase
from domain.support.steps import Step
from infra.alerts import chat_robots, email, i18n, message, sending
from infra.alerts.outcome import Outcome
from infra.db.alerts.alert_deliveries import AlertMessage
from infra.settings import Settings
from tests.infra.alerts.alert_servers import SIGN_SECRET, Robots, certificate_for, mail_server
from tests.infra.servers import serving

HOOK_SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
STUCK = AlertMessage(
    kind="stuck",
    cause="stuck:rejected:sandbox:book",
    facts={"step": "book", "error": "rejected", "provider": "sandbox"},
    count=1_000,
    most=1_200,
    amounts=[{"currency": "CNY", "amount_minor": 850_000}, {"currency": "JPY", "amount_minor": 5}],
    oldest_at=NOW - timedelta(minutes=12),
    since=NOW - timedelta(minutes=10),
)


def settings(**more: Any) -> Settings:
    values: dict[str, Any] = {
        "allow_private_webhook_targets": True,
        "webhook_timeout_s": 5.0,
        "console_url": "https://oms.example.com/",
    }
    return Settings(**(values | more))


def alert_message(lang: str = "en", phase: str = Phase.BEGUN, alert: AlertMessage = STUCK) -> message.Message:
    return message.of_alert(alert, phase, lang, settings(), NOW)


async def send_alert(kind: str, target: dict[str, str], message: message.Message | None = None, **more: Any) -> Outcome:
    return await sending.send(settings(**more), kind, target, message or alert_message(), "ntc_1")


def test_a_notice_says_what_how_much_since_when_and_where_to_go() -> None:
    text = alert_message().text()
    assert text.splitlines()[0] == "OMS · New: Orders are stuck · book the carrier"
    assert {"Orders: 1,000", "The oldest for: 12 min", "Amount at stake: ¥8,500.00, JP¥5"} <= set(text.splitlines())
    assert {"Error: rejected", "Provider: sandbox"} <= set(text.splitlines())
    assert text.splitlines()[-1] == (
        "https://oms.example.com/console/stuck/group?step=book&error=rejected&provider=sandbox"
    )


def test_it_speaks_chinese() -> None:
    text = alert_message("zh").text("：")
    assert text.startswith("OMS · 新发生：订单卡住 · 预约承运商\n订单数：1,000\n最早已持续：12 分钟\n")
    assert "涉及金额：¥8,500.00" in text


def test_an_end_says_how_long_and_how_much_it_was() -> None:
    over = AlertMessage(
        **{name: getattr(STUCK, name) for name in STUCK.__slots__} | {"over_at": NOW + timedelta(hours=2)}
    )
    lines = alert_message(phase=Phase.OVER, alert=over).text().splitlines()
    assert lines[0] == "OMS · Resolved: Orders are stuck · book the carrier"
    assert lines[1:3] == ["Orders (at most): 1,200", "Duration: 2 h"]
    assert not any("Amount" in line or "Try one" in line for line in lines)


def test_what_comes_from_outside_stays_one_bounded_line_and_formats_nothing() -> None:
    facts = {"step": "book", "error": "x\r\nBcc: all@example.com\x00", "provider": "[a](http://b) <@all> **c**" * 50}
    alert = AlertMessage(**{name: getattr(STUCK, name) for name in STUCK.__slots__} | {"facts": facts})
    lines = alert_message(alert=alert).text().splitlines()
    assert "Error: x Bcc: all@example.com" in lines
    assert all(len(line) < 250 for line in lines[:-1])
    body = chat_robots.markdown(alert_message(alert=alert))
    assert "[a]" not in body and "<@" not in body and "**c" not in body and "@example" not in body


def test_words_are_there_in_both_languages_for_everything() -> None:
    known = i18n.catalogue()
    wanted = {f"{group}.{kind}" for kind in Kind for group in ("kind", "count", "hint")}
    wanted |= {f"phase.{phase}" for phase in Phase} | {f"step.{step}" for step in Step}
    assert wanted <= set(known), sorted(wanted - set(known))
    assert list(i18n.LANGUAGES) == [str(one) for one in Language]
    for english, chinese in known.values():
        assert english.strip() and chinese.strip()
        assert set(re.findall(r"\{\w+\}", english)) == set(re.findall(r"\{\w+\}", chinese)), english


async def test_dingtalk_is_sent_signed_markdown() -> None:
    server = Robots(secret=SIGN_SECRET)
    async with serving(server.app) as base:
        url = f"{base}/robot/send?access_token=t0ken"
        assert await send_alert("dingtalk", {"url": url, "secret": SIGN_SECRET}) == Outcome(None, "ok")
        assert (await send_alert("dingtalk", {"url": url, "secret": "SECother"})) == Outcome(
            "errcode_310000", "sign not match"
        )
        assert (await send_alert("dingtalk", {"url": url})).error == "errcode_310000"
    [(_, _, body)] = server.got
    assert body["markdown"]["title"] == "OMS · New: Orders are stuck · book the carrier"
    link = "(https://oms.example.com/console/stuck/group?step=book&error=rejected&provider=sandbox)"
    assert "**Orders** 1,000" in body["markdown"]["text"] and link in body["markdown"]["text"]


def test_the_signature_is_the_one_that_dingtalk_computes() -> None:
    """Known values, computed with openssl from the documented rule."""
    assert chat_robots.signed("https://h/robot/send?access_token=t", "this is secret", 1_577_808_000_000) == (
        "https://h/robot/send?access_token=t&timestamp=1577808000000&sign=ijHEivi6YiCNPZOq4hZstmvZ3sPfbioAiMhP30ae7W0%3D"
    )


async def test_wecom_is_sent_markdown_of_a_size_that_it_takes() -> None:
    server = Robots()
    long = message.Message("notice.begun", "标题" * 90, (("标签", "值" * 200),) * 20, "https://x/", "打开")
    async with serving(server.app) as base:
        url = f"{base}/cgi-bin/webhook/send?key=k3y"
        assert (await send_alert("wecom", {"url": url}, alert_message("zh"))).error is None
        assert (await send_alert("wecom", {"url": url}, long)).error is None
        wrong = await send_alert("wecom", {"url": url.replace("k3y", "other")})
    assert wrong == Outcome("errcode_93000", "invalid webhook url")
    assert "**订单数** 1,000" in server.texts()[0] and "打开控制台" in server.texts()[0]


async def test_a_webhook_is_sent_the_facts_signed_as_ours_are() -> None:
    server = Robots()
    async with serving(server.app) as base:
        assert (await send_alert("webhook", {"url": f"{base}/hook", "secret": HOOK_SECRET})).error is None
    [(_, headers, body)] = server.got
    verified = Webhook(HOOK_SECRET).verify(json.dumps(body, ensure_ascii=False), headers)
    assert (verified["type"], headers["webhook-id"]) == ("notice.begun", "ntc_1")
    assert verified["data"]["count"] == 1_000 and verified["data"]["amounts"][0]["amount_minor"] == 850_000
    assert verified["data"]["facts"] == STUCK.facts and verified["data"]["oldest_at"] == "2026-11-25T11:48:00Z"
    assert verified["text"].startswith("OMS · New: Orders are stuck")


@pytest.mark.parametrize(
    ("kind", "path", "answer", "error"),
    [
        (
            "dingtalk",
            "/robot/send?access_token=t0ken",
            {"errcode": 130101, "errmsg": "send too fast"},
            "errcode_130101",
        ),
        ("dingtalk", "/robot/send?access_token=t0ken", {"errmsg": "ok"}, "answer_unreadable"),
        ("dingtalk", "/robot/send?access_token=t0ken", b"<html>", "answer_unreadable"),
        ("wecom", "/cgi-bin/webhook/send?key=k3y", b"[0]", "answer_unreadable"),
        ("wecom", "/none", {}, "http_404"),
        ("webhook", "/elsewhere", {}, "http_307"),
        ("webhook", "/slow", {}, "timeout"),
    ],
)
async def test_what_a_channel_does_not_take_is_a_code(kind: str, path: str, answer: Any, error: str) -> None:
    server = Robots(answer=answer)
    async with serving(server.app) as base:
        target = {"url": f"{base}{path}", "secret": HOOK_SECRET} if kind == "webhook" else {"url": f"{base}{path}"}
        assert (await send_alert(kind, target, webhook_timeout_s=0.5)).error == error
        private = await send_alert(kind, target, allow_private_webhook_targets=False)
    assert private.error == "target_refused"
    assert server.got == []
    assert (await send_alert(kind, {"url": "http://127.0.0.1:9/", "secret": HOOK_SECRET})).error == "connection_failed"


async def test_an_endless_answer_is_not_read_to_its_end() -> None:
    server = Robots(answer=b'{"errcode": 0, "errmsg": "' + b"x" * 1_000_000 + b'"}')
    async with serving(server.app) as base:
        outcome = await send_alert("wecom", {"url": f"{base}/cgi-bin/webhook/send?key=k3y"})
    assert outcome.error == "answer_unreadable"


async def test_a_letter_over_starttls_with_a_login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = certificate_for(tmp_path)
    async with mail_server(certificate, ("oms", "pass word")) as post:
        server = {"smtp_host": "localhost", "smtp_port": post.port, "smtp_from": "OMS <oms@example.com>"}
        login = server | {"smtp_user": "oms", "smtp_password": "pass word"}
        target = {"address": "team@example.com"}
        # Who the server is has to be proved.
        assert (await send_alert("email", target, **login)).error == "tls_failed"
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert await send_alert("email", target, alert_message("zh"), **login) == Outcome()
        refused = await send_alert("email", target, **(login | {"smtp_password": "wrong"}))
        assert refused.error == "smtp_login_refused" and refused.said
        assert (await send_alert("email", target, **server)).error == "smtp_530"
    [email] = post.letters
    assert (post.encrypted, post.recipients) == ([True], [["team@example.com"]])
    assert email["Subject"] == "OMS · 新发生：订单卡住 · 预约承运商"
    assert (email["From"], email["To"]) == ("OMS <oms@example.com>", "team@example.com")
    assert email["Message-ID"] == "<ntc_1@example.com>" and email["Auto-Submitted"] == "auto-generated"
    assert "订单数: 1,000" in email.get_content()


async def test_a_letter_in_the_clear_only_where_the_setting_says_so() -> None:
    async with mail_server() as post:
        server = {"smtp_host": "127.0.0.1", "smtp_port": post.port, "smtp_from": "oms@example.com"}
        target = {"address": "team@example.com"}
        assert (await send_alert("email", target, **server)).error == "smtp_not_supported"
        assert (await send_alert("email", target, **server, smtp_tls="none")).error is None
        post.refuse = "451 later"
        later = await send_alert("email", target, **server, smtp_tls="none")
        assert later == Outcome("smtp_451", "later")
    assert (post.encrypted, len(post.letters)) == ([False], 1)
    assert (await send_alert("email", target, **server, smtp_tls="none")).error == "connection_failed"
    assert (await send_alert("email", target)).error == "email_not_configured"


@pytest.mark.parametrize("recipient", ["a@example.com\r\nBcc: all@example.com", "a@example.com\nX: y"])
async def test_no_header_is_smuggled_into_a_letter(recipient: str) -> None:
    with pytest.raises(ValueError, match="must be one e-mail address"):
        email.email_of("oms@example.com", recipient, alert_message(), "ntc_1")
    async with mail_server() as post:
        server = {"smtp_host": "127.0.0.1", "smtp_port": post.port, "smtp_from": "oms@example.com", "smtp_tls": "none"}
        assert (await send_alert("email", {"address": recipient}, **server)).error is not None
    assert post.letters == []
