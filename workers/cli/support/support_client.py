"""The support calls of an installation's API, for the command line."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from workers.cli.api_client import ApiClient


class SupportApi(ApiClient):
    """Filters are {step?, error?, provider?}. Every call raises ApiError."""

    def stuck(self, chosen: dict[str, str]) -> Iterator[dict[str, Any]]:
        """Every parked order that the filter finds, the longest parked first."""
        return self.pages("/v1/support/stuck", chosen)

    def parked(self, order_no: str) -> int | None:
        """The number of the step at which the order is parked, None when it is not."""
        found = self.call("GET", f"/v1/orders/{quote(order_no, safe='')}")["needs_attention"]
        return None if found is None else int(found["park_no"])

    def resolve(self, order_no: str, action: dict[str, Any], key: str | None) -> dict[str, Any]:
        """Resolve one order's step: {order_no, status, outcome}, or {approval_id, …} if it needs approval."""
        return self.call("POST", f"/v1/support/orders/{quote(order_no, safe='')}/resolve", body=action, key=key)

    def resolve_many(self, action: dict[str, Any], key: str | None) -> dict[str, Any]:
        """Start a bulk operation: {job_id, total}, with {approval_id, waiting} for orders that need approval."""
        return self.call("POST", "/v1/support/resolve", body=action, key=key)

    def job(self, job_id: str) -> dict[str, Any]:
        """{state, total, done, failed}."""
        return self.call("GET", f"/v1/support/jobs/{job_id}")
