"""An installation's API, for the command line."""

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import httpx

PAGE = 200
TIMEOUT_S = 30.0
# A check of the whole database takes at most OMS_BOOKS_CHECK_TIMEOUT_S of the installation.
CHECK_TIMEOUT_S = 3600.0


class ApiError(Exception):
    """The API refused or cannot be reached; the text is for people."""


class ApiClient:
    """One installation's API with one token. Every call raises ApiError."""

    def __init__(self, base: str, token: str) -> None:
        self._base = base
        self._http = httpx.Client(
            base_url=base, headers={"Authorization": f"Bearer {token}"}, timeout=TIMEOUT_S, trust_env=False
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._http.close()

    def pages(self, path: str, chosen: dict[str, str]) -> Iterator[dict[str, Any]]:
        """Every item of a list."""
        cursor: dict[str, str] = {}
        while True:
            page = self.call("GET", path, params={**chosen, **cursor, "limit": str(PAGE)})
            yield from page["items"]
            if page["next_cursor"] is None:
                return
            cursor = {"cursor": page["next_cursor"]}

    def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | Sequence[str]] | None = None,
        body: dict[str, Any] | None = None,
        key: str | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> dict[str, Any]:
        """The JSON of the answer."""
        headers = {"Idempotency-Key": key or uuid.uuid4().hex} if method == "POST" else {}
        timeout = httpx.Timeout(TIMEOUT_S, read=timeout_s)
        try:
            answer = self._http.request(method, path, params=params, json=body, headers=headers, timeout=timeout)
            content: dict[str, Any] = answer.json()
        except httpx.HTTPError as error:
            raise ApiError(f"the API at {self._base} does not answer: {type(error).__name__}") from error
        except json.JSONDecodeError as error:
            words = f"{self._base} answered {answer.status_code} without JSON: is it the API's address?"
            raise ApiError(words) from error
        if answer.is_success:
            return content
        raise ApiError(f"{content.get('code', answer.status_code)}: {content.get('detail') or content.get('title')}")
