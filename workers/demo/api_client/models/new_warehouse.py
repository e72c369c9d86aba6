# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="NewWarehouse")


@_attrs_define
class NewWarehouse:
    """
    Attributes:
        code (str):
        name (str):
        country (str):
        province (str):
        city (str):
        priority (int | Unset):  Default: 100.
    """

    code: str
    name: str
    country: str
    province: str
    city: str
    priority: int | Unset = 100

    def to_dict(self) -> dict[str, Any]:
        code = self.code

        name = self.name

        country = self.country

        province = self.province

        city = self.city

        priority = self.priority

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "code": code,
                "name": name,
                "country": country,
                "province": province,
                "city": city,
            }
        )
        if priority is not UNSET:
            field_dict["priority"] = priority

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        code = d.pop("code")

        name = d.pop("name")

        country = d.pop("country")

        province = d.pop("province")

        city = d.pop("city")

        priority = d.pop("priority", UNSET)

        new_warehouse = cls(
            code=code,
            name=name,
            country=country,
            province=province,
            city=city,
            priority=priority,
        )

        return new_warehouse
