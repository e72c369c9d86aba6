"""Kuaidi100 on a path of its own: POST /kuaidi100/poll/query.do, signed as infra/gateways/carriers/kuaidi100 says, over
the parcels of the carrier."""

from datetime import datetime, timedelta, timezone
from urllib.parse import parse_qsl

import orjson
from starlette.requests import Request
from starlette.responses import Response

from infra.gateways.carriers.kuaidi100 import sign
from infra.sandbox.calls import answer
from infra.sandbox.ledger import Ledger

_BEIJING = timezone(timedelta(hours=8))
_STATES = {"picked_up": "1", "in_transit": "0", "lost": "2", "delivered": "3", "refused": "14"}


class Kuaidi100:
    """Answers where a parcel is."""

    def __init__(self, ledger: Ledger, key: str) -> None:
        self._ledger, self._key = ledger, key

    async def query(self, request: Request) -> Response:
        """One question."""
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True))
        param = form.get("param", "")
        if form.get("sign") != sign(param, self._key, form.get("customer", "")):
            return _failed("503")
        try:
            number = str(orjson.loads(param)["num"])
        except (orjson.JSONDecodeError, LookupError, TypeError):
            return _failed("400")
        row = self._ledger.one("SELECT * FROM shipments WHERE tracking_no = ?", number)
        if row is None or row["status"] not in _STATES:
            return _failed("500")
        at = f"{datetime.fromisoformat(row['occurred_at']).astimezone(_BEIJING):%Y-%m-%d %H:%M:%S}"
        scans = [{"time": at, "ftime": at, "context": row["status"]}]
        return answer({"message": "ok", "state": _STATES[row["status"]], "status": "200", "nu": number, "data": scans})


def _failed(code: str) -> Response:
    return answer({"result": False, "returnCode": code, "message": ""})
