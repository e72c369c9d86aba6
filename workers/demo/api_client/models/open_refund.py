# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.refund_line import RefundLine


T = TypeVar("T", bound="OpenRefund")


@_attrs_define
class OpenRefund:
    """
    Attributes:
        reason (str):
        amount_minor (int | None | Unset):
        lines (list[RefundLine] | None | Unset):
        include_shipping (bool | Unset):  Default: False.
        despite_returns (bool | Unset):  Default: False.
        currency (None | str | Unset):
    """

    reason: str
    amount_minor: int | None | Unset = UNSET
    lines: list[RefundLine] | None | Unset = UNSET
    include_shipping: bool | Unset = False
    despite_returns: bool | Unset = False
    currency: None | str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        reason = self.reason

        amount_minor: int | None | Unset
        if isinstance(self.amount_minor, Unset):
            amount_minor = UNSET
        else:
            amount_minor = self.amount_minor

        lines: list[dict[str, Any]] | None | Unset
        if isinstance(self.lines, Unset):
            lines = UNSET
        elif isinstance(self.lines, list):
            lines = []
            for lines_type_0_item_data in self.lines:
                lines_type_0_item = lines_type_0_item_data.to_dict()
                lines.append(lines_type_0_item)

        else:
            lines = self.lines

        include_shipping = self.include_shipping

        despite_returns = self.despite_returns

        currency: None | str | Unset
        if isinstance(self.currency, Unset):
            currency = UNSET
        else:
            currency = self.currency

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "reason": reason,
            }
        )
        if amount_minor is not UNSET:
            field_dict["amount_minor"] = amount_minor
        if lines is not UNSET:
            field_dict["lines"] = lines
        if include_shipping is not UNSET:
            field_dict["include_shipping"] = include_shipping
        if despite_returns is not UNSET:
            field_dict["despite_returns"] = despite_returns
        if currency is not UNSET:
            field_dict["currency"] = currency

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.refund_line import RefundLine  # noqa: PLC0415

        d = dict(src_dict)
        reason = d.pop("reason")

        def _parse_amount_minor(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        amount_minor = _parse_amount_minor(d.pop("amount_minor", UNSET))

        def _parse_lines(data: object) -> list[RefundLine] | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                lines_type_0 = []
                _lines_type_0 = data
                for lines_type_0_item_data in _lines_type_0:
                    lines_type_0_item = RefundLine.from_dict(lines_type_0_item_data)

                    lines_type_0.append(lines_type_0_item)

                return lines_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[RefundLine] | None | Unset, data)

        lines = _parse_lines(d.pop("lines", UNSET))

        include_shipping = d.pop("include_shipping", UNSET)

        despite_returns = d.pop("despite_returns", UNSET)

        def _parse_currency(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        currency = _parse_currency(d.pop("currency", UNSET))

        open_refund = cls(
            reason=reason,
            amount_minor=amount_minor,
            lines=lines,
            include_shipping=include_shipping,
            despite_returns=despite_returns,
            currency=currency,
        )

        return open_refund
