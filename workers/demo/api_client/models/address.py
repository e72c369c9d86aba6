# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="Address")


@_attrs_define
class Address:
    """
    Attributes:
        name (str):
        phone (str):
        country (str):
        province (str):
        city (str):
        district (str):
        line1 (str):
        postcode (str):
    """

    name: str
    phone: str
    country: str
    province: str
    city: str
    district: str
    line1: str
    postcode: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        name = self.name

        phone = self.phone

        country = self.country

        province = self.province

        city = self.city

        district = self.district

        line1 = self.line1

        postcode = self.postcode

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "name": name,
                "phone": phone,
                "country": country,
                "province": province,
                "city": city,
                "district": district,
                "line1": line1,
                "postcode": postcode,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        name = d.pop("name")

        phone = d.pop("phone")

        country = d.pop("country")

        province = d.pop("province")

        city = d.pop("city")

        district = d.pop("district")

        line1 = d.pop("line1")

        postcode = d.pop("postcode")

        address = cls(
            name=name,
            phone=phone,
            country=country,
            province=province,
            city=city,
            district=district,
            line1=line1,
            postcode=postcode,
        )

        address.additional_properties = d
        return address

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
