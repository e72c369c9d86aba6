"""Settings, Staff; the link of an invitation; My account."""

import asyncio
import html
import re
import time
from functools import lru_cache

import httpx
import pyotp
import pytest

from infra.db.staff import members, staff_sessions
from infra.security import passwords
from tests.api.conftest import ApiClient, unique
from tests.console.conftest import StaffBrowser, sign_in

PASSWORD = "copper lantern tide"
Form = dict[str, str]


@pytest.fixture
async def admin(shop: ApiClient) -> StaffBrowser:
    return await sign_in(shop, "admin")


@pytest.fixture
def visitor(shop: ApiClient) -> httpx.AsyncClient:
    """A browser in which nobody is signed in."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=shop.app), base_url="http://front.door")


def hidden(page: str, name: str) -> str:
    return html.unescape(re.findall(rf'name="{name}" value="([^"]*)"', page)[0])


def link_in(page: str) -> str:
    return html.unescape(re.findall(r'readonly value="([^"]*)"', page)[0])


def code_of(page: str, steps: int = 0) -> str:
    """What the app shows for the key of this page."""
    secret = re.findall(r"<code>([A-Z2-7]{32})</code>", page)[0]
    return pyotp.TOTP(secret).generate_otp(int(time.time()) // 30 + steps)


async def invited(admin: StaffBrowser, **fields: str) -> str:
    """The path of a new link."""
    answer = await admin.post("/console/settings/staff/invite", **{"role": "support", **fields})
    assert answer.status_code == 200, answer.text
    return "/console/join" + link_in(answer.text).partition("/console/join")[2]


async def joined(admin: StaffBrowser, visitor: httpx.AsyncClient, role: str = "support") -> str:
    """Somebody new, signed in as `visitor`: their name."""
    path, name = await invited(admin, role=role), unique("joan")
    page = (await visitor.get(path)).text
    form = {"token": path.partition("token=")[2], "sealed": hidden(page, "sealed"), "name": name}
    form |= {"password": PASSWORD, "again": PASSWORD, "code": code_of(page)}
    answer = await visitor.post("/console/join", data=form)
    assert answer.status_code == 200, answer.text
    return name


async def test_who_is_invited_joins_with_own_password_and_second_factor(
    admin: StaffBrowser, visitor: httpx.AsyncClient
) -> None:
    path, name = await invited(admin, role="finance", name=unique("fay")), unique("fay")
    page = (await visitor.get(path)).text
    assert "You are invited as finance" in page and "<svg" in page
    form: Form = {"token": path.partition("token=")[2], "sealed": hidden(page, "sealed")}
    wrong = {**form, "name": name, "password": "short", "again": "", "code": "000000"}
    refused = await visitor.post("/console/join", data=wrong)
    assert refused.status_code == 422 and f'value="{name}"' in refused.text
    assert "12 to 200 characters" in refused.text and "The code is incorrect" in refused.text
    assert hidden(refused.text, "sealed") and code_of(refused.text) == code_of(page), "the scanned picture stays valid"
    right = {**form, "name": name.upper(), "password": PASSWORD, "again": PASSWORD, "code": code_of(page)}
    answer = await visitor.post("/console/join", data=right)
    assert answer.status_code == 200 and len(re.findall(r"<code>[a-z2-9]{5}-[a-z2-9]{5}</code>", answer.text)) == 10
    assert (await visitor.get("/console/account")).status_code == 200
    again = await visitor.get(path)
    assert (again.status_code, "This link cannot be used" in again.text) == (404, True)
    assert (await visitor.post("/console/join", data=right)).status_code == 404
    row = (await admin.api.sql("SELECT role, totp_set FROM staff WHERE name = %s", name))[0]
    assert row == {"role": "finance", "totp_set": True}


async def test_a_link_is_used_once_by_two_at_once(admin: StaffBrowser, visitor: httpx.AsyncClient) -> None:
    path = await invited(admin)
    page = (await visitor.get(path)).text
    form = {"token": path.partition("token=")[2], "sealed": hidden(page, "sealed"), "code": code_of(page)}
    names = [unique("two"), unique("two")]
    forms = [{**form, "name": name, "password": PASSWORD, "again": PASSWORD} for name in names]
    answers = await asyncio.gather(*(visitor.post("/console/join", data=one) for one in forms))
    assert sorted(answer.status_code for answer in answers) == [200, 404]
    assert len(await admin.api.sql("SELECT 1 FROM staff WHERE name = ANY(%s)", names)) == 1


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("name", "Amy Smith", "lower-case letters"),
        ("name", "{taken}", "is or was in use"),
        ("password", "aaaaaaaaaaaaaaaa", "too easy"),
        ("again", "another one", "passwords differ"),
        ("code", "１２３４５６", "code is incorrect"),
        ("sealed", "00ff", "code is incorrect"),
    ],
)
async def test_what_does_not_do_is_said_at_the_field(
    admin: StaffBrowser, visitor: httpx.AsyncClient, field: str, typed: str, said: str
) -> None:
    path = await invited(admin)
    page = (await visitor.get(path)).text
    form = {"token": path.partition("token=")[2], "sealed": hidden(page, "sealed"), "name": unique("kim")}
    form |= {"password": PASSWORD, "again": PASSWORD, "code": code_of(page)}
    answer = await visitor.post("/console/join", data={**form, field: typed.format(taken=admin.name)})
    assert (answer.status_code, said in answer.text) == (422, True), answer.text
    assert (await visitor.get(path)).status_code == 200, "a refusal does not use the link up"


async def test_a_link_that_is_revoked_or_none_opens_nothing(admin: StaffBrowser, visitor: httpx.AsyncClient) -> None:
    path = await invited(admin)
    page = (await admin.get("/console/settings/staff")).text
    action = re.findall(r'action="(/console/settings/staff/invitations/inv_[0-9a-f]+/revoke)"', page)[0]
    assert (await admin.post(action)).status_code == 303
    for target in (path, "/console/join", "/console/join?token=" + "x" * 43, "/console/join?token=%00"):
        answer = await visitor.get(target)
        assert (answer.status_code, "This link cannot be used" in answer.text) == (404, True)


async def test_the_page_of_staff_is_for_admins(admin: StaffBrowser, support: StaffBrowser) -> None:
    for path in ("/console/settings/staff", f"/console/settings/staff/{support.name}"):
        assert (await admin.get(path)).status_code == 200
        assert (await support.get(path)).status_code == 403
    for path in ("invite", f"{support.name}/role", f"{support.name}/deactivate", f"{support.name}/second-factor"):
        answer = await support.post(f"/console/settings/staff/{path}", role="admin")
        assert answer.status_code == 403
    index = await support.get("/console/settings")
    assert "/console/account" in index.text and 'href="/console/settings/staff"' not in index.text
    assert 'href="/console/settings/staff"' in (await admin.get("/console/settings")).text


async def test_an_invitation_that_is_refused_keeps_what_was_typed(admin: StaffBrowser) -> None:
    typed = {"role": "finance", "name": "no good!", "email": "nowhere"}
    answer = await admin.post("/console/settings/staff/invite", **typed)
    assert answer.status_code == 422 and answer.text.count("is-invalid") == 2
    assert 'value="no good!"' in answer.text and 'value="nowhere"' in answer.text
    assert '<option value="finance" selected>' in answer.text


async def test_role_access_and_sessions_change_on_the_page_of_a_member(
    admin: StaffBrowser, support: StaffBrowser
) -> None:
    path = f"/console/settings/staff/{support.name}"
    assert (await admin.post(f"{path}/role", role="finance")).headers["location"] == path
    shown = await admin.get(path)
    assert f"Role of {support.name} changed" in shown.text
    assert (await support.get("/console/at-providers")).status_code == 200, "open sessions have the role at once"
    assert (await admin.post(f"{path}/role", role="boss")).status_code == 422
    assert (await admin.post(f"{path}/end-sessions")).status_code == 303
    assert (await support.get("/console/account")).status_code == 303
    assert (await admin.post(f"{path}/deactivate")).status_code == 303
    assert "Reactivate" in (await admin.get(path)).text
    assert (await admin.post(f"{path}/reactivate")).status_code == 303
    assert (await admin.get("/console/settings/staff/nobody")).status_code == 404


async def test_nobody_changes_their_own_role_or_access_there(admin: StaffBrowser) -> None:
    path = f"/console/settings/staff/{admin.name}"
    assert "This is your own account" in (await admin.get(path)).text
    for action in ("role", "deactivate", "second-factor"):
        answer = await admin.post(f"{path}/{action}", role="support")
        assert answer.status_code in (403, 409) and "Another administrator changes" in answer.text
    assert (await admin.get(path)).status_code == 200


async def test_a_reset_second_factor_is_set_up_by_link_and_password(
    admin: StaffBrowser, visitor: httpx.AsyncClient
) -> None:
    name = await joined(admin, visitor)
    answer = await admin.post(f"/console/settings/staff/{name}/second-factor")
    path = "/console/join" + link_in(answer.text).partition("/console/join")[2]
    assert (await visitor.get("/console/account")).status_code == 303, "every session has ended"
    page = (await visitor.get(path)).text
    form = {"token": path.partition("token=")[2], "sealed": hidden(page, "sealed"), "code": code_of(page)}
    wrong = await visitor.post("/console/join", data={**form, "password": "not the password"})
    assert (wrong.status_code, "The password is incorrect" in wrong.text) == (422, True)
    assert (await visitor.post("/console/join", data={**form, "password": PASSWORD})).status_code == 200
    assert (await visitor.get("/console/account")).status_code == 200


# ── my account ─────────────────────────────────────────────────────────────────────────────────────────────────


class Own:
    """Somebody who joined, in a browser of their own."""

    def __init__(self, api: ApiClient, http: httpx.AsyncClient, name: str) -> None:
        self.api, self.http, self.name = api, http, name

    async def post(self, path: str, **fields: str) -> httpx.Response:
        page = (await self.http.get("/console/account")).text
        return await self.http.post(f"/console/account{path}", data={"csrf": hidden(page, "csrf"), **fields})

    async def signs_in(self, **form: str) -> bool:
        async with httpx.AsyncClient(transport=self.http._transport, base_url="http://front.door") as other:
            typed = {"name": self.name, "password": PASSWORD, "code": "", **form}
            return (await other.post("/console/sign-in", data=typed)).status_code == 303


@lru_cache(maxsize=1)
def hashed() -> str:
    return passwords.hashed(PASSWORD)


@pytest.fixture
async def own(shop: ApiClient) -> Own:
    member, services = await sign_in(shop, "support"), shop.app.state.services
    plain, wrapped = services.keys.vault.new_data_key()
    sealed = services.keys.vault.seal(plain, passwords.new_secret(), members.totp_context(member.name))
    change = "UPDATE staff SET password_hash = %s, data_key = %s, totp_enc = %s WHERE name = %s RETURNING name"
    await shop.sql(change, hashed(), wrapped, sealed, member.name)
    return Own(shop, member.http, member.name)


async def acted(own: Own) -> list[str]:
    rows = await own.api.sql(
        "SELECT action FROM audit_log WHERE reference = %s AND actor = %s ORDER BY entry_id",
        own.name,
        f"support:{own.name}",
    )
    return [row["action"] for row in rows]


async def test_a_password_changes_with_the_old_one_and_ends_other_sessions(own: Own) -> None:
    new = {"password": "eleven paper boats", "again": "eleven paper boats"}
    wrong = await own.post("/password", old="wrong", **new)
    assert (wrong.status_code, "The password is incorrect" in wrong.text) == (422, True)
    differs = await own.post("/password", old=PASSWORD, password=new["password"], again="other")
    assert (differs.status_code, "passwords differ" in differs.text) == (422, True)
    async with own.api.app.state.services.database.begin() as conn:
        await staff_sessions.open_session(conn, own.name, 600)
    done = await own.post("/password", old=PASSWORD, **new)
    assert done.headers["location"] == "/console/account"
    own_page = await own.http.get("/console/account")
    assert "Password changed, other sessions signed out" in own_page.text
    assert len(await own.api.sql("SELECT 1 FROM staff_sessions WHERE name = %s", own.name)) == 1
    assert "staff_password_changed" in await acted(own)


async def test_guesses_at_the_old_password_have_to_wait(own: Own) -> None:
    answers = [await own.post("/recovery-codes", old=f"guess {n}") for n in range(5)]
    assert [answer.status_code for answer in answers] == [422] * 5
    await own.api.sql(
        "UPDATE sign_in_attempts SET locked_until = now() + interval '1 h' WHERE name = %s AND source LIKE 'from %%'"
        " RETURNING name",
        own.name,
    )
    held = await own.post("/recovery-codes", old=PASSWORD)
    assert held.status_code == 429 and 3500 < int(held.headers["retry-after"]) <= 3600


async def test_a_recovery_code_opens_one_session(own: Own) -> None:
    page = (await own.post("/recovery-codes", old=PASSWORD)).text
    codes = re.findall(r"<code>([a-z2-9]{5}-[a-z2-9]{5})</code>", page)
    assert len(set(codes)) == 10
    assert await own.signs_in(code=codes[0].upper().replace("-", " "))
    assert not await own.signs_in(code=codes[0])
    assert "Codes left: 9" in (await own.http.get("/console/account")).text
    newer = (await own.post("/recovery-codes", old=PASSWORD)).text
    assert not await own.signs_in(code=codes[1]) and codes[1] not in newer
    assert {"staff_recovery_codes_made"} <= set(await acted(own))


async def test_another_app_takes_over_when_its_code_is_right(own: Own) -> None:
    page = (await own.http.get("/console/account")).text
    sealed = hidden(page, "sealed")
    wrong = await own.post("/authenticator", sealed=sealed, code="12345", old=PASSWORD)
    assert (wrong.status_code, hidden(wrong.text, "sealed") != "") == (422, True)
    assert code_of(wrong.text) == code_of(page)
    done = await own.post("/authenticator", sealed=sealed, code=code_of(page), old=PASSWORD)
    assert done.status_code == 200 and "Your recovery codes" in done.text
    assert not await own.signs_in(code=code_of(page)), "the code that proved it opens nothing more"
    assert await own.signs_in(code=code_of(page, 1))
    assert "staff_second_factor_changed" in await acted(own)


async def test_the_only_second_factor_stays(own: Own) -> None:
    answer = await own.post("/authenticator/remove", old=PASSWORD)
    assert answer.status_code == 422
    row = (await own.api.sql("SELECT totp_set FROM staff WHERE name = %s", own.name))[0]
    assert row["totp_set"]
    assert (await own.post("/passkeys/pk_1/remove", old=PASSWORD)).status_code == 422


async def test_passkeys_are_for_https_and_names(own: Own) -> None:
    assert "only where the console is opened by https" in (await own.http.get("/console/account")).text
    answer = await own.post("/passkeys", label="laptop", old=PASSWORD)
    assert (answer.status_code, "OMS_CONSOLE_URL" in answer.text) == (422, True)


@pytest.mark.parametrize("answer", ["", "{}", "[]", "null", '{"response": {"clientDataJSON": "bnVsbA"}}', "[" * 5000])
async def test_what_no_browser_sends_adds_no_passkey_and_opens_no_session(
    shop: ApiClient, visitor: httpx.AsyncClient, answer: str
) -> None:
    local = httpx.AsyncClient(transport=httpx.ASGITransport(app=shop.app), base_url="http://localhost")
    refused = await local.post("/console/sign-in/passkey", data={"answer": answer})
    assert refused.status_code == 401 and "oms_session" not in refused.headers.get("set-cookie", "")
    member = await sign_in(shop, "support")
    cookies = dict(member.http.cookies)
    mine = httpx.AsyncClient(transport=httpx.ASGITransport(app=shop.app), base_url="http://localhost", cookies=cookies)
    csrf = hidden((await mine.get("/console/account")).text, "csrf")
    form = {"csrf": csrf, "label": "laptop", "answer": answer}
    assert (await mine.post("/console/account/passkeys/finish", data=form)).status_code == 422


async def test_an_address_that_tries_many_passkeys_has_to_wait(shop: ApiClient) -> None:
    transport = httpx.ASGITransport(app=shop.app, client=("192.0.2.40", 5000))
    stranger = httpx.AsyncClient(transport=transport, base_url="http://localhost")
    codes = [(await stranger.post("/console/sign-in/passkey", data={"answer": "{}"})).status_code for _ in range(33)]
    assert codes == [401] * 31 + [429] * 2


async def test_sessions_are_listed_and_ended(own: Own) -> None:
    async with own.api.app.state.services.database.begin() as conn:
        await staff_sessions.open_session(conn, own.name, 600, "192.0.2.7")
    page = (await own.http.get("/console/account")).text
    assert "192.0.2.7" in page and page.count("this browser") == 1
    assert (await own.post("/end-sessions")).status_code == 303
    after = (await own.http.get("/console/account")).text
    assert "Other sessions signed out: 1" in after and "192.0.2.7" not in after


def test_a_recovery_code_is_read_however_it_is_typed() -> None:
    make = passwords.recovery_code
    assert {make(typed) for typed in ("abcde-23456", " ABCDE 23456 ", "abcde23456")} == {"abcde-23456"}
    assert [make(typed) for typed in ("", "123456", "abcde-2345", "abcdé-23456", "x" * 400)] == [None] * 5
