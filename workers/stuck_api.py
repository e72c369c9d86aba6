"""The support calls of the running stack's API, for the command line."""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from domain.access import Role
from infra.stack import running

PAGE = 200
TIMEOUT_S = 30.0


class ApiError(Exception):
    """The API refused or cannot be reached; the text is for people."""


class SupportApi:
    """Acts with the stack's support token. Filters are {step?, error?, provider?}."""

    def __init__(self, base: str, token: str) -> None:
        self._http = httpx.Client(
            base_url=base, headers={"Authorization": f"Bearer {token}"}, timeout=TIMEOUT_S, trust_env=False
        )

    @classmethod
    def of(cls, data_dir: Path) -> Self:
        """The API of the stack in `data_dir`. Raises NotRunningError."""
        stack = running.load(data_dir)
        return cls(stack.api, stack.tokens[Role.SUPPORT])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._http.close()

    def stuck(self, chosen: dict[str, str]) -> Iterator[dict[str, Any]]:
        """Every parked order that the filter finds, the longest parked first. Raises ApiError."""
        cursor: dict[str, str] = {}
        while True:
            page = self._call("GET", "/v1/support/stuck", params={**chosen, **cursor, "limit": str(PAGE)})
            yield from page["items"]
            if page["next_cursor"] is None:
                return
            cursor = {"cursor": page["next_cursor"]}

    def resolve(self, order_no: str, act: dict[str, Any], key: str | None) -> dict[str, Any]:
        """Resolve one order's step: {order_no, status, outcome}, or {approval_id, …} where a second person must agree.

        Raises ApiError.
        """
        return self._call("POST", f"/v1/support/orders/{order_no}/resolve", body=act, key=key)

    def resolve_many(self, act: dict[str, Any], key: str | None) -> dict[str, Any]:
        """Begin a bulk act: {job_id, total}, with {approval_id, waiting} for orders that need a second person.

        Raises ApiError.
        """
        return self._call("POST", "/v1/support/resolve", body=act, key=key)

    def job(self, job_id: str) -> dict[str, Any]:
        """{state, total, done, failed}. Raises ApiError."""
        return self._call("GET", f"/v1/support/jobs/{job_id}")

    def _call(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, str] | None = None,
        body: dict[str, Any] | None = None,
        key: str | None = None,
    ) -> dict[str, Any]:
        headers = {"Idempotency-Key": key or uuid.uuid4().hex} if method == "POST" else {}
        try:
            answer = self._http.request(method, path, params=params, json=body, headers=headers)
            content: dict[str, Any] = answer.json()
        except httpx.HTTPError as error:
            raise ApiError(f"the API does not answer: {type(error).__name__}") from error
        except json.JSONDecodeError as error:
            raise ApiError(f"the API answered {answer.status_code} without JSON") from error
        if answer.is_success:
            return content
        raise ApiError(f"{content.get('code', answer.status_code)}: {content.get('detail') or content.get('title')}")
