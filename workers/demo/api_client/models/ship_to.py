# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="ShipTo")


@_attrs_define
class ShipTo:
    """
    Attributes:
        name (str):
        country (str):
        province (str):
        city (str):
        line1 (str):
        phone (str | Unset):  Default: ''.
        district (str | Unset):  Default: ''.
        postcode (str | Unset):  Default: ''.
    """

    name: str
    country: str
    province: str
    city: str
    line1: str
    phone: str | Unset = ""
    district: str | Unset = ""
    postcode: str | Unset = ""

    def to_dict(self) -> dict[str, Any]:
        name = self.name

        country = self.country

        province = self.province

        city = self.city

        line1 = self.line1

        phone = self.phone

        district = self.district

        postcode = self.postcode

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "name": name,
                "country": country,
                "province": province,
                "city": city,
                "line1": line1,
            }
        )
        if phone is not UNSET:
            field_dict["phone"] = phone
        if district is not UNSET:
            field_dict["district"] = district
        if postcode is not UNSET:
            field_dict["postcode"] = postcode

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        name = d.pop("name")

        country = d.pop("country")

        province = d.pop("province")

        city = d.pop("city")

        line1 = d.pop("line1")

        phone = d.pop("phone", UNSET)

        district = d.pop("district", UNSET)

        postcode = d.pop("postcode", UNSET)

        ship_to = cls(
            name=name,
            country=country,
            province=province,
            city=city,
            line1=line1,
            phone=phone,
            district=district,
            postcode=postcode,
        )

        return ship_to
