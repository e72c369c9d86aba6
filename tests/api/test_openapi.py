"""The OpenAPI document describes every operation: its name, what it answers, and the headers of its answers."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import jsonschema_rs
import pytest

from api.schemas.answers import TIME_PATTERN
from domain.times import rfc3339
from tests.api.conformity import Schemas, difference
from tests.api.conftest import ApiClient, an_order

_VERB_NOUN = re.compile(r"[a-z]+(_[a-z0-9]+)+")
_SAYS_WHAT = frozenset({"$ref", "type", "anyOf", "oneOf", "allOf", "enum", "const"})


@pytest.fixture(scope="module")
def document(api: ApiClient) -> dict[str, Any]:
    return api.app.openapi()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, calls in document["paths"].items():
        for method, call in calls.items():
            yield f"{method.upper()} {path}", call


def faults(document: dict[str, Any], call: str, operation: dict[str, Any]) -> list[str]:
    """What is missing from the description of an operation."""
    name, method = operation["operationId"], call.partition(" ")[0].lower()
    found = []
    if not _VERB_NOUN.fullmatch(name) or "_v1_" in name or name.endswith(f"_{method}"):
        found.append(f"{call}: {name} is not a stable operation id")
    for status, response in operation["responses"].items():
        if not status.startswith("2"):
            continue
        if not response.get("content") and status != "204":
            found.append(f"{call}: {status} has no content")
        for kind, content in response.get("content", {}).items():
            if kind == "application/json":
                found += [f"{call}: {status} {fault}" for fault in empty(document, content.get("schema", {}))]
    return found


def empty(
    document: dict[str, Any], schema: dict[str, Any], path: str = "body", observed: tuple[str, ...] = ()
) -> list[str]:
    """Where a schema says nothing."""
    if (reference := schema.get("$ref")) is not None:
        name = reference.rsplit("/", 1)[-1]
        known = document["components"]["schemas"][name]
        return [] if name in observed else empty(document, known, path, (*observed, name))
    if not _SAYS_WHAT & schema.keys():
        return [f"{path} is not described"]
    found = []
    for kind in ("anyOf", "oneOf", "allOf"):
        for each in schema.get(kind, ()):
            found += empty(document, each, path, observed)
    for name, each in schema.get("properties", {}).items():
        found += empty(document, each, f"{path}.{name}", observed)
    if schema.get("type") == "array":
        found += empty(document, schema.get("items", {}), f"{path}[]", observed)
    return found


def test_every_operation_has_a_stable_id_and_describes_what_it_answers(document: dict[str, Any]) -> None:
    missing = [fault for call, operation in operations(document) for fault in faults(document, call, operation)]
    assert missing == []


def test_every_operation_id_is_of_one_operation(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, operation in operations(document)]
    assert sorted(names) == sorted(set(names))


def test_every_schema_has_a_name_of_its_own(document: dict[str, Any]) -> None:
    """FastAPI puts the module into the names of two models that are called the same."""
    schemas = document["components"]["schemas"]
    assert [name for name in schemas if "__" in name] == []
    titles = Counter(schema["title"] for schema in schemas.values())
    assert [title for title, times in titles.items() if times > 1] == []


def test_a_line_of_an_order_is_named_by_its_number_or_its_sku(document: dict[str, Any]) -> None:
    """Two `required` under `anyOf` would say so, too, but generators of clients make a type without members of it."""
    schemas = document["components"]["schemas"]
    for name in ("FoundLine", "RefundLine", "ReturnLine", "WantedLine"):
        validator = jsonschema_rs.validator_for({"$ref": f"#/components/schemas/{name}", **document})
        unnamed = {"quantity": 1} | ({"condition": "as_new"} if name == "FoundLine" else {})
        assert not validator.is_valid(unnamed), name
        assert validator.is_valid(unnamed | {"sku": "a"}), name
        assert validator.is_valid(unnamed | {"line_no": 1}), name
        assert "anyOf" not in schemas[name], name


def test_every_header_that_an_answer_names_is_described(document: dict[str, Any]) -> None:
    known = document["components"]["headers"]
    named = {
        header["$ref"].rsplit("/", 1)[-1]
        for _, operation in operations(document)
        for response in operation["responses"].values()
        for header in response.get("headers", {}).values()
    }
    assert named - known.keys() == set()
    assert all(header["description"] for header in known.values())


def test_what_is_keyed_says_that_an_answer_may_be_replayed(document: dict[str, Any]) -> None:
    silent = [
        call
        for call, operation in operations(document)
        if any(parameter["name"] == "Idempotency-Key" for parameter in operation.get("parameters", ()))
        and not any("Idempotent-Replayed" in response["headers"] for response in operation["responses"].values())
    ]
    assert silent == []


BACKLOG = {"waiting": 1, "oldest_s": 0.5, "limit": 0, "accepting": True}


@pytest.mark.parametrize(
    "changed", [{"unknown": 1}, {"waiting": "1"}, {"accepting": None}], ids=["field", "type", "null"]
)
def test_an_answer_that_is_not_as_described_is_found(document: dict[str, Any], changed: dict[str, Any]) -> None:
    operation, schemas = document["paths"]["/v1/backlog"]["get"], Schemas(document)
    assert schemas.difference(operation, httpx.Response(200, json=BACKLOG)) is None
    assert schemas.difference(operation, httpx.Response(200, json=BACKLOG | changed)) is not None


def test_a_header_that_is_not_announced_is_found(document: dict[str, Any]) -> None:
    operation, kind = document["paths"]["/v1/backlog"]["get"], {"Content-Type": "application/json"}
    assert difference(operation, httpx.Response(200, json=BACKLOG, headers=kind)) is None
    assert difference(operation, httpx.Response(200, json=BACKLOG, headers={**kind, "ETag": '"1"'})) is not None


def test_every_time_in_an_answer_has_the_one_format(document: dict[str, Any]) -> None:
    times = list(answered_times(document))
    assert len(times) > 60
    assert not [where for where, schema in times if schema.get("pattern") != TIME_PATTERN], "a Time everywhere"


def answered_times(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every property that is a time, or is named like one: (its place, the schema of its text)."""
    bodies = str([call.get("requestBody") for _, call in operations(document)])
    for name, schema in document["components"]["schemas"].items():
        for field, described in schema.get("properties", {}).items():
            if f"schemas/{name}'" in bodies:
                continue
            kinds = [kind for kind in described.get("anyOf", [described]) if kind.get("type") == "string"]
            for kind in kinds:
                if kind.get("format") == "date-time" or field.endswith("_at") or field.endswith("since"):
                    yield f"{name}.{field}", kind


async def test_times_that_were_kept_with_another_offset_are_shown_in_utc(shop: ApiClient) -> None:
    number = (await shop.post("/v1/orders", an_order())).json()["order_no"]
    waiting = '{"what": "stock", "until": "2030-01-01T01:00:00.5+01:00", "next": "the order is cancelled"}'
    await shop.sql("UPDATE orders SET waiting = %s WHERE order_no = %s", waiting, number)
    body = (await shop.get(f"/v1/orders/{number}")).json()["waiting_for"]
    assert body["until"] == "2030-01-01T00:00:00.500000Z"
    assert rfc3339("2030-01-01T01:00:00+01:00") == "2030-01-01T00:00:00Z"
