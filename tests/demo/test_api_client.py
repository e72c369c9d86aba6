"""The demo's generated API client fits the API as it is now; refusals, pages and repeated requests work with it."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest

from workers.demo.api_client.api.orders import get_order
from workers.demo.http import client, client_generation
from workers.demo.http.client import RefusedError, accepted, connect
from workers.demo.http.transport import PatientTransport

TOKENS = dict.fromkeys(("support", "channel", "warehouse", "operations", "finance"), "token")
PROBLEM = {"type": "about:blank", "title": "t", "status": 409, "detail": "d", "code": "some_code"}


def test_the_client_is_generated_from_the_document_as_it_is_now() -> None:
    saved = json.loads((client_generation.FOLDER / client_generation.DOCUMENT).read_text())
    assert client_generation.current_document() == saved, "run make client"


def test_the_document_has_every_operation_of_the_client_and_no_unused_schema() -> None:
    document = client_generation.current_document()
    operations = {call["operationId"] for calls in document["paths"].values() for call in calls.values()}
    assert operations == client_generation.OPERATIONS
    modules = {file.stem for file in (client_generation.FOLDER / "api").glob("*/*.py")} - {"__init__"}
    assert modules == operations
    assert "WebhookEndpoint" not in document["components"]["schemas"]


def test_a_new_wording_needs_no_new_client() -> None:
    schemas = {"A": {"type": "object", "description": "old", "properties": {"description": {"type": "string"}}}}
    answer = {"description": "d", "headers": {}, "content": {"x": {"schema": {"$ref": "#/components/schemas/A"}}}}
    document = {
        "paths": {"/a": {"get": {"operationId": "get_a", "summary": "s", "responses": {"200": answer}}}},
        "components": {"schemas": schemas, "securitySchemes": {}},
    }
    restricted = client_generation.restricted(document, {"get_a"})
    schemas["A"]["description"] = "new"
    assert client_generation.restricted(document, {"get_a"}) == restricted
    assert restricted["components"]["schemas"]["A"]["properties"] == {"description": {"type": "string"}}


class Scripted(httpx.AsyncBaseTransport):
    """Answers with these responses in turn."""

    def __init__(self, *responses: httpx.Response) -> None:
        self.responses = list(responses)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return self.responses.pop(0)


@pytest.mark.parametrize(
    ("response", "code"),
    [(httpx.Response(409, json=PROBLEM), "some_code"), (httpx.Response(500, text="no JSON"), "http_500")],
)
async def test_what_the_api_refuses_is_an_error_with_its_code(response: httpx.Response, code: str) -> None:
    clients = connect("http://api", "http://sandbox", TOKENS, "run", Scripted(response))
    with pytest.raises(RefusedError) as refused:
        await accepted(get_order.asyncio("O-1", client=clients.support))
    assert refused.value.code == code


async def test_a_list_is_read_page_by_page() -> None:
    pages = {None: ([1, 2], "b"), "b": ([3], None)}

    class Page:
        def __init__(self, items: list[int], next_cursor: str | None) -> None:
            self.items, self.next_cursor = items, next_cursor

    async def read(cursor: object) -> Page:
        return Page(*pages[cursor if isinstance(cursor, str) else None])

    assert [item async for item in client.all_items(read)] == [1, 2, 3]


@pytest.fixture
async def server() -> AsyncIterator[tuple[str, list[bytes]]]:
    """Answers 503, then 409 while the first request still runs, then 200; records the requests."""
    requests: list[bytes] = []
    replies = [
        (b"503 Unavailable", b"Retry-After: 0\r\n", b"{}"),
        (b"409 Conflict", b"", b'{"code": "idempotency_in_progress"}'),
        (b"200 OK", b"", b"{}"),
    ]

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            requests.append(head + await reader.readexactly(7))
            status, headers, content = replies[len(requests) - 1]
            writer.write(b"HTTP/1.1 %b\r\n%bContent-Length: %d\r\n\r\n%b" % (status, headers, len(content), content))
            if len(requests) == len(replies):
                break
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}", requests


async def test_a_request_is_sent_again_until_the_server_takes_it(server: tuple[str, list[bytes]]) -> None:
    url, requests = server
    transport = PatientTransport(1)
    async with httpx.AsyncClient(transport=transport, timeout=60, trust_env=False) as http:
        assert (await http.post(url, content=b'{"a":1}')).status_code == 200
    assert len(requests) == 3
    assert len(set(requests)) == 1
