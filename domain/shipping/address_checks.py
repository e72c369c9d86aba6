"""What may be wrong with an address that a carrier refuses without saying why."""

import re
from collections.abc import Mapping

# How a postcode is written, by country; a country that is not here has postcodes of any form.
_POSTCODES = {
    "AT": r"\d{4}", "AU": r"\d{4}", "BE": r"\d{4}", "CA": r"[A-Z]\d[A-Z] ?\d[A-Z]\d", "CH": r"\d{4}", "CN": r"\d{6}",
    "DE": r"\d{5}", "DK": r"\d{4}", "ES": r"\d{5}", "FR": r"\d{5}", "GB": r"[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}",
    "IN": r"\d{6}", "IT": r"\d{5}", "JP": r"\d{3}-?\d{4}", "KR": r"\d{5}", "NL": r"\d{4} ?[A-Z]{2}",
    "PL": r"\d{2}-\d{3}", "SE": r"\d{3} ?\d{2}", "SG": r"\d{6}", "US": r"\d{5}(-\d{4})?",
}  # fmt: skip
_REQUIRED = ("name", "line1", "city", "province", "country")


def suspect_parts(address: Mapping[str, str | None]) -> list[str]:
    """The parts of an address that a carrier probably refuses: what is missing, and a postcode of another form than
    the country's."""
    missing = [part for part in _REQUIRED if not (address.get(part) or "").strip()]
    form = _POSTCODES.get(address.get("country") or "")
    postcode = (address.get("postcode") or "").strip().upper()
    wrong = form is not None and re.fullmatch(form, postcode, re.ASCII) is None
    return [*missing, *(["postcode"] if wrong else [])]
