# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.resolution import Resolution, check_resolution
from ..models.return_due import ReturnDue, check_return_due
from ..models.return_status import ReturnStatus, check_return_status

if TYPE_CHECKING:
    from ..models.kept_amount import KeptAmount
    from ..models.previewed_exchange import PreviewedExchange
    from ..models.previewed_line import PreviewedLine
    from ..models.previewed_refund import PreviewedRefund


T = TypeVar("T", bound="ReturnConsequence")


@_attrs_define
class ReturnConsequence:
    """
    Attributes:
        resolution (Resolution):
        status (ReturnStatus):
        lines (list[PreviewedLine]):
        refund (PreviewedRefund):
        kept (list[KeptAmount]):
        send_within_s (int):
        answer_within_s (int | None):
        window_until (datetime.datetime | None):
        default_outcome (ReturnDue):
        exchange (None | PreviewedExchange):
    """

    resolution: Resolution
    status: ReturnStatus
    lines: list[PreviewedLine]
    refund: PreviewedRefund
    kept: list[KeptAmount]
    send_within_s: int
    answer_within_s: int | None
    window_until: datetime.datetime | None
    default_outcome: ReturnDue
    exchange: None | PreviewedExchange
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.previewed_exchange import PreviewedExchange  # noqa: PLC0415

        resolution: str = self.resolution

        status: str = self.status

        lines = []
        for lines_item_data in self.lines:
            lines_item = lines_item_data.to_dict()
            lines.append(lines_item)

        refund = self.refund.to_dict()

        kept = []
        for kept_item_data in self.kept:
            kept_item = kept_item_data.to_dict()
            kept.append(kept_item)

        send_within_s = self.send_within_s

        answer_within_s: int | None
        answer_within_s = self.answer_within_s

        window_until: None | str
        if isinstance(self.window_until, datetime.datetime):
            window_until = self.window_until.isoformat()
        else:
            window_until = self.window_until

        default_outcome: str = self.default_outcome

        exchange: dict[str, Any] | None
        if isinstance(self.exchange, PreviewedExchange):
            exchange = self.exchange.to_dict()
        else:
            exchange = self.exchange

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "resolution": resolution,
                "status": status,
                "lines": lines,
                "refund": refund,
                "kept": kept,
                "send_within_s": send_within_s,
                "answer_within_s": answer_within_s,
                "window_until": window_until,
                "default_outcome": default_outcome,
                "exchange": exchange,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.kept_amount import KeptAmount  # noqa: PLC0415
        from ..models.previewed_exchange import PreviewedExchange  # noqa: PLC0415
        from ..models.previewed_line import PreviewedLine  # noqa: PLC0415
        from ..models.previewed_refund import PreviewedRefund  # noqa: PLC0415

        d = dict(src_dict)
        resolution = check_resolution(d.pop("resolution"))

        status = check_return_status(d.pop("status"))

        lines = []
        _lines = d.pop("lines")
        for lines_item_data in _lines:
            lines_item = PreviewedLine.from_dict(lines_item_data)

            lines.append(lines_item)

        refund = PreviewedRefund.from_dict(d.pop("refund"))

        kept = []
        _kept = d.pop("kept")
        for kept_item_data in _kept:
            kept_item = KeptAmount.from_dict(kept_item_data)

            kept.append(kept_item)

        send_within_s = d.pop("send_within_s")

        def _parse_answer_within_s(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        answer_within_s = _parse_answer_within_s(d.pop("answer_within_s"))

        def _parse_window_until(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                window_until_type_0 = datetime.datetime.fromisoformat(data)

                return window_until_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        window_until = _parse_window_until(d.pop("window_until"))

        default_outcome = check_return_due(d.pop("default_outcome"))

        def _parse_exchange(data: object) -> None | PreviewedExchange:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                exchange_type_0 = PreviewedExchange.from_dict(data)

                return exchange_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | PreviewedExchange, data)

        exchange = _parse_exchange(d.pop("exchange"))

        return_consequence = cls(
            resolution=resolution,
            status=status,
            lines=lines,
            refund=refund,
            kept=kept,
            send_within_s=send_within_s,
            answer_within_s=answer_within_s,
            window_until=window_until,
            default_outcome=default_outcome,
            exchange=exchange,
        )

        return_consequence.additional_properties = d
        return return_consequence

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
