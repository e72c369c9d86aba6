"""Doctor and recovery over HTTP: what is disclosed to another machine, and what is answered while Temporal is down."""

from pydantic import SecretStr

from api import pagination
from infra.settings import Settings
from infra.system import doctor
from tests.api.conftest import ApiClient, settings_for
from tests.conftest import DatabaseUrls


async def test_doctor_tells_each_finding_and_nothing_of_the_database(
    shop: ApiClient, database_url: DatabaseUrls
) -> None:
    answer = await shop.as_("operations").get("/v1/doctor")
    found = {each["subject"]: each for each in answer.json()["findings"]}
    assert (answer.status_code, answer.json()["ok"]) == (200, False)
    assert set(found) == set(doctor.CHECKS)
    assert found["database"]["ok"] and found["migrations"]["ok"] and found["master key"]["ok"]
    assert not found["Temporal"]["ok"] and "127.0.0.1:9 cannot be reached" in found["Temporal"]["detail"]
    _assert_silent(answer.text, settings_for(database_url))


async def test_what_ends_a_check_tells_nothing_of_the_database(database_url: DatabaseUrls) -> None:
    secret = "postgresql://somebody:hidden@127.0.0.1:9/ledgers"
    lost = settings_for(database_url, database_url=secret, sandbox_url="http://me:hidden@127.0.0.1:9")
    found = await doctor.examine(lost, doctor.OUTSIDE, doctor.guarded_words_of)
    wrong = {each.subject for each in found if not each.ok}
    assert {"database", "migrations", "master key", "workers", "sandbox"} <= wrong
    text = " ".join(each.detail for each in found)
    assert "oms doctor" in text.replace(".venv/bin/", "")
    assert not any(word in text for word in ("somebody", "hidden", "ledgers"))


def _assert_silent(text: str, settings: Settings) -> None:
    secrets = [value.get_secret_value() for _, value in settings if isinstance(value, SecretStr)]
    user, _, rest = settings.database_url.removeprefix("postgresql://").partition("@")
    inside = [*filter(None, secrets), settings.database_url, *user.split(":"), rest.split("?")[0], rest.split("/")[1]]
    assert not [word for word in inside if word in text]


async def test_recover_while_temporal_is_down_lets_the_key_ask_again(shop: ApiClient) -> None:
    for _ in range(2):
        answer = await shop.as_("operations").post("/v1/recover", key="down-1")
        assert (answer.status_code, answer.json()["code"]) == (503, "workflow_unavailable")
        assert int(answer.headers["retry-after"]) >= 1 and "nothing is lost" in answer.json()["detail"]


async def test_recover_refuses_a_cursor_that_it_did_not_give(shop: ApiClient) -> None:
    for cursor in ("x", pagination.encoded(["jobs", "", ""]), pagination.encoded(["orders", ""])):
        answer = await shop.as_("operations").post(f"/v1/recover?cursor={cursor}")
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_cursor")
