# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define

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
        )

        return new_product
