"""The envelope of SF Express's open platform: form fields in, an answer in an answer out.

A request is a form: partnerID, requestID, serviceCode, timestamp (milliseconds), msgData (JSON) and msgDigest. The
digest is base64(md5(urlencode(msgData + timestamp + checkword))), where urlencode is that of Java. An answer has
apiResultCode (A1000: the platform took the call) and apiResultData, a JSON text with success, errorCode and msgData.

Sources: https://open.sf-express.com (digital signature; EXP_RECE_CREATE_ORDER; codes of the platform A1000 to A1099)
and SF's SDK for Python, callExpressRequest.py.
"""

import base64
import hashlib
import hmac
from typing import Any
from urllib.parse import quote_plus

import orjson

from domain.gateways import ProviderRefused, ProviderUnavailable
from domain.json_types import JsonObject

NAME = "sf"
CREATE, SEARCH, UPDATE = "EXP_RECE_CREATE_ORDER", "EXP_RECE_SEARCH_ORDER_RESP", "EXP_RECE_UPDATE_ORDER"
ROUTES, PRICES, PRINT = "EXP_RECE_SEARCH_ROUTES", "EXP_RECE_QUERY_DELIVERTM", "COM_RECE_CLOUD_PRINT_WAYBILLS"
TAKEN, DONE = "A1000", "S0000"


def digest(msg_data: str, timestamp: str, checkword: str) -> str:
    """msgDigest of a request. MD5 is what SF asks for."""
    encoded = quote_plus(msg_data + timestamp + checkword, safe="*").replace("~", "%7E")
    return base64.b64encode(hashlib.md5(encoded.encode(), usedforsecurity=False).digest()).decode()


def is_signed(form: dict[str, str], checkword: str) -> bool:
    """Whether a request carries the digest of its data."""
    right = digest(form.get("msgData", ""), form.get("timestamp", ""), checkword)
    return hmac.compare_digest(right.encode(), form.get("msgDigest", "").encode())


def opened(body: JsonObject) -> dict[str, Any]:
    """What the service answered. Raises ProviderRefused with SF's code of a business error, ProviderUnavailable where
    the platform did not take the call, as with a wrong signature (A1006) or too many calls (A1005)."""
    code = body.get("apiResultCode")
    if not isinstance(code, str):
        raise ProviderUnavailable("bad_response", NAME)
    if code != TAKEN:
        raise ProviderUnavailable(f"sf_{code}", NAME)
    try:
        answer = orjson.loads(str(body.get("apiResultData")))
    except orjson.JSONDecodeError:
        answer = None
    if not isinstance(answer, dict):
        raise ProviderUnavailable("bad_response", NAME)
    if answer.get("success") not in (True, "true"):
        raise ProviderRefused(f"sf_{answer.get('errorCode')}", NAME)
    found = answer.get("msgData") or answer.get("obj") or {}
    if not isinstance(found, dict):
        raise ProviderUnavailable("bad_response", NAME)
    return found
