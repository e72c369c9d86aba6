# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.reason import Reason, check_reason
from ..models.resolution import Resolution, check_resolution
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.payment import Payment
    from ..models.pieces_of_sku import PiecesOfSku
    from ..models.return_line import ReturnLine


T = TypeVar("T", bound="AskReturn")


@_attrs_define
class AskReturn:
    """
    Attributes:
        lines (list[ReturnLine]):
        reason (str):
        reason_code (Reason | Unset):
        resolution (Resolution | Unset):
        exchange_lines (list[PiecesOfSku] | None | Unset):
        advance (bool | Unset):  Default: False.
        payment (None | Payment | Unset):
        photographs (list[str] | Unset):
    """

    lines: list[ReturnLine]
    reason: str
    reason_code: Reason | Unset = UNSET
    resolution: Resolution | Unset = UNSET
    exchange_lines: list[PiecesOfSku] | None | Unset = UNSET
    advance: bool | Unset = False
    payment: None | Payment | Unset = UNSET
    photographs: list[str] | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        from ..models.payment import Payment  # noqa: PLC0415

        lines = []
        for lines_item_data in self.lines:
            lines_item = lines_item_data.to_dict()
            lines.append(lines_item)

        reason = self.reason

        reason_code: str | Unset = UNSET
        if not isinstance(self.reason_code, Unset):
            reason_code = self.reason_code

        resolution: str | Unset = UNSET
        if not isinstance(self.resolution, Unset):
            resolution = self.resolution

        exchange_lines: list[dict[str, Any]] | None | Unset
        if isinstance(self.exchange_lines, Unset):
            exchange_lines = UNSET
        elif isinstance(self.exchange_lines, list):
            exchange_lines = []
            for exchange_lines_type_0_item_data in self.exchange_lines:
                exchange_lines_type_0_item = exchange_lines_type_0_item_data.to_dict()
                exchange_lines.append(exchange_lines_type_0_item)

        else:
            exchange_lines = self.exchange_lines

        advance = self.advance

        payment: dict[str, Any] | None | Unset
        if isinstance(self.payment, Unset):
            payment = UNSET
        elif isinstance(self.payment, Payment):
            payment = self.payment.to_dict()
        else:
            payment = self.payment

        photographs: list[str] | Unset = UNSET
        if not isinstance(self.photographs, Unset):
            photographs = self.photographs

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "lines": lines,
                "reason": reason,
            }
        )
        if reason_code is not UNSET:
            field_dict["reason_code"] = reason_code
        if resolution is not UNSET:
            field_dict["resolution"] = resolution
        if exchange_lines is not UNSET:
            field_dict["exchange_lines"] = exchange_lines
        if advance is not UNSET:
            field_dict["advance"] = advance
        if payment is not UNSET:
            field_dict["payment"] = payment
        if photographs is not UNSET:
            field_dict["photographs"] = photographs

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.payment import Payment  # noqa: PLC0415
        from ..models.pieces_of_sku import PiecesOfSku  # noqa: PLC0415
        from ..models.return_line import ReturnLine  # noqa: PLC0415

        d = dict(src_dict)
        lines = []
        _lines = d.pop("lines")
        for lines_item_data in _lines:
            lines_item = ReturnLine.from_dict(lines_item_data)

            lines.append(lines_item)

        reason = d.pop("reason")

        _reason_code = d.pop("reason_code", UNSET)
        reason_code: Reason | Unset
        if isinstance(_reason_code, Unset):
            reason_code = UNSET
        else:
            reason_code = check_reason(_reason_code)

        _resolution = d.pop("resolution", UNSET)
        resolution: Resolution | Unset
        if isinstance(_resolution, Unset):
            resolution = UNSET
        else:
            resolution = check_resolution(_resolution)

        def _parse_exchange_lines(data: object) -> list[PiecesOfSku] | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                exchange_lines_type_0 = []
                _exchange_lines_type_0 = data
                for exchange_lines_type_0_item_data in _exchange_lines_type_0:
                    exchange_lines_type_0_item = PiecesOfSku.from_dict(exchange_lines_type_0_item_data)

                    exchange_lines_type_0.append(exchange_lines_type_0_item)

                return exchange_lines_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[PiecesOfSku] | None | Unset, data)

        exchange_lines = _parse_exchange_lines(d.pop("exchange_lines", UNSET))

        advance = d.pop("advance", UNSET)

        def _parse_payment(data: object) -> None | Payment | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                payment_type_0 = Payment.from_dict(data)

                return payment_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | Payment | Unset, data)

        payment = _parse_payment(d.pop("payment", UNSET))

        photographs = cast(list[str], d.pop("photographs", UNSET))

        ask_return = cls(
            lines=lines,
            reason=reason,
            reason_code=reason_code,
            resolution=resolution,
            exchange_lines=exchange_lines,
            advance=advance,
            payment=payment,
            photographs=photographs,
        )

        return ask_return
