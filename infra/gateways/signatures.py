"""Signatures of notifications after the Standard Webhooks specification."""

from collections.abc import Mapping
from typing import Any

import orjson
from standardwebhooks import Webhook, WebhookVerificationError

from domain.gateways import BadSignature


def verified_json(
    provider: str, verifier: Webhook, headers: Mapping[str, str], body: bytes
) -> tuple[str, dict[str, Any]]:
    """The event's id and its JSON object. Raises BadSignature; "signature_expired" when more than five minutes off."""
    lowered = {name.lower(): value for name, value in headers.items()}
    try:
        verifier.verify(body, lowered, json_parse=False)
    except WebhookVerificationError as error:
        late = "timestamp too" in str(error)
        raise BadSignature("signature_expired" if late else "signature_invalid", provider) from None
    except ValueError:
        # What is not even the form of a signature, or of text.
        raise BadSignature("signature_invalid", provider) from None
    return lowered["webhook-id"], json_object(provider, body)


def json_object(provider: str, body: bytes) -> dict[str, Any]:
    """The JSON object that a verified notification holds. Raises BadSignature("payload_invalid")."""
    try:
        event = orjson.loads(body)
    except orjson.JSONDecodeError:
        event = None
    if not isinstance(event, dict):
        raise BadSignature("payload_invalid", provider)
    return event
