# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="CustomerCredit")


@_attrs_define
class CustomerCredit:
    """
    Attributes:
        customer_id (str):
        currency (str):
        limit_minor (int):
        terms_days (int):
        used_minor (int):
        left_minor (int):
    """

    customer_id: str
    currency: str
    limit_minor: int
    terms_days: int
    used_minor: int
    left_minor: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        customer_id = self.customer_id

        currency = self.currency

        limit_minor = self.limit_minor

        terms_days = self.terms_days

        used_minor = self.used_minor

        left_minor = self.left_minor

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "customer_id": customer_id,
                "currency": currency,
                "limit_minor": limit_minor,
                "terms_days": terms_days,
                "used_minor": used_minor,
                "left_minor": left_minor,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        customer_id = d.pop("customer_id")

        currency = d.pop("currency")

        limit_minor = d.pop("limit_minor")

        terms_days = d.pop("terms_days")

        used_minor = d.pop("used_minor")

        left_minor = d.pop("left_minor")

        customer_credit = cls(
            customer_id=customer_id,
            currency=currency,
            limit_minor=limit_minor,
            terms_days=terms_days,
            used_minor=used_minor,
            left_minor=left_minor,
        )

        customer_credit.additional_properties = d
        return customer_credit

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
