# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.refund_status import RefundStatus, check_refund_status

T = TypeVar("T", bound="ReturnRefund")


@_attrs_define
class ReturnRefund:
    """
    Attributes:
        refund_id (str):
        amount_minor (int):
        currency (str):
        status (RefundStatus):
    """

    refund_id: str
    amount_minor: int
    currency: str
    status: RefundStatus
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        refund_id = self.refund_id

        amount_minor = self.amount_minor

        currency = self.currency

        status: str = self.status

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "refund_id": refund_id,
                "amount_minor": amount_minor,
                "currency": currency,
                "status": status,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        refund_id = d.pop("refund_id")

        amount_minor = d.pop("amount_minor")

        currency = d.pop("currency")

        status = check_refund_status(d.pop("status"))

        return_refund = cls(
            refund_id=refund_id,
            amount_minor=amount_minor,
            currency=currency,
            status=status,
        )

        return_refund.additional_properties = d
        return return_refund

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
