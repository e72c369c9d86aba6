"""Bearer tokens are listed and revoked; a revoked one is refused, at once and after a restart."""

import pytest
from sqlalchemy.exc import OperationalError

from api.background.revoked_tokens import RevokedTokens
from infra.db.engine import Database
from infra.db.staff import api_tokens as books
from infra.security import tokens
from infra.security.tokens import Issued
from tests.api.conftest import TOKEN_SECRET, ApiClient, open_api, settings_for
from tests.conftest import DatabaseUrls
from tests.order_stage import eventually


@pytest.fixture(scope="module")
async def issued(database_url: DatabaseUrls, api: ApiClient) -> list[Issued]:
    """Three tokens as `oms token` hands them out."""
    made = [tokens.make(TOKEN_SECRET, role, "t-1", 600) for role in ("support", "customer", "channel")]
    database = Database.from_settings(settings_for(database_url))
    async with database.begin() as conn:
        for one in made:
            await books.register(conn, one, "cli ann@desk")
    await database.close()
    return made


def bearing(api: ApiClient, one: Issued) -> ApiClient:
    return ApiClient(api.app, api.http, api.owner_url, {"Authorization": f"Bearer {one.token}"})


async def test_a_revoked_token_is_refused_at_once_with_a_stable_code(api: ApiClient, issued: list[Issued]) -> None:
    support, customer, _ = issued
    assert (await bearing(api, support).get("/v1/orders")).status_code == 200
    answer = await api.as_("admin").post(f"/v1/tokens/{support.token_id}/revoke", key="revoke-1")
    assert (answer.status_code, answer.json()["revoked_by"]) == (200, "admin:s-1")
    refused = await bearing(api, support).get("/v1/orders")
    assert (refused.status_code, refused.json()["code"]) == (401, "token_revoked")
    assert refused.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert (await bearing(api, customer).get("/v1/orders")).status_code == 200, "others are left alone"
    again = await api.as_("admin", "s-2").post(f"/v1/tokens/{support.token_id}/revoke")
    assert (again.status_code, again.json()["revoked_by"]) == (200, "admin:s-1"), "the first revocation stays"
    repeated = await api.as_("admin").post(f"/v1/tokens/{support.token_id}/revoke", key="revoke-1")
    assert repeated.headers["idempotent-replayed"] == "true"


async def test_a_process_that_did_not_hear_of_it_refuses_it_within_seconds(
    database_url: DatabaseUrls, api: ApiClient, issued: list[Issued]
) -> None:
    channel = issued[2]
    async with open_api(database_url) as other:
        assert (await bearing(other, channel).get("/v1/orders")).status_code in (200, 403)
        await api.as_("admin").post(f"/v1/tokens/{channel.token_id}/revoke")

        async def refused() -> bool:
            return (await bearing(other, channel).get("/v1/orders")).status_code == 401

        await eventually(refused)


async def test_a_process_that_has_just_started_takes_no_revoked_token(
    database_url: DatabaseUrls, api: ApiClient, issued: list[Issued], monkeypatch: pytest.MonkeyPatch
) -> None:
    await api.as_("admin").post(f"/v1/tokens/{issued[2].token_id}/revoke")
    monkeypatch.setattr(RevokedTokens, "start", lambda _: None)  # its first look is yet to come
    async with open_api(database_url) as other:
        refused = await bearing(other, issued[2]).get("/v1/orders")
        assert (refused.status_code, refused.json()["code"]) == (401, "token_revoked")


async def test_tokens_are_listed_page_by_page_without_themselves(api: ApiClient, issued: list[Issued]) -> None:
    admin = api.as_("admin")
    first = (await admin.get("/v1/tokens", limit=2)).json()
    second = (await admin.get("/v1/tokens", limit=2, cursor=first["next_cursor"])).json()
    listed = [*first["items"], *second["items"]]
    assert [item["token_id"] for item in listed] == [one.token_id for one in reversed(issued)]
    assert (listed[0]["issued_by"], second["next_cursor"]) == ("cli ann@desk", None)
    assert not [one for one in issued if one.token in str(listed)]
    narrowed = (await admin.get("/v1/tokens", role="customer", subject="t-1", active=True)).json()["items"]
    assert [item["token_id"] for item in narrowed] == [issued[1].token_id]


async def test_only_admins_see_and_revoke_tokens(api: ApiClient, issued: list[Issued]) -> None:
    for role in ("customer", "channel", "support", "warehouse", "finance", "operations"):
        other = api.as_(role)
        assert (await other.get("/v1/tokens")).status_code == 403
        assert (await other.post(f"/v1/tokens/{issued[1].token_id}/revoke")).status_code == 403


@pytest.mark.parametrize("token_id", ["tok_0000", "no%20id", "x" * 65])
async def test_an_unknown_token_is_not_found(api: ApiClient, token_id: str) -> None:
    answer = await api.as_("admin").post(f"/v1/tokens/{token_id}/revoke")
    assert (answer.status_code, answer.json()["code"]) == (404, "token_not_found")


async def test_a_revocation_is_final_and_in_the_audit_log(api: ApiClient, issued: list[Issued]) -> None:
    token_id = issued[0].token_id
    for change in ("UPDATE tokens SET revoked_at = NULL, revoked_by = NULL", "DELETE FROM tokens"):
        with pytest.raises(Exception, match=r"revoked, which is final|still valid"):
            await api.sql(f"{change} WHERE token_id = %s", token_id)
    entries = await api.sql("SELECT actor, action FROM audit_log WHERE reference = %s ORDER BY entry_id", token_id)
    assert [tuple(entry.values()) for entry in entries] == [("system", "token_added"), ("admin:s-1", "token_changed")]


async def test_while_the_database_cannot_be_read_the_last_look_counts(
    database_url: DatabaseUrls, api: ApiClient, issued: list[Issued]
) -> None:
    revoked = api.app.state.services.revoked
    lost = Database.from_settings(settings_for(database_url, database_url="postgresql://oms_app@127.0.0.1:9/oms"))
    known, revoked._database = revoked._database, lost
    try:
        with pytest.raises(OperationalError):
            await revoked.poll()
        assert (await bearing(api, issued[0]).get("/v1/orders")).status_code == 401
    finally:
        revoked._database = known
        await lost.close()
