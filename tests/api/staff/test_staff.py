"""Staff and tokens by the API, and by `oms staff` and `oms token` with its address: admins only, secrets shown once."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import psycopg
import pyotp
import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from api.idempotency import NOT_AGAIN
from infra.security.crypto import Vault
from tests.api.conftest import ApiClient, settings_for, unique
from tests.conftest import DatabaseUrls
from tests.infra.servers import serving
from workers.cli.staff import staff_commands, token_commands

Oms = Callable[..., Awaitable[Result]]
NO_ADMINS = (
    "UPDATE staff SET active = false FROM set_config('oms.even_last_admin', 'on', true) WHERE role = 'admin'"
    " RETURNING name"
)
SECRETS = ("password", "secret", "address", "token")


@pytest.fixture
def admin(api: ApiClient) -> ApiClient:
    return api.as_("admin", "root")


async def hired(admin: ApiClient, role: str = "support") -> dict[str, Any]:
    answer = await admin.post("/v1/staff", {"name": unique("amy"), "role": role})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def signs_in(api: ApiClient, given: dict[str, Any]) -> bool:
    code = pyotp.TOTP(given["secret"]).generate_otp(int(time.time()) // 30)
    form = {"name": given["name"], "password": given["password"], "code": code}
    return (await api.http.post("/console/sign-in", data=form)).status_code == 303


async def readable(owner_url: str, wanted: list[str]) -> list[str]:
    """The tables in which one of these can be read."""
    found = []
    async with await psycopg.AsyncConnection.connect(owner_url) as connection:
        tables = await connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in await tables.fetchall():
            like = " OR ".join(["t::text LIKE %s"] * len(wanted))
            looked = f"SELECT 1 FROM {table} t WHERE {like} LIMIT 1"
            if await (await connection.execute(looked.encode(), [f"%{one}%" for one in wanted])).fetchone():
                found.append(table)
    return found


@pytest.mark.parametrize("action", ["add", "reset", "token"])
async def test_secrets_are_in_the_first_answer_alone_and_kept_nowhere(
    admin: ApiClient, database_url: DatabaseUrls, action: str
) -> None:
    key, path, body = unique("key"), "/v1/staff", {"name": unique("bo"), "role": "support"}
    if action == "reset":
        path, body = f"/v1/staff/{(await hired(admin))['name']}/reset", {}
    elif action == "token":
        path, body = "/v1/tokens", {"role": "support", "subject": unique("bo")}
    first, again = [await admin.post(path, body, key=key) for _ in range(2)]
    content = {name: value for name, value in first.json().items() if name in SECRETS}
    assert len(content) == (1 if action == "token" else 3)
    assert (again.status_code, again.headers["idempotent-replayed"]) == (first.status_code, "true")
    assert again.json() == {
        **{name: value for name, value in first.json().items() if name not in content},
        "note": NOT_AGAIN,
    }
    row = (await admin.sql("SELECT response_enc FROM idempotency_keys WHERE key = %s", key))[0]
    stored = Vault.from_settings(settings_for(database_url)).open_answer(
        bytes(row["response_enc"]), f"admin:root:{key}:answer"
    )
    values = [str(value) for value in content.values()]
    assert NOT_AGAIN in stored.decode() and not [value for value in values if value in stored.decode()]
    assert await readable(database_url.owner_url, values) == []


async def test_who_was_added_signs_in_until_reset_and_removed(admin: ApiClient) -> None:
    given = await hired(admin)
    assert await signs_in(admin, given)
    path = f"/v1/staff/{given['name']}"
    other = (await admin.post(f"{path}/reset")).json()
    assert other["password"] != given["password"] and not await signs_in(admin, given)
    assert await signs_in(admin, other)
    assert await admin.sql("SELECT 1 FROM staff_sessions WHERE name = %s", given["name"])
    assert (await admin.post(f"{path}/remove")).json() == {"name": given["name"], "active": False}
    assert not await admin.sql("SELECT 1 FROM staff_sessions WHERE name = %s", given["name"])
    listed = (await admin.get("/v1/staff")).json()["items"]
    assert [row["active"] for row in listed if row["name"] == given["name"]] == [False]
    assert not [name for name in SECRETS if name in json.dumps(listed)]
    for action in ("reset", "remove"):
        assert (await admin.post(f"{path}/{action}")).json()["code"] == "staff_not_found"
    again = await admin.post("/v1/staff", {"name": given["name"], "role": "support"})
    assert (again.status_code, again.json()["code"]) == (409, "staff_exists")


async def test_the_audit_log_says_who_and_where_from(admin: ApiClient) -> None:
    given, token = await hired(admin), await admin.post("/v1/tokens", {"role": "customer", "customer": "c-9"})
    await admin.post(f"/v1/staff/{given['name']}/reset")
    await admin.post(f"/v1/staff/{given['name']}/remove")
    found = await admin.sql(
        "SELECT actor, origin, action FROM audit_log WHERE reference IN (%s, %s) ORDER BY entry_id",
        given["name"],
        token.json()["token_id"],
    )
    actions = ["staff_added", "token_added", "staff_reset", "staff_removed"]
    assert [row["action"] for row in found] == actions
    assert {row["actor"] for row in found} == {"admin:root"}
    assert all(row["origin"].startswith("api ") for row in found)


@pytest.mark.parametrize("action", ["reset", "remove"])
async def test_the_last_admin_is_let_go_only_when_it_is_said(admin: ApiClient, action: str) -> None:
    await admin.sql(NO_ADMINS)
    one = await hired(admin, "admin")
    path = f"/v1/staff/{one['name']}/{action}"
    refused = await admin.post(path, {})
    assert (refused.status_code, refused.json()["code"]) == (409, "last_admin")
    assert await signs_in(admin, one)
    assert (await admin.post(path, {"even_last_admin": True})).status_code == 200


async def test_two_admins_who_leave_at_once_leave_one(admin: ApiClient) -> None:
    await admin.sql(NO_ADMINS)
    both = [(await hired(admin, "admin"))["name"] for _ in range(2)]
    answers = await asyncio.gather(*(admin.post(f"/v1/staff/{name}/remove") for name in both))
    assert sorted(answer.status_code for answer in answers) == [200, 409]


@pytest.mark.parametrize("name", ["%00", "Amy", "a%0A", "x" * 33, "nobody"])
async def test_an_unknown_name_is_not_found(admin: ApiClient, name: str) -> None:
    answer = await admin.post(f"/v1/staff/{name}/remove")
    assert (answer.status_code, answer.json()["code"]) == (404, "staff_not_found")


@pytest.mark.parametrize(
    ("path", "body", "why"),
    [
        ("/v1/staff", {"name": "Amy!", "role": "support"}, "small letters"),
        ("/v1/staff", {"name": "amy\n", "role": "support"}, "small letters"),
        ("/v1/staff", {"name": "amy", "role": "customer"}, "'admin'"),
        ("/v1/tokens", {"role": "support"}, "either a subject or a customer"),
        ("/v1/tokens", {"role": "customer", "subject": "c-1", "customer": "c-2"}, "either a subject or a customer"),
        ("/v1/tokens", {"role": "support", "customer": "c-2"}, "name a subject"),
        ("/v1/tokens", {"role": "support", "subject": "a/b"}, "no slash"),
        ("/v1/tokens", {"role": "boss", "subject": "a"}, "'admin'"),
        ("/v1/tokens", {"role": "support", "subject": "a", "lifetime_s": 0}, "at least 1"),
        ("/v1/tokens", {"role": "support", "subject": "a", "lifetime_s": 10**12}, "at most"),
    ],
)
async def test_what_makes_no_sense_is_refused_in_words(admin: ApiClient, path: str, body: Any, why: str) -> None:
    answer = await admin.post(path, body)
    assert (answer.status_code, why in answer.json()["detail"]) == (422, True), answer.text


async def test_a_token_is_for_whom_it_names_and_for_as_long(admin: ApiClient) -> None:
    issued = (await admin.post("/v1/tokens", {"role": "customer", "customer": "c-8", "lifetime_s": 60})).json()
    mine = ApiClient(admin.app, admin.http, admin.owner_url, {"Authorization": f"Bearer {issued['token']}"})
    assert (await mine.get("/v1/orders")).status_code == 200
    assert (await mine.get("/v1/tokens")).status_code == 403
    listed = (await admin.get("/v1/tokens", subject="c-8")).json()["items"][0]
    assert (listed["token_id"], listed["issued_by"]) == (issued["token_id"], "admin:root")
    await admin.post(f"/v1/tokens/{issued['token_id']}/revoke")
    assert (await mine.get("/v1/orders")).json()["code"] == "token_revoked"


# ── the same from a terminal ───────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
async def oms(admin: ApiClient) -> AsyncIterator[Oms]:
    """Runs `oms staff …` or `oms token …` by the API's address and a token of an admin."""
    bearer = admin.headers["Authorization"].removeprefix("Bearer ")

    async with serving(admin.app) as base:

        async def run(app: typer.Typer, *arguments: str, token: str = bearer) -> Result:
            environment = {"OMS_API_URL": base, "OMS_API_TOKEN": token, "COLUMNS": "200"}
            return await asyncio.to_thread(CliRunner(env=environment).invoke, app, arguments, catch_exceptions=False)

        yield run


async def test_oms_staff_works_by_address_and_token(oms: Oms, admin: ApiClient) -> None:
    name, staff = unique("cy"), staff_commands.app
    given = json.loads((await oms(staff, "add", name, "--role", "support", "--json")).stdout)
    assert (given["name"], given["role"]) == (name, "support") and await signs_in(admin, given)
    reset = await oms(staff, "reset", name)
    assert "Password:  " in reset.stdout and "otpauth://" in reset.stdout and given["password"] not in reset.stdout
    listed = {row["name"]: row for row in json.loads((await oms(staff, "list", "--json")).stdout)}
    assert listed[name]["active"] and name in (await oms(staff, "list")).stdout
    removed = await oms(staff, "remove", name, "--json")
    assert json.loads(removed.stdout) == {"name": name, "active": False}
    again = await oms(staff, "remove", name)
    assert (again.exit_code, again.stdout, "staff_not_found" in again.stderr) == (1, "", True)
    for wrong in (["add", "Amy!", "--role", "support"], ["add", "amy", "--role", "boss"], ["reset", ".."]):
        assert (await oms(staff, *wrong)).exit_code == 1


async def test_oms_staff_tells_of_the_last_admin(oms: Oms, admin: ApiClient) -> None:
    await admin.sql(NO_ADMINS)
    name = (await hired(admin, "admin"))["name"]
    refused = await oms(staff_commands.app, "remove", name)
    assert (refused.exit_code, "the only admin" in refused.stderr) == (1, True)
    assert (await oms(staff_commands.app, "remove", name, "--even-last-admin")).exit_code == 0


async def test_oms_token_works_by_address_and_token(oms: Oms, admin: ApiClient) -> None:
    token = token_commands.app
    result = await oms(token, "--role", "customer", "--customer", "c-5", "--lifetime-s", "60", "--json")
    issued = json.loads(result.stdout)
    assert (issued["role"], issued["subject"]) == ("customer", "c-5") and issued["expires_at"].endswith("Z")
    plain = (await oms(token, "--role", "support")).stdout.strip()
    mine = ApiClient(admin.app, admin.http, admin.owner_url, {"Authorization": f"Bearer {plain}"})
    assert (await mine.get("/v1/support/stuck")).status_code == 200
    for command in (("--role", "admin"), ("list",)):
        refused = await oms(token, *command, token=plain)
        assert (refused.exit_code, "forbidden" in refused.stderr) == (1, True)
    assert "forbidden" in (await oms(staff_commands.app, "list", token=plain)).stderr
    before = await oms(token, "--api", "http://127.0.0.1:1", "list")
    assert (before.exit_code, "goes behind list" in before.stderr) == (2, True)
