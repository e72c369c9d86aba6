"""Channels for notices over HTTP: added, shown without secrets, tested, removed; and what is refused."""

import json
from typing import Any

import pytest

from tests.api.conftest import ApiClient, open_api
from tests.conftest import DatabaseUrls
from tests.infra.alerts.alert_servers import SIGN_SECRET, Robots, mail_server
from tests.infra.servers import serving

CHANNELS = "/v1/notices/channels"


def a_channel(**changed: Any) -> dict[str, Any]:
    body = {"kind": "dingtalk", "name": "on duty", "target": "https://1.1.1.1/robot/send?access_token=t0ken"}
    return body | changed


async def test_a_channel_is_added_shown_and_removed(shop: ApiClient) -> None:
    operations = shop.as_("operations", "tom")
    body = a_channel(secret=SIGN_SECRET, language="zh", causes=["stuck", "escalated"])
    added = await operations.post(CHANNELS, body, key="channel-1")
    assert added.status_code == 201, added.text
    channel_id = added.json()["channel_id"]
    again = await operations.post(CHANNELS, body, key="channel-1")
    assert (again.json(), again.headers["idempotent-replayed"]) == (added.json(), "true")
    [content] = (await operations.get(CHANNELS)).json()["items"]
    assert (content["target"], content["causes"], content["language"]) == (
        "https://1.1.1.1",
        ["escalated", "stuck"],
        "zh",
    )
    assert (content["created_by"], content["last_state"]) == ("operations:tom", None)
    for answer in (added.text, json.dumps(content)):
        assert SIGN_SECRET not in answer and "t0ken" not in answer
    for table in ("alert_channels", "idempotency_keys", "audit_log"):
        rows = await shop.sql(f"SELECT t::text AS whole FROM {table} t")
        assert not any(SIGN_SECRET in row["whole"] or "t0ken" in row["whole"] for row in rows)
    assert (await operations.delete(f"{CHANNELS}/{channel_id}")).status_code == 204
    for gone in (channel_id, "nch_1", "nch_" + "0" * 32):
        for answer in (
            await operations.delete(f"{CHANNELS}/{gone}"), await operations.post(f"{CHANNELS}/{gone}/test")
        ):  # fmt: skip
            assert (answer.status_code, answer.json()["code"]) == (404, "notice_channel_not_found")
    assert (await operations.get(CHANNELS)).json()["items"] == []
    audit = await shop.sql("SELECT actor, action FROM audit_log WHERE reference = %s ORDER BY entry_id", channel_id)
    assert [(row["actor"], row["action"]) for row in audit] == [
        ("operations:tom", "notice_channel_added"),
        ("operations:tom", "notice_channel_removed"),
    ]


async def test_a_webhooks_secret_is_reported_by_its_answer_only(shop: ApiClient) -> None:
    admin = shop.as_("admin", "root")
    body = a_channel(kind="webhook", target="https://1.1.1.1/hook/s3cret")
    added = (await admin.post(CHANNELS, body, key="hook-1")).json()
    assert added["secret"].startswith("whsec_") and added["target"] == "https://1.1.1.1"
    assert (await admin.post(CHANNELS, body, key="hook-1")).json() == added
    assert added["secret"] not in (await admin.get(CHANNELS)).text
    assert (await admin.post(CHANNELS, body | {"name": "other"}, key="hook-1")).status_code == 422


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"kind": "telegram"}, "validation_failed"),
        ({"kind": None}, "validation_failed"),
        ({"name": ""}, "validation_failed"),
        ({"name": "x" * 61}, "validation_failed"),
        ({"name": "a\nb"}, "invalid_text"),
        ({"language": "fr"}, "validation_failed"),
        ({"causes": ["weather"]}, "validation_failed"),
        ({"causes": "stuck"}, "validation_failed"),
        ({"causes": ["stuck"] * 99}, "validation_failed"),
        ({"colour": "red"}, "unknown_field"),
        ({"kind": "wecom", "secret": "SEC"}, "validation_failed"),
        ({"secret": "line\nfeed"}, "validation_failed"),
        ({"target": "http://1.1.1.1/plain"}, "webhook_target_refused"),
        ({"target": "https://127.0.0.1/"}, "webhook_target_refused"),
        ({"target": "https://169.254.169.254/latest"}, "webhook_target_refused"),
        ({"target": "https://[::1]/"}, "webhook_target_refused"),
        ({"target": "https://user:password@1.1.1.1/"}, "webhook_target_refused"),
        ({"kind": "webhook", "target": "ftp://1.1.1.1/"}, "webhook_target_refused"),
        ({"kind": "email", "target": "team@example.com"}, "email_not_configured"),
        *(
            ({"kind": "email", "target": target}, "validation_failed")
            for target in (
                "no-address", "a@b", "a b@example.com", "Team <team@example.com>", "a@example.com,b@example.com",
                "a@example.com;b@example.com", "a@@example.com", "団体@example.com", "x" * 250 + "@example.com",
            )
        ),
        ({"kind": "email", "target": "a@example.com\r\nBcc: all@example.com"}, "invalid_text"),
    ],
)  # fmt: skip
async def test_what_cannot_be_a_channel_is_refused(shop: ApiClient, change: dict[str, Any], code: str) -> None:
    before = await shop.row_counts()
    answer = await shop.as_("operations").post(CHANNELS, a_channel(**change))
    assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
    assert await shop.row_counts() == before


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b'{"kind": 5}'])
async def test_a_body_that_is_none_is_refused(shop: ApiClient, body: bytes) -> None:
    headers = shop.as_("operations").headers | {"Idempotency-Key": "none"}
    answer = await shop.http.post(CHANNELS, content=body, headers=headers)
    assert answer.status_code in (400, 422), answer.text


async def test_a_test_notice_says_what_the_channel_said(database_url: DatabaseUrls) -> None:
    server = Robots(secret=SIGN_SECRET)
    async with serving(server.app) as base, mail_server() as post:
        mail = {"smtp_host": "127.0.0.1", "smtp_port": post.port, "smtp_from": "oms@example.com", "smtp_tls": "none"}
        async with open_api(database_url, allow_private_webhook_targets=True, **mail) as api:
            operations = api.as_("operations")

            async def tested(**body: Any) -> dict[str, Any]:
                added = await operations.post(CHANNELS, a_channel(**body))
                assert added.status_code == 201, added.text
                answer = await operations.post(f"{CHANNELS}/{added.json()['channel_id']}/test")
                assert answer.status_code == 200
                return dict(answer.json())

            robot = f"{base}/robot/send?access_token=t0ken"
            assert await tested(target=robot, secret=SIGN_SECRET) == {"taken": True, "error": None, "said": "ok"}
            refused = await tested(target=robot, secret="SECwrong")
            assert refused == {"taken": False, "error": "errcode_310000", "said": "sign not match"}
            wecom = f"{base}/cgi-bin/webhook/send?key=other"
            assert (await tested(kind="wecom", target=wecom))["said"] == "invalid webhook url"
            assert (await tested(kind="webhook", target=f"{base}/none"))["error"] == "http_404"
            assert (await tested(kind="email", target="team@example.com", language="zh"))["taken"]
            content = (await operations.get(CHANNELS)).json()["items"]
            assert [item["target"] for item in content if item["kind"] == "email"] == ["team@example.com"]
    assert "告警" in post.letters[0].get_content() and post.recipients == [["team@example.com"]]


async def test_the_calls_are_in_the_document(shop: ApiClient) -> None:
    paths = shop.app.openapi()["paths"]
    assert set(paths[CHANNELS]) == {"get", "post"}
    assert set(paths[f"{CHANNELS}/{{channel_id}}"]) == {"delete"}
    assert set(paths[f"{CHANNELS}/{{channel_id}}/test"]) == {"post"}
    assert "NewChannel" in shop.app.openapi()["components"]["schemas"]
