# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.delivered_by import DeliveredBy, check_delivered_by
from ..models.product_kind import ProductKind, check_product_kind
from ..models.tax_category import TaxCategory, check_tax_category
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.new_product_names import NewProductNames


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
        names (NewProductNames | Unset):
        barcode (None | str | Unset):
        tax_category (TaxCategory | Unset):
        category (None | str | Unset):
        kind (ProductKind | Unset):
        lead_time_days (int | None | Unset):
        delivered_by (DeliveredBy | Unset):
        confirmed_after_days (int | None | Unset):
    """

    sku: str
    name: str
    price_minor: int
    currency: str
    active: bool | Unset = True
    weight_g: int | Unset = 500
    names: NewProductNames | Unset = UNSET
    barcode: None | str | Unset = UNSET
    tax_category: TaxCategory | Unset = UNSET
    category: None | str | Unset = UNSET
    kind: ProductKind | Unset = UNSET
    lead_time_days: int | None | Unset = UNSET
    delivered_by: DeliveredBy | Unset = UNSET
    confirmed_after_days: int | None | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        sku = self.sku

        name = self.name

        price_minor = self.price_minor

        currency = self.currency

        active = self.active

        weight_g = self.weight_g

        names: dict[str, Any] | Unset = UNSET
        if not isinstance(self.names, Unset):
            names = self.names.to_dict()

        barcode: None | str | Unset
        if isinstance(self.barcode, Unset):
            barcode = UNSET
        else:
            barcode = self.barcode

        tax_category: str | Unset = UNSET
        if not isinstance(self.tax_category, Unset):
            tax_category = self.tax_category

        category: None | str | Unset
        if isinstance(self.category, Unset):
            category = UNSET
        else:
            category = self.category

        kind: str | Unset = UNSET
        if not isinstance(self.kind, Unset):
            kind = self.kind

        lead_time_days: int | None | Unset
        if isinstance(self.lead_time_days, Unset):
            lead_time_days = UNSET
        else:
            lead_time_days = self.lead_time_days

        delivered_by: str | Unset = UNSET
        if not isinstance(self.delivered_by, Unset):
            delivered_by = self.delivered_by

        confirmed_after_days: int | None | Unset
        if isinstance(self.confirmed_after_days, Unset):
            confirmed_after_days = UNSET
        else:
            confirmed_after_days = self.confirmed_after_days

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
        if names is not UNSET:
            field_dict["names"] = names
        if barcode is not UNSET:
            field_dict["barcode"] = barcode
        if tax_category is not UNSET:
            field_dict["tax_category"] = tax_category
        if category is not UNSET:
            field_dict["category"] = category
        if kind is not UNSET:
            field_dict["kind"] = kind
        if lead_time_days is not UNSET:
            field_dict["lead_time_days"] = lead_time_days
        if delivered_by is not UNSET:
            field_dict["delivered_by"] = delivered_by
        if confirmed_after_days is not UNSET:
            field_dict["confirmed_after_days"] = confirmed_after_days

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.new_product_names import NewProductNames  # noqa: PLC0415

        d = dict(src_dict)
        sku = d.pop("sku")

        name = d.pop("name")

        price_minor = d.pop("price_minor")

        currency = d.pop("currency")

        active = d.pop("active", UNSET)

        weight_g = d.pop("weight_g", UNSET)

        _names = d.pop("names", UNSET)
        names: NewProductNames | Unset
        if isinstance(_names, Unset):
            names = UNSET
        else:
            names = NewProductNames.from_dict(_names)

        def _parse_barcode(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        barcode = _parse_barcode(d.pop("barcode", UNSET))

        _tax_category = d.pop("tax_category", UNSET)
        tax_category: TaxCategory | Unset
        if isinstance(_tax_category, Unset):
            tax_category = UNSET
        else:
            tax_category = check_tax_category(_tax_category)

        def _parse_category(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        category = _parse_category(d.pop("category", UNSET))

        _kind = d.pop("kind", UNSET)
        kind: ProductKind | Unset
        if isinstance(_kind, Unset):
            kind = UNSET
        else:
            kind = check_product_kind(_kind)

        def _parse_lead_time_days(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        lead_time_days = _parse_lead_time_days(d.pop("lead_time_days", UNSET))

        _delivered_by = d.pop("delivered_by", UNSET)
        delivered_by: DeliveredBy | Unset
        if isinstance(_delivered_by, Unset):
            delivered_by = UNSET
        else:
            delivered_by = check_delivered_by(_delivered_by)

        def _parse_confirmed_after_days(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        confirmed_after_days = _parse_confirmed_after_days(d.pop("confirmed_after_days", UNSET))

        new_product = cls(
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
        )

        return new_product
