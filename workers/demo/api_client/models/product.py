# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="Product")


@_attrs_define
class Product:
    """
    Attributes:
        sku (str):
        name (str):
        price_minor (int):
        currency (str):
        active (bool):
        weight_g (int):
        created_at (datetime.datetime):
    """

    sku: str
    name: str
    price_minor: int
    currency: str
    active: bool
    weight_g: int
    created_at: datetime.datetime
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        sku = self.sku

        name = self.name

        price_minor = self.price_minor

        currency = self.currency

        active = self.active

        weight_g = self.weight_g

        created_at = self.created_at.isoformat()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "sku": sku,
                "name": name,
                "price_minor": price_minor,
                "currency": currency,
                "active": active,
                "weight_g": weight_g,
                "created_at": created_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        sku = d.pop("sku")

        name = d.pop("name")

        price_minor = d.pop("price_minor")

        currency = d.pop("currency")

        active = d.pop("active")

        weight_g = d.pop("weight_g")

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        product = cls(
            sku=sku,
            name=name,
            price_minor=price_minor,
            currency=currency,
            active=active,
            weight_g=weight_g,
            created_at=created_at,
        )

        product.additional_properties = d
        return product

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
