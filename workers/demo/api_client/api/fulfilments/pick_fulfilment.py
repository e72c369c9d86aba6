# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.pick_lines import PickLines
from ...models.problem import Problem
from ...models.worked_fulfilment import WorkedFulfilment
from ...types import Response


def _get_kwargs(
    fulfilment_id: str,
    *,
    body: PickLines,
    idempotency_key: str,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    headers["Idempotency-Key"] = idempotency_key

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/v1/fulfilments/{fulfilment_id}/pick".format(
            fulfilment_id=quote(str(fulfilment_id), safe=""),
        ),
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Problem | WorkedFulfilment | None:
    if response.status_code == 200:
        response_200 = WorkedFulfilment.from_dict(response.json())

        return response_200

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
) -> Response[Problem | WorkedFulfilment]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    fulfilment_id: str,
    *,
    client: AuthenticatedClient,
    body: PickLines,
    idempotency_key: str,
) -> Response[Problem | WorkedFulfilment]:
    """
    Args:
        fulfilment_id (str):
        idempotency_key (str):
        body (PickLines):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | WorkedFulfilment]
    """

    kwargs = _get_kwargs(
        fulfilment_id=fulfilment_id,
        body=body,
        idempotency_key=idempotency_key,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    fulfilment_id: str,
    *,
    client: AuthenticatedClient,
    body: PickLines,
    idempotency_key: str,
) -> Problem | WorkedFulfilment | None:
    """
    Args:
        fulfilment_id (str):
        idempotency_key (str):
        body (PickLines):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | WorkedFulfilment
    """

    return sync_detailed(
        fulfilment_id=fulfilment_id,
        client=client,
        body=body,
        idempotency_key=idempotency_key,
    ).parsed


async def asyncio_detailed(
    fulfilment_id: str,
    *,
    client: AuthenticatedClient,
    body: PickLines,
    idempotency_key: str,
) -> Response[Problem | WorkedFulfilment]:
    """
    Args:
        fulfilment_id (str):
        idempotency_key (str):
        body (PickLines):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Problem | WorkedFulfilment]
    """

    kwargs = _get_kwargs(
        fulfilment_id=fulfilment_id,
        body=body,
        idempotency_key=idempotency_key,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    fulfilment_id: str,
    *,
    client: AuthenticatedClient,
    body: PickLines,
    idempotency_key: str,
) -> Problem | WorkedFulfilment | None:
    """
    Args:
        fulfilment_id (str):
        idempotency_key (str):
        body (PickLines):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Problem | WorkedFulfilment
    """

    return (
        await asyncio_detailed(
            fulfilment_id=fulfilment_id,
            client=client,
            body=body,
            idempotency_key=idempotency_key,
        )
    ).parsed
