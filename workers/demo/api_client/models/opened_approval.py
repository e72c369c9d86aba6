# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, Literal, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="OpenedApproval")


@_attrs_define
class OpenedApproval:
    """
    Attributes:
        approval_id (str):
        state (Literal['waiting']):
        orders (int):
        amount_minor (int):
        currency (None | str):
        expires_at (datetime.datetime):
    """

    approval_id: str
    state: Literal["waiting"]
    orders: int
    amount_minor: int
    currency: None | str
    expires_at: datetime.datetime
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        approval_id = self.approval_id

        state = self.state

        orders = self.orders

        amount_minor = self.amount_minor

        currency: None | str
        currency = self.currency

        expires_at = self.expires_at.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "approval_id": approval_id,
                "state": state,
                "orders": orders,
                "amount_minor": amount_minor,
                "currency": currency,
                "expires_at": expires_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        approval_id = d.pop("approval_id")

        state = cast(Literal["waiting"], d.pop("state"))
        if state != "waiting":
            raise ValueError(f"state must match const 'waiting', got '{state}'")

        orders = d.pop("orders")

        amount_minor = d.pop("amount_minor")

        def _parse_currency(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        currency = _parse_currency(d.pop("currency"))

        expires_at = datetime.datetime.fromisoformat(d.pop("expires_at"))

        opened_approval = cls(
            approval_id=approval_id,
            state=state,
            orders=orders,
            amount_minor=amount_minor,
            currency=currency,
            expires_at=expires_at,
        )

        opened_approval.additional_properties = d
        return opened_approval

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
