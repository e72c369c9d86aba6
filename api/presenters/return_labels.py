"""The label of a return's parcel as a file."""

from fastapi import Response

from api.http.responses import file_response
from api.services.after_sales.return_lookup import Label

OTHER_TYPE = "application/octet-stream"
MEDIA_TYPES = {"PDF": "application/pdf", "ZPL": "application/zpl"}


def label_response(label: Label) -> Response:
    """The label, of the carrier's format."""
    media_type = MEDIA_TYPES.get(label.format, OTHER_TYPE)
    return file_response(label.content, media_type, f"{label.return_id}.{label.format.lower()}")
