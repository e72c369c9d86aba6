# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="NewProduct")


@_attrs_define
class NewProduct:
    """
    Attributes:
        sku (str):
        name (str):
        price_minor (int):
        currency (str):
        active (bool | Unset):  Default: True.
        weight_g (int | Unset):  Default: 500.
    """

    sku: str
    name: str
    price_minor: int
    currency: str
    active: bool | Unset = True
    weight_g: int | Unset = 500

    def to_dict(self) -> dict[str, Any]:
        sku = self.sku

        name = self.name

        price_minor = self.price_minor

        currency = self.currency

        active = self.active

        weight_g = self.weight_g

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "sku": sku,
                "name": name,
                "price_minor": price_minor,
                "currency": currency,
            }
        )
        if active is not UNSET:
            field_dict["active"] = active
        if weight_g is not UNSET:
            field_dict["weight_g"] = weight_g

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        sku = d.pop("sku")

        name = d.pop("name")

        price_minor = d.pop("price_minor")

        currency = d.pop("currency")

        active = d.pop("active", UNSET)

        weight_g = d.pop("weight_g", UNSET)

        new_product = cls(
            sku=sku,
            name=name,
            price_minor=price_minor,
            currency=currency,
            active=active,
            weight_g=weight_g,
        )

        return new_product
