"""Customers as the API shows them."""

from typing import Literal

from pydantic import BaseModel, Field

from api.schemas.answers import CurrencyCode, Minor, NextCursor, Time
from api.schemas.fields import Body, Grouping
from api.schemas.orders.listing import OrderRow
from api.schemas.payments.store_credit import StoreCreditBalance


class SetCustomerGroup(Body):
    """The group that a customer belongs to; null for none. Strategies of sourcing can be for some groups."""

    customer_group: Grouping | None


class CustomerGroup(BaseModel):
    """A customer with the group."""

    customer_id: str
    customer_group: str | None


class CustomerRow(BaseModel):
    """A customer of a list; name, e-mail and phone are null where none is known or where the customer was erased."""

    customer_id: str
    name: str | None
    email: str | None
    phone: str | None
    created_at: Time
    orders: int = Field(description="How many orders there are, counted up to 1,000.")
    last_order_at: Time | None
    erased: bool


class CustomerPage(BaseModel):
    """A page of customers in the order of their ids."""

    items: list[CustomerRow]
    next_cursor: NextCursor


class CustomerContact(BaseModel):
    """A way in which the customer was named. `current`: how they are known now."""

    name: str | None
    email: str | None
    phone: str | None
    channels: list[str] = Field(description="Channels whose newest word this is.")
    current: bool
    at: Time


class CustomerSpend(BaseModel):
    """What the customer paid and kept, of their newest 10,000 orders."""

    currency: CurrencyCode
    orders: int
    cancelled: int
    paid_minor: Minor
    refunded_minor: Minor
    net_minor: Minor


class CustomerMessage(BaseModel):
    """A message to the customer about an order; `to` is masked."""

    message_id: str
    order_no: str
    fact: str
    channel: str
    state: str
    to: str | None
    created_at: Time
    sent_at: Time | None


class CustomerReturn(BaseModel):
    """A return of the customer."""

    return_id: str
    return_no: int
    order_no: str
    status: str
    resolution: str
    created_at: Time


class CustomerDetail(BaseModel):
    """A customer with contacts now and before, newest first, and their newest orders, messages and returns."""

    customer_id: str
    name: str | None
    email: str | None
    phone: str | None
    language: Literal["en", "zh"] | None
    customer_group: str | None = Field(description="Strategies of sourcing can be for some groups.")
    created_at: Time
    updated_at: Time
    erased: bool
    contacts: list[CustomerContact]
    spend: list[CustomerSpend]
    store_credit: list[StoreCreditBalance]
    orders: list[OrderRow]
    orders_cursor: NextCursor = Field(description="For GET /v1/orders?customer=, behind these orders.")
    messages: list[CustomerMessage]
    returns: list[CustomerReturn]
