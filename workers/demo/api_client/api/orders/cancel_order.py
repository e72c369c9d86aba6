# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.cancel_order import CancelOrder
from ...models.cancel_preview import CancelPreview
from ...models.cancelled_order import CancelledOrder
from ...models.problem import Problem
from ...types import UNSET, Response, Unset


def _get_kwargs(
    order_no: str,
    *,
    body: CancelOrder,
    preview: bool | Unset = False,
    idempotency_key: str,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    headers["Idempotency-Key"] = idempotency_key

    params: dict[str, Any] = {}

    params["preview"] = preview

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/v1/orders/{order_no}/cancel".format(
            order_no=quote(str(order_no), safe=""),
        ),
        "params": params,
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> CancelledOrder | CancelPreview | Problem | None:
    if response.status_code == 200:

        def _parse_response_200(data: object) -> CancelledOrder | CancelPreview:
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                response_200_type_0 = CancelledOrder.from_dict(data)

                return response_200_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            if not isinstance(data, dict):
                raise TypeError()
            response_200_type_1 = CancelPreview.from_dict(data)

            return response_200_type_1

        response_200 = _parse_response_200(response.json())

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
) -> Response[CancelledOrder | CancelPreview | Problem]:
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
    body: CancelOrder,
    preview: bool | Unset = False,
    idempotency_key: str,
) -> Response[CancelledOrder | CancelPreview | Problem]:
    """
    Args:
        order_no (str):
        preview (bool | Unset):  Default: False.
        idempotency_key (str):
        body (CancelOrder):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[CancelledOrder | CancelPreview | Problem]
    """

    kwargs = _get_kwargs(
        order_no=order_no,
        body=body,
        preview=preview,
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
    body: CancelOrder,
    preview: bool | Unset = False,
    idempotency_key: str,
) -> CancelledOrder | CancelPreview | Problem | None:
    """
    Args:
        order_no (str):
        preview (bool | Unset):  Default: False.
        idempotency_key (str):
        body (CancelOrder):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        CancelledOrder | CancelPreview | Problem
    """

    return sync_detailed(
        order_no=order_no,
        client=client,
        body=body,
        preview=preview,
        idempotency_key=idempotency_key,
    ).parsed


async def asyncio_detailed(
    order_no: str,
    *,
    client: AuthenticatedClient,
    body: CancelOrder,
    preview: bool | Unset = False,
    idempotency_key: str,
) -> Response[CancelledOrder | CancelPreview | Problem]:
    """
    Args:
        order_no (str):
        preview (bool | Unset):  Default: False.
        idempotency_key (str):
        body (CancelOrder):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[CancelledOrder | CancelPreview | Problem]
    """

    kwargs = _get_kwargs(
        order_no=order_no,
        body=body,
        preview=preview,
        idempotency_key=idempotency_key,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    order_no: str,
    *,
    client: AuthenticatedClient,
    body: CancelOrder,
    preview: bool | Unset = False,
    idempotency_key: str,
) -> CancelledOrder | CancelPreview | Problem | None:
    """
    Args:
        order_no (str):
        preview (bool | Unset):  Default: False.
        idempotency_key (str):
        body (CancelOrder):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        CancelledOrder | CancelPreview | Problem
    """

    return (
        await asyncio_detailed(
            order_no=order_no,
            client=client,
            body=body,
            preview=preview,
            idempotency_key=idempotency_key,
        )
    ).parsed
