# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from http import HTTPStatus
from typing import Any, Literal

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.fulfilment_state import FulfilmentState
from ...models.hold_kind import HoldKind
from ...models.lateness import Lateness
from ...models.list_orders_sort import ListOrdersSort
from ...models.order_page import OrderPage
from ...models.payment_state import PaymentState
from ...models.priority import Priority
from ...models.problem import Problem
from ...models.status import Status
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    sort: ListOrdersSort | Unset = "-created_at",
    limit: int | Unset = 50,
    cursor: None | str | Unset = UNSET,
    status: None | Status | Unset = UNSET,
    payment_status: None | PaymentState | Unset = UNSET,
    fulfilment_status: FulfilmentState | None | Unset = UNSET,
    late: Lateness | Literal["any"] | None | Unset = UNSET,
    channel: None | str | Unset = UNSET,
    customer: None | str | Unset = UNSET,
    warehouse: None | str | Unset = UNSET,
    hold: HoldKind | Literal["any"] | None | Unset = UNSET,
    priority: None | Priority | Unset = UNSET,
    tag: None | str | Unset = UNSET,
    assignee: None | str | Unset = UNSET,
    q: None | str | Unset = UNSET,
    created_from: None | str | Unset = UNSET,
    created_to: None | str | Unset = UNSET,
    created_last_days: int | None | Unset = UNSET,
) -> dict[str, Any]:

    params: dict[str, Any] = {}

    json_sort: str | Unset = UNSET
    if not isinstance(sort, Unset):
        json_sort = sort

    params["sort"] = json_sort

    params["limit"] = limit

    json_cursor: None | str | Unset
    if isinstance(cursor, Unset):
        json_cursor = UNSET
    else:
        json_cursor = cursor
    params["cursor"] = json_cursor

    json_status: None | str | Unset
    if isinstance(status, Unset):
        json_status = UNSET
    elif isinstance(status, str):
        json_status = status
    else:
        json_status = status
    params["status"] = json_status

    json_payment_status: None | str | Unset
    if isinstance(payment_status, Unset):
        json_payment_status = UNSET
    elif isinstance(payment_status, str):
        json_payment_status = payment_status
    else:
        json_payment_status = payment_status
    params["payment_status"] = json_payment_status

    json_fulfilment_status: None | str | Unset
    if isinstance(fulfilment_status, Unset):
        json_fulfilment_status = UNSET
    elif isinstance(fulfilment_status, str):
        json_fulfilment_status = fulfilment_status
    else:
        json_fulfilment_status = fulfilment_status
    params["fulfilment_status"] = json_fulfilment_status

    json_late: Literal["any"] | None | str | Unset
    if isinstance(late, Unset):
        json_late = UNSET
    elif isinstance(late, str):
        json_late = late
    else:
        json_late = late
    params["late"] = json_late

    json_channel: None | str | Unset
    if isinstance(channel, Unset):
        json_channel = UNSET
    else:
        json_channel = channel
    params["channel"] = json_channel

    json_customer: None | str | Unset
    if isinstance(customer, Unset):
        json_customer = UNSET
    else:
        json_customer = customer
    params["customer"] = json_customer

    json_warehouse: None | str | Unset
    if isinstance(warehouse, Unset):
        json_warehouse = UNSET
    else:
        json_warehouse = warehouse
    params["warehouse"] = json_warehouse

    json_hold: Literal["any"] | None | str | Unset
    if isinstance(hold, Unset):
        json_hold = UNSET
    elif isinstance(hold, str):
        json_hold = hold
    else:
        json_hold = hold
    params["hold"] = json_hold

    json_priority: None | str | Unset
    if isinstance(priority, Unset):
        json_priority = UNSET
    elif isinstance(priority, str):
        json_priority = priority
    else:
        json_priority = priority
    params["priority"] = json_priority

    json_tag: None | str | Unset
    if isinstance(tag, Unset):
        json_tag = UNSET
    else:
        json_tag = tag
    params["tag"] = json_tag

    json_assignee: None | str | Unset
    if isinstance(assignee, Unset):
        json_assignee = UNSET
    else:
        json_assignee = assignee
    params["assignee"] = json_assignee

    json_q: None | str | Unset
    if isinstance(q, Unset):
        json_q = UNSET
    else:
        json_q = q
    params["q"] = json_q

    json_created_from: None | str | Unset
    if isinstance(created_from, Unset):
        json_created_from = UNSET
    else:
        json_created_from = created_from
    params["created_from"] = json_created_from

    json_created_to: None | str | Unset
    if isinstance(created_to, Unset):
        json_created_to = UNSET
    else:
        json_created_to = created_to
    params["created_to"] = json_created_to

    json_created_last_days: int | None | Unset
    if isinstance(created_last_days, Unset):
        json_created_last_days = UNSET
    else:
        json_created_last_days = created_last_days
    params["created_last_days"] = json_created_last_days

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/v1/orders",
        "params": params,
    }

    return _kwargs


def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> OrderPage | Problem | None:
    if response.status_code == 200:
        response_200 = OrderPage.from_dict(response.json())

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


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[OrderPage | Problem]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    sort: ListOrdersSort | Unset = "-created_at",
    limit: int | Unset = 50,
    cursor: None | str | Unset = UNSET,
    status: None | Status | Unset = UNSET,
    payment_status: None | PaymentState | Unset = UNSET,
    fulfilment_status: FulfilmentState | None | Unset = UNSET,
    late: Lateness | Literal["any"] | None | Unset = UNSET,
    channel: None | str | Unset = UNSET,
    customer: None | str | Unset = UNSET,
    warehouse: None | str | Unset = UNSET,
    hold: HoldKind | Literal["any"] | None | Unset = UNSET,
    priority: None | Priority | Unset = UNSET,
    tag: None | str | Unset = UNSET,
    assignee: None | str | Unset = UNSET,
    q: None | str | Unset = UNSET,
    created_from: None | str | Unset = UNSET,
    created_to: None | str | Unset = UNSET,
    created_last_days: int | None | Unset = UNSET,
) -> Response[OrderPage | Problem]:
    """
    Args:
        sort (ListOrdersSort | Unset):  Default: '-created_at'.
        limit (int | Unset):  Default: 50.
        cursor (None | str | Unset):
        status (None | Status | Unset):
        payment_status (None | PaymentState | Unset):
        fulfilment_status (FulfilmentState | None | Unset):
        late (Lateness | Literal['any'] | None | Unset):
        channel (None | str | Unset):
        customer (None | str | Unset):
        warehouse (None | str | Unset):
        hold (HoldKind | Literal['any'] | None | Unset):
        priority (None | Priority | Unset):
        tag (None | str | Unset):
        assignee (None | str | Unset):
        q (None | str | Unset):
        created_from (None | str | Unset):
        created_to (None | str | Unset):
        created_last_days (int | None | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[OrderPage | Problem]
    """

    kwargs = _get_kwargs(
        sort=sort,
        limit=limit,
        cursor=cursor,
        status=status,
        payment_status=payment_status,
        fulfilment_status=fulfilment_status,
        late=late,
        channel=channel,
        customer=customer,
        warehouse=warehouse,
        hold=hold,
        priority=priority,
        tag=tag,
        assignee=assignee,
        q=q,
        created_from=created_from,
        created_to=created_to,
        created_last_days=created_last_days,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient,
    sort: ListOrdersSort | Unset = "-created_at",
    limit: int | Unset = 50,
    cursor: None | str | Unset = UNSET,
    status: None | Status | Unset = UNSET,
    payment_status: None | PaymentState | Unset = UNSET,
    fulfilment_status: FulfilmentState | None | Unset = UNSET,
    late: Lateness | Literal["any"] | None | Unset = UNSET,
    channel: None | str | Unset = UNSET,
    customer: None | str | Unset = UNSET,
    warehouse: None | str | Unset = UNSET,
    hold: HoldKind | Literal["any"] | None | Unset = UNSET,
    priority: None | Priority | Unset = UNSET,
    tag: None | str | Unset = UNSET,
    assignee: None | str | Unset = UNSET,
    q: None | str | Unset = UNSET,
    created_from: None | str | Unset = UNSET,
    created_to: None | str | Unset = UNSET,
    created_last_days: int | None | Unset = UNSET,
) -> OrderPage | Problem | None:
    """
    Args:
        sort (ListOrdersSort | Unset):  Default: '-created_at'.
        limit (int | Unset):  Default: 50.
        cursor (None | str | Unset):
        status (None | Status | Unset):
        payment_status (None | PaymentState | Unset):
        fulfilment_status (FulfilmentState | None | Unset):
        late (Lateness | Literal['any'] | None | Unset):
        channel (None | str | Unset):
        customer (None | str | Unset):
        warehouse (None | str | Unset):
        hold (HoldKind | Literal['any'] | None | Unset):
        priority (None | Priority | Unset):
        tag (None | str | Unset):
        assignee (None | str | Unset):
        q (None | str | Unset):
        created_from (None | str | Unset):
        created_to (None | str | Unset):
        created_last_days (int | None | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        OrderPage | Problem
    """

    return sync_detailed(
        client=client,
        sort=sort,
        limit=limit,
        cursor=cursor,
        status=status,
        payment_status=payment_status,
        fulfilment_status=fulfilment_status,
        late=late,
        channel=channel,
        customer=customer,
        warehouse=warehouse,
        hold=hold,
        priority=priority,
        tag=tag,
        assignee=assignee,
        q=q,
        created_from=created_from,
        created_to=created_to,
        created_last_days=created_last_days,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    sort: ListOrdersSort | Unset = "-created_at",
    limit: int | Unset = 50,
    cursor: None | str | Unset = UNSET,
    status: None | Status | Unset = UNSET,
    payment_status: None | PaymentState | Unset = UNSET,
    fulfilment_status: FulfilmentState | None | Unset = UNSET,
    late: Lateness | Literal["any"] | None | Unset = UNSET,
    channel: None | str | Unset = UNSET,
    customer: None | str | Unset = UNSET,
    warehouse: None | str | Unset = UNSET,
    hold: HoldKind | Literal["any"] | None | Unset = UNSET,
    priority: None | Priority | Unset = UNSET,
    tag: None | str | Unset = UNSET,
    assignee: None | str | Unset = UNSET,
    q: None | str | Unset = UNSET,
    created_from: None | str | Unset = UNSET,
    created_to: None | str | Unset = UNSET,
    created_last_days: int | None | Unset = UNSET,
) -> Response[OrderPage | Problem]:
    """
    Args:
        sort (ListOrdersSort | Unset):  Default: '-created_at'.
        limit (int | Unset):  Default: 50.
        cursor (None | str | Unset):
        status (None | Status | Unset):
        payment_status (None | PaymentState | Unset):
        fulfilment_status (FulfilmentState | None | Unset):
        late (Lateness | Literal['any'] | None | Unset):
        channel (None | str | Unset):
        customer (None | str | Unset):
        warehouse (None | str | Unset):
        hold (HoldKind | Literal['any'] | None | Unset):
        priority (None | Priority | Unset):
        tag (None | str | Unset):
        assignee (None | str | Unset):
        q (None | str | Unset):
        created_from (None | str | Unset):
        created_to (None | str | Unset):
        created_last_days (int | None | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[OrderPage | Problem]
    """

    kwargs = _get_kwargs(
        sort=sort,
        limit=limit,
        cursor=cursor,
        status=status,
        payment_status=payment_status,
        fulfilment_status=fulfilment_status,
        late=late,
        channel=channel,
        customer=customer,
        warehouse=warehouse,
        hold=hold,
        priority=priority,
        tag=tag,
        assignee=assignee,
        q=q,
        created_from=created_from,
        created_to=created_to,
        created_last_days=created_last_days,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    sort: ListOrdersSort | Unset = "-created_at",
    limit: int | Unset = 50,
    cursor: None | str | Unset = UNSET,
    status: None | Status | Unset = UNSET,
    payment_status: None | PaymentState | Unset = UNSET,
    fulfilment_status: FulfilmentState | None | Unset = UNSET,
    late: Lateness | Literal["any"] | None | Unset = UNSET,
    channel: None | str | Unset = UNSET,
    customer: None | str | Unset = UNSET,
    warehouse: None | str | Unset = UNSET,
    hold: HoldKind | Literal["any"] | None | Unset = UNSET,
    priority: None | Priority | Unset = UNSET,
    tag: None | str | Unset = UNSET,
    assignee: None | str | Unset = UNSET,
    q: None | str | Unset = UNSET,
    created_from: None | str | Unset = UNSET,
    created_to: None | str | Unset = UNSET,
    created_last_days: int | None | Unset = UNSET,
) -> OrderPage | Problem | None:
    """
    Args:
        sort (ListOrdersSort | Unset):  Default: '-created_at'.
        limit (int | Unset):  Default: 50.
        cursor (None | str | Unset):
        status (None | Status | Unset):
        payment_status (None | PaymentState | Unset):
        fulfilment_status (FulfilmentState | None | Unset):
        late (Lateness | Literal['any'] | None | Unset):
        channel (None | str | Unset):
        customer (None | str | Unset):
        warehouse (None | str | Unset):
        hold (HoldKind | Literal['any'] | None | Unset):
        priority (None | Priority | Unset):
        tag (None | str | Unset):
        assignee (None | str | Unset):
        q (None | str | Unset):
        created_from (None | str | Unset):
        created_to (None | str | Unset):
        created_last_days (int | None | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        OrderPage | Problem
    """

    return (
        await asyncio_detailed(
            client=client,
            sort=sort,
            limit=limit,
            cursor=cursor,
            status=status,
            payment_status=payment_status,
            fulfilment_status=fulfilment_status,
            late=late,
            channel=channel,
            customer=customer,
            warehouse=warehouse,
            hold=hold,
            priority=priority,
            tag=tag,
            assignee=assignee,
            q=q,
            created_from=created_from,
            created_to=created_to,
            created_last_days=created_last_days,
        )
    ).parsed
