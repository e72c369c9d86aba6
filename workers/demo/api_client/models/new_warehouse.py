# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..models.warehouse_kind import WarehouseKind, check_warehouse_kind
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
        kind (WarehouseKind | Unset):
        lead_time_days (int | Unset):  Default: 0.
        district (str | Unset):  Default: ''.
        line1 (str | Unset):  Default: ''.
        postcode (str | Unset):  Default: ''.
        contact_name (str | Unset):  Default: ''.
        phone (str | Unset):  Default: ''.
        priority (int | Unset):  Default: 100.
    """

    code: str
    name: str
    country: str
    province: str
    city: str
    kind: WarehouseKind | Unset = UNSET
    lead_time_days: int | Unset = 0
    district: str | Unset = ""
    line1: str | Unset = ""
    postcode: str | Unset = ""
    contact_name: str | Unset = ""
    phone: str | Unset = ""
    priority: int | Unset = 100

    def to_dict(self) -> dict[str, Any]:
        code = self.code

        name = self.name

        country = self.country

        province = self.province

        city = self.city

        kind: str | Unset = UNSET
        if not isinstance(self.kind, Unset):
            kind = self.kind

        lead_time_days = self.lead_time_days

        district = self.district

        line1 = self.line1

        postcode = self.postcode

        contact_name = self.contact_name

        phone = self.phone

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
        if kind is not UNSET:
            field_dict["kind"] = kind
        if lead_time_days is not UNSET:
            field_dict["lead_time_days"] = lead_time_days
        if district is not UNSET:
            field_dict["district"] = district
        if line1 is not UNSET:
            field_dict["line1"] = line1
        if postcode is not UNSET:
            field_dict["postcode"] = postcode
        if contact_name is not UNSET:
            field_dict["contact_name"] = contact_name
        if phone is not UNSET:
            field_dict["phone"] = phone
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

        _kind = d.pop("kind", UNSET)
        kind: WarehouseKind | Unset
        if isinstance(_kind, Unset):
            kind = UNSET
        else:
            kind = check_warehouse_kind(_kind)

        lead_time_days = d.pop("lead_time_days", UNSET)

        district = d.pop("district", UNSET)

        line1 = d.pop("line1", UNSET)

        postcode = d.pop("postcode", UNSET)

        contact_name = d.pop("contact_name", UNSET)

        phone = d.pop("phone", UNSET)

        priority = d.pop("priority", UNSET)

        new_warehouse = cls(
            code=code,
            name=name,
            country=country,
            province=province,
            city=city,
            kind=kind,
            lead_time_days=lead_time_days,
            district=district,
            line1=line1,
            postcode=postcode,
            contact_name=contact_name,
            phone=phone,
            priority=priority,
        )

        return new_warehouse
