# Generated from openapi.json by openapi-python-client: do not edit. `make client` writes this folder again.
from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.transfer_status import TransferStatus, check_transfer_status

if TYPE_CHECKING:
    from ..models.transfer_line import TransferLine


T = TypeVar("T", bound="Transfer")


@_attrs_define
class Transfer:
    """
    Attributes:
        transfer_id (str):
        status (TransferStatus):
        from_ (str):
        to (str):
        reference (str):
        expected_at (datetime.datetime | None):
        requested_by (str):
        requested_at (datetime.datetime):
        shipped_at (datetime.datetime | None):
        closed_at (datetime.datetime | None):
        lines (list[TransferLine]):
    """

    transfer_id: str
    status: TransferStatus
    from_: str
    to: str
    reference: str
    expected_at: datetime.datetime | None
    requested_by: str
    requested_at: datetime.datetime
    shipped_at: datetime.datetime | None
    closed_at: datetime.datetime | None
    lines: list[TransferLine]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        transfer_id = self.transfer_id

        status: str = self.status

        from_ = self.from_

        to = self.to

        reference = self.reference

        expected_at: None | str
        if isinstance(self.expected_at, datetime.datetime):
            expected_at = self.expected_at.isoformat()
        else:
            expected_at = self.expected_at

        requested_by = self.requested_by

        requested_at = self.requested_at.isoformat()

        shipped_at: None | str
        if isinstance(self.shipped_at, datetime.datetime):
            shipped_at = self.shipped_at.isoformat()
        else:
            shipped_at = self.shipped_at

        closed_at: None | str
        if isinstance(self.closed_at, datetime.datetime):
            closed_at = self.closed_at.isoformat()
        else:
            closed_at = self.closed_at

        lines = []
        for lines_item_data in self.lines:
            lines_item = lines_item_data.to_dict()
            lines.append(lines_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "transfer_id": transfer_id,
                "status": status,
                "from": from_,
                "to": to,
                "reference": reference,
                "expected_at": expected_at,
                "requested_by": requested_by,
                "requested_at": requested_at,
                "shipped_at": shipped_at,
                "closed_at": closed_at,
                "lines": lines,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.transfer_line import TransferLine  # noqa: PLC0415

        d = dict(src_dict)
        transfer_id = d.pop("transfer_id")

        status = check_transfer_status(d.pop("status"))

        from_ = d.pop("from")

        to = d.pop("to")

        reference = d.pop("reference")

        def _parse_expected_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                expected_at_type_0 = datetime.datetime.fromisoformat(data)

                return expected_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        expected_at = _parse_expected_at(d.pop("expected_at"))

        requested_by = d.pop("requested_by")

        requested_at = datetime.datetime.fromisoformat(d.pop("requested_at"))

        def _parse_shipped_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                shipped_at_type_0 = datetime.datetime.fromisoformat(data)

                return shipped_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        shipped_at = _parse_shipped_at(d.pop("shipped_at"))

        def _parse_closed_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                closed_at_type_0 = datetime.datetime.fromisoformat(data)

                return closed_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        closed_at = _parse_closed_at(d.pop("closed_at"))

        lines = []
        _lines = d.pop("lines")
        for lines_item_data in _lines:
            lines_item = TransferLine.from_dict(lines_item_data)

            lines.append(lines_item)

        transfer = cls(
            transfer_id=transfer_id,
            status=status,
            from_=from_,
            to=to,
            reference=reference,
            expected_at=expected_at,
            requested_by=requested_by,
            requested_at=requested_at,
            shipped_at=shipped_at,
            closed_at=closed_at,
            lines=lines,
        )

        transfer.additional_properties = d
        return transfer

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
