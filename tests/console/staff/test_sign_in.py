"""Signing in: who proves their identity gets a session, and nobody else learns anything."""

import asyncio
import json
import re
import time
from dataclasses import dataclass
from io import StringIO

import httpx
import pyotp
import pytest
from pydantic import SecretStr
from rich.console import Console

from api.console.staff import known_browsers
from api.console.staff.sign_in import local
from infra.security import passwords
from tests.api.conftest import ApiClient, open_api, settings_for, unique
from tests.api.staff.test_staff import NO_ADMINS
from tests.conftest import DatabaseUrls
from tests.console.conftest import StaffBrowser, sign_in
from workers.cli.staff import staff


@dataclass
class StaffSignIn:
    name: str
    password: str
    secret: str

    def code(self, steps: int = 0) -> str:
        return pyotp.TOTP(self.secret).generate_otp(int(time.time()) // 30 + steps)

    def form(self, **changed: str) -> dict[str, str]:
        return {"name": self.name, "password": self.password, "code": self.code(), **changed}


async def run_staff_command(command: str, urls: DatabaseUrls, *arguments: str) -> tuple[int, str]:
    """What `oms staff` says and ends with."""
    out = Console(file=StringIO(), soft_wrap=True)
    code = await asyncio.to_thread(getattr(staff, command), *arguments, settings_for(urls), out)
    return code, out.file.getvalue()  # type: ignore[attr-defined]


async def hired(urls: DatabaseUrls, role: str = "support") -> StaffSignIn:
    name = unique("amy")
    code, text = await run_staff_command("add", urls, name, role)
    assert code == 0, text
    found = {key: re.search(rf"{key}: +(\S+)", text) for key in ("Password", "Secret")}
    return StaffSignIn(name, found["Password"][1], found["Secret"][1])  # type: ignore[index]


@pytest.fixture
def browser(api: ApiClient) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=api.app), base_url="http://front.door")


async def test_with_password_and_code_a_session_begins(browser: httpx.AsyncClient, database_url: DatabaseUrls) -> None:
    member = await hired(database_url)
    sent = await browser.get("/console/stuck?step=book")
    assert (sent.status_code, sent.headers["location"]) == (
        303,
        "/console/sign-in?next=%2Fconsole%2Fstuck%3Fstep%3Dbook",
    )
    assert 'value="/console/stuck?step=book"' in (await browser.get(sent.headers["location"])).text
    answer = await browser.post("/console/sign-in", data=member.form(next="/console/stuck?step=book"))
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/stuck?step=book")
    cookie = answer.headers["set-cookie"].lower()
    assert all(part in cookie for part in ("httponly", "samesite=strict", "path=/console"))
    assert (await browser.get("/console/stuck")).status_code == 200


async def test_whatever_is_wrong_the_answer_is_the_same(browser: httpx.AsyncClient, database_url: DatabaseUrls) -> None:
    member = await hired(database_url)
    wrong = [
        member.form(password="not-the-password"),
        member.form(code="000000" if member.code() != "000000" else "000001"),
        {"name": unique("nobody"), "password": member.password, "code": member.code()},
        {"name": "a\0b", "password": "x", "code": "1"},
        {},
    ]
    answers = [await browser.post("/console/sign-in", data=form) for form in wrong]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.text for answer in answers}) == 1
    assert "set-cookie" not in answers[0].headers


async def test_a_code_opens_one_session(browser: httpx.AsyncClient, database_url: DatabaseUrls) -> None:
    member = await hired(database_url)
    form = member.form()
    answers = await asyncio.gather(*(browser.post("/console/sign-in", data=form) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [303, 401, 401]
    again = await browser.post("/console/sign-in", data=form)
    assert (again.status_code, "has already been used" in again.text) == (401, True)
    later = await browser.post("/console/sign-in", data=member.form(code=member.code(1)))
    assert later.status_code == 303  # the next step's code, from a clock that is ahead


async def test_wrong_attempts_have_to_wait(
    browser: httpx.AsyncClient, api: ApiClient, database_url: DatabaseUrls
) -> None:
    member = await hired(database_url)

    async def guess(times: int) -> list[int]:
        guesses = [browser.post("/console/sign-in", data=member.form(password=f"guess-{n}")) for n in range(times)]
        return [answer.status_code for answer in await asyncio.gather(*guesses)]

    async def locked_s() -> float:
        """How long the name was locked by its newest failure; then locks it for an hour, so that no machine is slow."""
        change = (
            "UPDATE sign_in_attempts a SET locked_until = now() + interval '1 h' FROM sign_in_attempts b"
            " WHERE a.name = %s AND a.source LIKE 'from %%' AND b.name = a.name AND b.source = a.source"
            " RETURNING extract(epoch FROM b.locked_until - b.tried_at) AS s"
        )
        return float((await api.sql(change, member.name))[0]["s"])

    passed = "UPDATE sign_in_attempts SET locked_until = now() WHERE name = %s"
    assert await guess(5) == [401] * 5
    assert await locked_s() == 2
    assert await guess(5) == [429] * 5
    right = await browser.post("/console/sign-in", data=member.form())
    assert right.status_code == 429 and 3500 < int(right.headers["retry-after"]) <= 3600
    assert "Too many failed attempts" in right.text
    await api.sql(passed, member.name)
    assert await guess(1) == [401]
    assert await locked_s() == 4
    assert (await browser.post("/console/sign-in", data=member.form())).status_code == 429
    await api.sql(passed, member.name)
    assert (await browser.post("/console/sign-in", data=member.form())).status_code == 303
    assert not await api.sql("SELECT 1 FROM sign_in_attempts WHERE name = %s", member.name)


async def elsewhere(api: ApiClient, address: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=api.app, client=(address, 5000))
    return httpx.AsyncClient(transport=transport, base_url="http://front.door")


async def test_a_stranger_locks_nobody_out(api: ApiClient, database_url: DatabaseUrls) -> None:
    """Neither at one address nor at many: who signed in before in this browser is not held up, who did not waits for
    a minute at most."""
    member = await hired(database_url)
    async with await elsewhere(api, "192.0.2.10") as own:
        assert (await own.post("/console/sign-in", data=member.form())).status_code == 303
        async with await elsewhere(api, "192.0.2.66") as stranger:
            guesses = [await stranger.post("/console/sign-in", data=member.form(password="no")) for _ in range(6)]
        assert [answer.status_code for answer in guesses] == [401] * 5 + [429]
        async with await elsewhere(api, "192.0.2.11") as fresh:
            assert (await fresh.post("/console/sign-in", data=member.form(code=member.code(1)))).status_code == 303
        many = (
            "INSERT INTO sign_in_attempts (name, source, failures, locked_until) VALUES (%s, '', 5000, '-infinity')"
            " ON CONFLICT (name, source) DO UPDATE SET failures = 5000"
        )
        await api.sql(many, member.name)
        async with await elsewhere(api, "192.0.2.67") as stranger:
            assert (await stranger.post("/console/sign-in", data=member.form(password="no"))).status_code == 401
            held = await stranger.post("/console/sign-in", data=member.form(password="no"))
            assert (held.status_code, 0 < int(held.headers["retry-after"]) <= 60) == (429, True)
        await api.sql("UPDATE staff SET totp_step = 0 WHERE name = %s", member.name)
        assert (await own.post("/console/sign-in", data=member.form())).status_code == 303


async def test_an_address_has_so_many_wrong_attempts_under_all_names(
    api: ApiClient, database_url: DatabaseUrls
) -> None:
    async with await elsewhere(api, "192.0.2.99") as stranger:
        forms = [{"name": unique("ghost"), "password": "x", "code": "123456"} for _ in range(33)]
        codes = [(await stranger.post("/console/sign-in", data=form)).status_code for form in forms]
        assert codes == [401] * 31 + [429] * 2
        member = await hired(database_url)
        await api.sql(
            "UPDATE sign_in_attempts SET locked_until = now(), failures = 5 WHERE source LIKE %s", "address %"
        )
        assert (await stranger.post("/console/sign-in", data=member.form())).status_code == 303
        left = await api.sql("SELECT failures FROM sign_in_attempts WHERE source = %s", "address 192.0.2.99")
        assert left == [{"failures": 5}]  # a good attempt does not count


@pytest.mark.parametrize("cookie", ["", "x", "1.2.3", "9999999999.aa.bb"])
def test_a_device_cookie_is_its_names_alone(cookie: str) -> None:
    secret = SecretStr("s" * 32)
    own = known_browsers.new(secret, "amy")
    assert known_browsers.known(secret, "amy", own) == own
    assert known_browsers.known(secret, "bob", own) is None
    assert known_browsers.known(SecretStr("t" * 32), "amy", own) is None
    assert known_browsers.known(secret, "amy", cookie) is None


async def test_a_sign_in_form_from_elsewhere_is_refused(browser: httpx.AsyncClient, database_url: DatabaseUrls) -> None:
    member = await hired(database_url)
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://[::1"},
        {"Sec-Fetch-Site": "cross-site"},
    ):
        answer = await browser.post("/console/sign-in", data=member.form(), headers=headers)
        assert (answer.status_code, "set-cookie" in answer.headers) == (403, False), headers
    own = await browser.post("/console/sign-in", data=member.form(), headers={"Origin": "http://front.door"})
    assert own.status_code == 303


async def test_cookies_are_secure_where_people_use_https(database_url: DatabaseUrls) -> None:
    member = await hired(database_url)
    async with open_api(database_url, console_url="https://staff.shop.example") as behind:
        answer = await behind.http.post(
            "/console/sign-in", data=member.form(), headers={"Origin": "https://staff.shop.example"}
        )
    assert answer.status_code == 303
    cookies = answer.headers.get_list("set-cookie")
    assert len(cookies) == 2 and all("secure" in cookie.lower() for cookie in cookies)
    assert answer.headers["strict-transport-security"] == "max-age=31536000"


async def test_a_name_that_nobody_has_is_locked_alike(browser: httpx.AsyncClient, api: ApiClient) -> None:
    form = {"name": unique("ghost"), "password": "x", "code": "123456"}
    answers = [await browser.post("/console/sign-in", data=form) for _ in range(5)]
    # The two seconds may pass before a busy machine sends the next attempt.
    longer = "UPDATE sign_in_attempts SET locked_until = now() + interval '1 hour' WHERE name LIKE %s AND failures = 5"
    await api.sql(f"{longer} AND locked_until > '-infinity'", "?%")
    answers.append(await browser.post("/console/sign-in", data=form))
    assert [answer.status_code for answer in answers] == [401] * 5 + [429]


@pytest.mark.parametrize(
    "change",
    ["seen_at = now() - interval '31 minutes'", "expires_at = now()"],
    ids=["idle", "old"],
)
async def test_a_session_ends(support: StaffBrowser, change: str) -> None:
    assert (await support.get("/console/stuck")).status_code == 200
    await support.api.sql(f"UPDATE staff_sessions SET {change} WHERE name = %s", support.name)
    assert (await support.get("/console/stuck")).status_code == 303
    assert (await support.http.get("/console/stuck", headers={"X-Live": "1"})).status_code == 401


async def test_polling_keeps_no_session_open(support: StaffBrowser) -> None:
    """Every open page polls the counts; an unattended browser is signed out all the same."""
    seen = "SELECT seen_at < now() - interval '20 minutes' AS idle FROM staff_sessions WHERE name = %s"
    await support.api.sql(
        "UPDATE staff_sessions SET seen_at = now() - interval '25 minutes' WHERE name = %s", support.name
    )
    assert (await support.get("/console/counts")).status_code == 200
    assert (await support.api.sql(seen, support.name))[0]["idle"]
    assert (await support.get("/console/stuck")).status_code == 200
    assert not (await support.api.sql(seen, support.name))[0]["idle"]


async def test_signing_out_ends_it_and_needs_the_form(support: StaffBrowser) -> None:
    refused = await support.http.post("/console/sign-out", data={"csrf": "0" * 32})
    assert (refused.status_code, "form_expired" in refused.text) == (403, True)
    assert (await support.post("/console/sign-out")).status_code == 303
    support.http.cookies.set("oms_session", support.cookie, path="/console")
    assert (await support.get("/console/stuck")).status_code == 303


async def test_whoever_is_removed_is_out_at_once(support: StaffBrowser, database_url: DatabaseUrls) -> None:
    assert (await run_staff_command("remove", database_url, support.name))[0] == 0
    assert (await support.get("/console/stuck")).status_code == 303
    assert (await run_staff_command("remove", database_url, support.name))[0] == 1


async def test_a_reset_ends_sessions_and_gives_new_secrets(
    browser: httpx.AsyncClient, database_url: DatabaseUrls, api: ApiClient
) -> None:
    member = await hired(database_url)
    assert (await browser.post("/console/sign-in", data=member.form())).status_code == 303
    code, text = await run_staff_command("reset", database_url, member.name)
    assert (code, member.password in text) == (0, False)
    assert (await browser.get("/console/stuck")).status_code == 303
    assert (await browser.post("/console/sign-in", data=member.form())).status_code == 401


@pytest.mark.parametrize(
    ("name", "role", "why"),
    [("Amy!", "support", "small letters"), ("amy", "customer", "none of"), ("amy", "boss", "none of")],
)
async def test_who_cannot_be_added(database_url: DatabaseUrls, name: str, role: str, why: str) -> None:
    code, text = await run_staff_command("add", database_url, name, role)
    assert (code, why in text) == (1, True)


async def test_a_name_is_given_once_and_listed(database_url: DatabaseUrls) -> None:
    member = await hired(database_url, "finance")
    code, text = await run_staff_command("add", database_url, member.name, "support")
    assert (code, "names are not given twice" in text) == (1, True)
    assert member.name in (await run_staff_command("list_members", database_url))[1]


async def test_for_programs_secrets_and_removals_are_json(
    database_url: DatabaseUrls, api: ApiClient, capsys: pytest.CaptureFixture[str]
) -> None:
    await api.sql(NO_ADMINS)
    settings, name = settings_for(database_url), unique("eve")
    assert await asyncio.to_thread(staff.add, name, "admin", settings, as_json=True) == 0
    assert set(json.loads(capsys.readouterr().out)) == {"name", "role", "password", "secret", "address"}
    assert await asyncio.to_thread(staff.remove, name, settings, as_json=True) == 1
    refused = capsys.readouterr()
    assert (refused.out, "the only admin who can sign in" in refused.err) == ("", True)
    assert await asyncio.to_thread(staff.remove, name, settings, even_last_admin=True, as_json=True) == 0
    assert json.loads(capsys.readouterr().out) == {"name": name, "active": False}


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example",
        "//evil.example/console",
        "/\\evil.example",
        "/consoles",
        "/console/../v1",
        "",
        "/console/\n",
    ],
)
def test_no_address_leads_elsewhere(target: str) -> None:
    assert local(target) == "/console"


def test_a_code_counts_one_step_to_either_side() -> None:
    secret = passwords.new_secret()
    now = 1_800_000_000.0
    for offset, step in ((-2, None), (-1, 59_999_999), (0, 60_000_000), (1, 60_000_001), (2, None)):
        assert passwords.step_of(secret, pyotp.TOTP(secret).generate_otp(60_000_000 + offset), now) == step
    # RFC 6238's own example, its last six digits.
    assert pyotp.TOTP("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").generate_otp(1) == "287082"


async def test_the_language_is_the_readers(browser: httpx.AsyncClient, api: ApiClient) -> None:
    chinese = await browser.get("/console/sign-in", headers={"accept-language": "zh-CN,zh;q=0.9"})
    assert "登录" in chinese.text and 'lang="zh-CN"' in chinese.text
    chosen = await browser.get("/console/language/zh", headers={"referer": "http://front.door/console/stuck?a=1"})
    assert chosen.headers["location"] == "/console/stuck?a=1"
    assert "登录" in (await browser.get("/console/sign-in")).text
    assert (await browser.get("/console/language/xx")).status_code == 404


async def test_pages_forbid_everything_from_elsewhere(browser: httpx.AsyncClient) -> None:
    policy = (await browser.get("/console/sign-in")).headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy


async def test_another_role_may_not_see_the_queue(shop: ApiClient) -> None:
    for role in ("warehouse", "finance"):
        member = await sign_in(shop, role)
        assert (await member.get("/console/stuck")).status_code == 403
