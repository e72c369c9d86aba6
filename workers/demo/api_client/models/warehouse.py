# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.warehouse_kind import WarehouseKind, check_warehouse_kind

T = TypeVar("T", bound="Warehouse")


@_attrs_define
class Warehouse:
    """
    Attributes:
        code (str):
        name (str):
        kind (WarehouseKind):
        lead_time_days (int):
        country (str):
        province (str):
        city (str):
        district (str):
        line1 (str):
        postcode (str):
        contact_name (str):
        phone (str):
        priority (int):
        is_default (bool):
        active (bool):
        version (int):
    """

    code: str
    name: str
    kind: WarehouseKind
    lead_time_days: int
    country: str
    province: str
    city: str
    district: str
    line1: str
    postcode: str
    contact_name: str
    phone: str
    priority: int
    is_default: bool
    active: bool
    version: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        code = self.code

        name = self.name

        kind: str = self.kind

        lead_time_days = self.lead_time_days

        country = self.country

        province = self.province

        city = self.city

        district = self.district

        line1 = self.line1

        postcode = self.postcode

        contact_name = self.contact_name

        phone = self.phone

        priority = self.priority

        is_default = self.is_default

        active = self.active

        version = self.version

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "code": code,
                "name": name,
                "kind": kind,
                "lead_time_days": lead_time_days,
                "country": country,
                "province": province,
                "city": city,
                "district": district,
                "line1": line1,
                "postcode": postcode,
                "contact_name": contact_name,
                "phone": phone,
                "priority": priority,
                "is_default": is_default,
                "active": active,
                "version": version,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        code = d.pop("code")

        name = d.pop("name")

        kind = check_warehouse_kind(d.pop("kind"))

        lead_time_days = d.pop("lead_time_days")

        country = d.pop("country")

        province = d.pop("province")

        city = d.pop("city")

        district = d.pop("district")

        line1 = d.pop("line1")

        postcode = d.pop("postcode")

        contact_name = d.pop("contact_name")

        phone = d.pop("phone")

        priority = d.pop("priority")

        is_default = d.pop("is_default")

        active = d.pop("active")

        version = d.pop("version")

        warehouse = cls(
            code=code,
            name=name,
            kind=kind,
            lead_time_days=lead_time_days,
            country=country,
            province=province,
            city=city,
            district=district,
            line1=line1,
            postcode=postcode,
            contact_name=contact_name,
            phone=phone,
            priority=priority,
            is_default=is_default,
            active=active,
            version=version,
        )

        warehouse.additional_properties = d
        return warehouse

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
