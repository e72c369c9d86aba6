# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.delivered_by import DeliveredBy, check_delivered_by
from ..models.product_kind import ProductKind, check_product_kind
from ..models.tax_category import TaxCategory, check_tax_category

if TYPE_CHECKING:
    from ..models.product_names import ProductNames


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
        names (ProductNames):
        barcode (None | str):
        tax_category (TaxCategory):
        category (None | str):
        kind (ProductKind):
        lead_time_days (int | None):
        delivered_by (DeliveredBy):
        confirmed_after_days (int | None):
        picture_id (None | str):
        version (int):
        created_at (datetime.datetime):
    """

    sku: str
    name: str
    price_minor: int
    currency: str
    active: bool
    weight_g: int
    names: ProductNames
    barcode: None | str
    tax_category: TaxCategory
    category: None | str
    kind: ProductKind
    lead_time_days: int | None
    delivered_by: DeliveredBy
    confirmed_after_days: int | None
    picture_id: None | str
    version: int
    created_at: datetime.datetime
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        sku = self.sku

        name = self.name

        price_minor = self.price_minor

        currency = self.currency

        active = self.active

        weight_g = self.weight_g

        names = self.names.to_dict()

        barcode: None | str
        barcode = self.barcode

        tax_category: str = self.tax_category

        category: None | str
        category = self.category

        kind: str = self.kind

        lead_time_days: int | None
        lead_time_days = self.lead_time_days

        delivered_by: str = self.delivered_by

        confirmed_after_days: int | None
        confirmed_after_days = self.confirmed_after_days

        picture_id: None | str
        picture_id = self.picture_id

        version = self.version

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
                "names": names,
                "barcode": barcode,
                "tax_category": tax_category,
                "category": category,
                "kind": kind,
                "lead_time_days": lead_time_days,
                "delivered_by": delivered_by,
                "confirmed_after_days": confirmed_after_days,
                "picture_id": picture_id,
                "version": version,
                "created_at": created_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.product_names import ProductNames  # noqa: PLC0415

        d = dict(src_dict)
        sku = d.pop("sku")

        name = d.pop("name")

        price_minor = d.pop("price_minor")

        currency = d.pop("currency")

        active = d.pop("active")

        weight_g = d.pop("weight_g")

        names = ProductNames.from_dict(d.pop("names"))

        def _parse_barcode(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        barcode = _parse_barcode(d.pop("barcode"))

        tax_category = check_tax_category(d.pop("tax_category"))

        def _parse_category(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        category = _parse_category(d.pop("category"))

        kind = check_product_kind(d.pop("kind"))

        def _parse_lead_time_days(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        lead_time_days = _parse_lead_time_days(d.pop("lead_time_days"))

        delivered_by = check_delivered_by(d.pop("delivered_by"))

        def _parse_confirmed_after_days(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        confirmed_after_days = _parse_confirmed_after_days(d.pop("confirmed_after_days"))

        def _parse_picture_id(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        picture_id = _parse_picture_id(d.pop("picture_id"))

        version = d.pop("version")

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        product = cls(
            sku=sku,
            name=name,
            price_minor=price_minor,
            currency=currency,
            active=active,
            weight_g=weight_g,
            names=names,
            barcode=barcode,
            tax_category=tax_category,
            category=category,
            kind=kind,
            lead_time_days=lead_time_days,
            delivered_by=delivered_by,
            confirmed_after_days=confirmed_after_days,
            picture_id=picture_id,
            version=version,
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
