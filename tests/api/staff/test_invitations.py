"""Links that admins hand to staff, roles, and the admin who always remains."""

import asyncio
from typing import Any

import psycopg
import pytest

from tests.api.conftest import ApiClient, open_api, unique
from tests.api.staff.test_staff import NO_ADMINS, admin, hired, readable, signs_in
from tests.conftest import DatabaseUrls
from tests.infra.alerts.alert_servers import mail_server

__all__ = ["admin"]


async def test_a_link_is_shown_once_and_kept_as_a_hash(admin: ApiClient, database_url: DatabaseUrls) -> None:
    key, address = unique("key"), f"{unique('new')}@shop.example"
    body = {"role": "support", "name": unique("joan"), "email": address}
    first, again = [await admin.post("/v1/staff/invitations", body, key=key) for _ in range(2)]
    assert first.status_code == 201, first.text
    made = first.json()
    token = made["link"].partition("token=")[2]
    assert made["link"].endswith(f"/console/join?token={token}") and len(token) >= 40
    assert (made["sent"], made["send_error"]) == (False, "email_not_configured")
    assert "link" not in again.json() and again.json()["note"]
    assert await readable(database_url.owner_url, [token, address, address.encode().hex()]) == []
    listed = (await admin.get("/v1/staff/invitations")).json()["items"]
    mine = next(one for one in listed if one["invitation_id"] == made["invitation_id"])
    assert (mine["email"], mine["name"], mine["invited_by"], mine["purpose"]) == (
        address,
        body["name"],
        "admin:root",
        "join",
    )
    path = f"/v1/staff/invitations/{made['invitation_id']}/revoke"
    assert (await admin.post(path)).json() == {"invitation_id": made["invitation_id"], "revoked": True}
    assert (await admin.post(path)).json()["code"] == "invitation_not_found"
    entries = await admin.sql(
        "SELECT actor, action, after FROM audit_log WHERE reference = %s ORDER BY entry_id", made["invitation_id"]
    )
    assert [(row["actor"], row["action"]) for row in entries] == [
        ("admin:root", "invitation_added"),
        ("admin:root", "invitation_changed"),
    ]
    assert token not in str(entries) and address not in str(entries)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"role": "boss"}, "'admin'"),
        ({"role": "support", "name": "Amy!"}, "small letters"),
        ({"role": "support", "email": "a@b.example\r\nBcc: c@d.example"}, "e-mail"),
        ({"role": "support", "email": "no address"}, "e-mail"),
        ({"role": "support", "more": 1}, "more"),
        ({}, "role"),
    ],
)
async def test_an_invitation_that_makes_no_sense_is_refused(admin: ApiClient, body: Any, why: str) -> None:
    answer = await admin.post("/v1/staff/invitations", body)
    assert (answer.status_code, why in answer.text) == (422, True), answer.text


async def test_nobody_is_invited_under_a_name_that_is_taken(admin: ApiClient) -> None:
    given = await hired(admin)
    answer = await admin.post("/v1/staff/invitations", {"role": "support", "name": given["name"]})
    assert (answer.status_code, answer.json()["code"]) == (409, "staff_exists")


async def test_a_role_changes_by_another_admin_alone(admin: ApiClient) -> None:
    given = await hired(admin)
    path = f"/v1/staff/{given['name']}/role"
    assert (await admin.post(path, {"role": "finance"})).json() == {"name": given["name"], "role": "finance"}
    own = await admin.as_("admin", given["name"]).post(path, {"role": "admin"})
    assert (own.status_code, own.json()["code"]) == (403, "own_role")
    assert (await admin.post("/v1/staff/nobody/role", {"role": "finance"})).json()["code"] == "staff_not_found"
    entries = await admin.sql("SELECT actor, action, after FROM audit_log WHERE reference = %s", given["name"])
    assert ("admin:root", "staff_changed", '{"role": "finance"}') in [tuple(row.values()) for row in entries]


@pytest.mark.parametrize("actor", ["support:bob", "admin:{name}", ""])
async def test_the_database_lets_nobody_raise_their_own_role(
    admin: ApiClient,
    database_url: DatabaseUrls,
    actor: str,
) -> None:
    name = (await hired(admin))["name"]
    with pytest.raises(psycopg.Error) as refused:
        async with await psycopg.AsyncConnection.connect(database_url.app_url) as conn:
            await conn.execute("SELECT set_config('oms.actor', %s, true)", (actor.format(name=name),))
            await conn.execute("SELECT change_staff_role(%s, 'admin')", (name,))
    assert refused.value.sqlstate == "OM020"


async def test_the_last_admin_is_never_demoted(admin: ApiClient) -> None:
    await admin.sql(NO_ADMINS)
    both = [(await hired(admin, "admin"))["name"] for _ in range(2)]
    answers = await asyncio.gather(*(admin.post(f"/v1/staff/{name}/role", {"role": "support"}) for name in both))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert {answer.json().get("code") for answer in answers} == {None, "last_admin"}


async def test_two_connections_that_demote_at_once_leave_an_admin(
    admin: ApiClient,
    database_url: DatabaseUrls,
) -> None:
    """The guard of the database alone: the second waits for the first and then sees what is left."""
    await admin.sql(NO_ADMINS)
    both = [(await hired(admin, "admin"))["name"] for _ in range(2)]

    demoted = "UPDATE staff SET active = false WHERE name = %s"
    one = await psycopg.AsyncConnection.connect(database_url.app_url)
    other = await psycopg.AsyncConnection.connect(database_url.app_url)
    async with one, other:
        await one.execute(demoted, (both[0],))
        waiting = asyncio.create_task(other.execute(demoted, (both[1],)))
        held = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND pid = %s"
        async with asyncio.timeout(60):
            while not await admin.sql(held, other.info.backend_pid):
                await asyncio.sleep(0)
        await one.commit()
        with pytest.raises(psycopg.Error) as refused:
            await waiting
        assert refused.value.sqlstate == "OM019"
        await other.rollback()


async def test_who_is_deactivated_comes_back_with_what_they_had(admin: ApiClient) -> None:
    given = await hired(admin)
    path = f"/v1/staff/{given['name']}"
    assert (await admin.post(f"{path}/reactivate")).json()["code"] == "staff_not_found"
    await admin.post(f"{path}/remove")
    assert not await signs_in(admin, given)
    assert (await admin.post(f"{path}/reactivate")).json() == {"name": given["name"], "active": True}
    assert await signs_in(admin, given)
    assert (await admin.post(f"{path}/sign-out")).json() == {"name": given["name"], "ended": 1}
    assert (await admin.post("/v1/staff/nobody/sign-out")).json()["code"] == "staff_not_found"


@pytest.mark.parametrize("act", ["remove", "role"])
async def test_who_is_an_admin_no_more_has_no_open_invitations(admin: ApiClient, act: str) -> None:
    """A link that was kept would let them in again under another name."""
    name = (await hired(admin, "admin"))["name"]
    link = (await admin.as_("admin", name).post("/v1/staff/invitations", {"role": "admin"})).json()["link"]
    page = f"/console/join?{link.partition('?')[2]}"
    assert (await admin.http.get(page)).status_code == 200
    body = {"role": "support"} if act == "role" else None
    assert (await admin.post(f"/v1/staff/{name}/{act}", body)).status_code == 200
    assert (await admin.http.get(page)).status_code == 404


async def test_a_second_factor_is_reset_by_another_admin(admin: ApiClient) -> None:
    given = await hired(admin)
    assert await signs_in(admin, given)
    path = f"/v1/staff/{given['name']}/second-factor/reset"
    own = await admin.as_("admin", given["name"]).post(path)
    assert (own.status_code, own.json()["code"]) == (403, "own_role")
    first = (await admin.post(path)).json()
    second = (await admin.post(path, {"email": "a@shop.example"})).json()
    assert "/console/join?token=" in first["link"] and first["link"] != second["link"]
    assert not await signs_in(admin, given)
    shown = next(row for row in (await admin.get("/v1/staff")).json()["items"] if row["name"] == given["name"])
    assert (shown["totp_set"], shown["passkeys"], shown["sessions"]) == (False, 0, 0)
    links = (await admin.get("/v1/staff/invitations")).json()["items"]
    assert [one["invitation_id"] for one in links if one["name"] == given["name"]] == [second["invitation_id"]]
    entries = await admin.sql("SELECT action FROM audit_log WHERE reference = %s", given["name"])
    assert {"staff_second_factor_changed", "session_ended"} <= {row["action"] for row in entries}


async def test_a_link_is_sent_where_a_mail_server_is_configured(database_url: DatabaseUrls) -> None:
    async with mail_server() as post:
        mail = {"smtp_host": "127.0.0.1", "smtp_port": post.port, "smtp_from": "oms@example.com", "smtp_tls": "none"}
        async with open_api(database_url, console_url="https://staff.shop.example", **mail) as api:
            admin, body = api.as_("admin", "root"), {"role": "support", "email": "new@shop.example"}
            made = (await admin.post("/v1/staff/invitations", body, key="sent once")).json()
            assert (made["sent"], made["send_error"]) == (True, None)
            await admin.post("/v1/staff/invitations", body, key="sent once")
            post.refuse = "550 nobody here"
            refused = (await admin.post("/v1/staff/invitations", body)).json()
            assert (refused["sent"], refused["send_error"]) == (False, "smtp_550") and refused["link"]
    (letter,) = post.letters
    assert made["link"].startswith("https://staff.shop.example/console/join?token=")
    assert letter["To"] == "new@shop.example" and made["link"] in letter.get_content()
