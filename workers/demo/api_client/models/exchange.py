# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.exchange_status import ExchangeStatus, check_exchange_status

if TYPE_CHECKING:
    from ..models.exchange_line import ExchangeLine
    from ..models.guarantee import Guarantee


T = TypeVar("T", bound="Exchange")


@_attrs_define
class Exchange:
    """
    Attributes:
        order_no (None | str):
        status (ExchangeStatus):
        advance (bool):
        used_minor (int | None):
        guarantee (Guarantee | None):
        lines (list[ExchangeLine]):
    """

    order_no: None | str
    status: ExchangeStatus
    advance: bool
    used_minor: int | None
    guarantee: Guarantee | None
    lines: list[ExchangeLine]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.guarantee import Guarantee  # noqa: PLC0415

        order_no: None | str
        order_no = self.order_no

        status: str = self.status

        advance = self.advance

        used_minor: int | None
        used_minor = self.used_minor

        guarantee: dict[str, Any] | None
        if isinstance(self.guarantee, Guarantee):
            guarantee = self.guarantee.to_dict()
        else:
            guarantee = self.guarantee

        lines = []
        for lines_item_data in self.lines:
            lines_item = lines_item_data.to_dict()
            lines.append(lines_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "order_no": order_no,
                "status": status,
                "advance": advance,
                "used_minor": used_minor,
                "guarantee": guarantee,
                "lines": lines,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.exchange_line import ExchangeLine  # noqa: PLC0415
        from ..models.guarantee import Guarantee  # noqa: PLC0415

        d = dict(src_dict)

        def _parse_order_no(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        order_no = _parse_order_no(d.pop("order_no"))

        status = check_exchange_status(d.pop("status"))

        advance = d.pop("advance")

        def _parse_used_minor(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        used_minor = _parse_used_minor(d.pop("used_minor"))

        def _parse_guarantee(data: object) -> Guarantee | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                guarantee_type_0 = Guarantee.from_dict(data)

                return guarantee_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(Guarantee | None, data)

        guarantee = _parse_guarantee(d.pop("guarantee"))

        lines = []
        _lines = d.pop("lines")
        for lines_item_data in _lines:
            lines_item = ExchangeLine.from_dict(lines_item_data)

            lines.append(lines_item)

        exchange = cls(
            order_no=order_no,
            status=status,
            advance=advance,
            used_minor=used_minor,
            guarantee=guarantee,
            lines=lines,
        )

        exchange.additional_properties = d
        return exchange

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
