# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.opened_approval import OpenedApproval
from ...models.problem import Problem
from ...models.resolve import Resolve
from ...models.resolved_step import ResolvedStep
from ...types import Response


def _get_kwargs(
    order_no: str,
    *,
    body: Resolve,
    idempotency_key: str,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    headers["Idempotency-Key"] = idempotency_key

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/v1/support/orders/{order_no}/resolve".format(
            order_no=quote(str(order_no), safe=""),
        ),
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> OpenedApproval | Problem | ResolvedStep | None:
    if response.status_code == 200:
        response_200 = ResolvedStep.from_dict(response.json())

        return response_200

    if response.status_code == 202:
        response_202 = OpenedApproval.from_dict(response.json())

        return response_202

    if response.status_code == 503:
        response_503 = Problem.from_dict(response.json())

        return response_503

    if 400 <= response.status_code <= 499:
        response_4xx = Problem.from_dict(response.json())

        return response_4xx

    if client.raise_on_unexpected_status:
        raise errors.UnexpectedStatus(response.status_code, response.content)
    else:
        return None


def _build_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Response[OpenedApproval | Problem | ResolvedStep]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    order_no: str,
    *,
    client: AuthenticatedClient,
    body: Resolve,
    idempotency_key: str,
) -> Response[OpenedApproval | Problem | ResolvedStep]:
    """
    Args:
        order_no (str):
        idempotency_key (str):
        body (Resolve):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[OpenedApproval | Problem | ResolvedStep]
    """

    kwargs = _get_kwargs(
        order_no=order_no,
        body=body,
        idempotency_key=idempotency_key,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    order_no: str,
    *,
    client: AuthenticatedClient,
    body: Resolve,
    idempotency_key: str,
) -> OpenedApproval | Problem | ResolvedStep | None:
    """
    Args:
        order_no (str):
        idempotency_key (str):
        body (Resolve):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        OpenedApproval | Problem | ResolvedStep
    """

    return sync_detailed(
        order_no=order_no,
        client=client,
        body=body,
        idempotency_key=idempotency_key,
    ).parsed


async def asyncio_detailed(
    order_no: str,
    *,
    client: AuthenticatedClient,
    body: Resolve,
    idempotency_key: str,
) -> Response[OpenedApproval | Problem | ResolvedStep]:
    """
    Args:
        order_no (str):
        idempotency_key (str):
        body (Resolve):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[OpenedApproval | Problem | ResolvedStep]
    """

    kwargs = _get_kwargs(
        order_no=order_no,
        body=body,
        idempotency_key=idempotency_key,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    order_no: str,
    *,
    client: AuthenticatedClient,
    body: Resolve,
    idempotency_key: str,
) -> OpenedApproval | Problem | ResolvedStep | None:
    """
    Args:
        order_no (str):
        idempotency_key (str):
        body (Resolve):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        OpenedApproval | Problem | ResolvedStep
    """

    return (
        await asyncio_detailed(
            order_no=order_no,
            client=client,
            body=body,
            idempotency_key=idempotency_key,
        )
    ).parsed
