"""A name in a query that an operation does not know is refused, by every operation alike."""

import re
from collections.abc import Iterator
from typing import Any

import httpx

from tests.api.conftest import ApiClient


def operations(shop: ApiClient) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path and description of each operation that asks for a token."""
    for path, calls in shop.app.openapi()["paths"].items():
        for method, described in calls.items():
            if described.get("security"):
                yield method.upper(), re.sub(r"{[^}]+}", "x", path), described


async def asked(shop: ApiClient, method: str, path: str, **query: str) -> httpx.Response:
    return await shop.http.request(method, path, params=query, headers=shop.as_("admin").headers)


async def test_every_operation_refuses_a_name_that_it_does_not_know(shop: ApiClient) -> None:
    found = list(operations(shop))
    assert len(found) > 150
    for method, path, _ in found:
        answer = await asked(shop, method, path, no_such_filter="1")
        assert (answer.status_code, answer.json()["code"]) == (422, "unknown_field"), (method, path, answer.text)
        assert answer.json()["errors"][0]["field"] == "no_such_filter"


async def test_no_operation_refuses_a_name_that_it_documents(shop: ApiClient) -> None:
    documented = 0
    for method, path, described in operations(shop):
        names = [one["name"] for one in described.get("parameters", []) if one["in"] == "query"]
        if method != "GET" or not names:
            continue
        documented += len(names)
        answer = await asked(shop, method, path, **dict.fromkeys(names, "1"))
        assert not answer.is_error or answer.json()["code"] != "unknown_field", (path, answer.text)
    assert documented > 100


async def test_a_name_that_is_no_name_is_not_repeated(shop: ApiClient) -> None:
    answer = await asked(shop, "GET", "/v1/fulfilments", **{"<script>": "1"})
    assert (answer.status_code, "script" in answer.text) == (422, False)


async def test_without_a_token_the_answer_is_401_first(shop: ApiClient) -> None:
    assert (await shop.http.get("/v1/fulfilments", params={"no_such_filter": "1"})).status_code == 401


async def test_every_list_takes_the_names_of_pages(shop: ApiClient) -> None:
    answer = await asked(shop, "GET", "/v1/staff", limit="5", cursor="x")
    assert answer.status_code == 200, answer.text
