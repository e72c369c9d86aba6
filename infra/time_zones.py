"""The time zone of a destination: times of delivery are the clock's at the door."""

from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from pathlib import Path
from zoneinfo import ZoneInfo

_SYSTEM_TABLE = Path("/usr/share/zoneinfo/zone.tab")
# Where the table of the tz database does not name first the zone in which most people live.
_MOST_PEOPLE = {
    "AU": "Australia/Sydney",
    "BR": "America/Sao_Paulo",
    "CA": "America/Toronto",
    "RU": "Europe/Moscow",
    "UA": "Europe/Kyiv",
    "UZ": "Asia/Tashkent",
}
# Provinces by the zone in which most of each lies; what is not here has its country's.
_PROVINCES = {
    "US": {
        "America/Chicago": "AL Alabama AR Arkansas IL Illinois IA Iowa KS Kansas LA Louisiana MN Minnesota"
        " MS Mississippi MO Missouri NE Nebraska ND North-Dakota OK Oklahoma SD South-Dakota TN Tennessee TX Texas"
        " WI Wisconsin",
        "America/Denver": "CO Colorado ID Idaho MT Montana NM New-Mexico UT Utah WY Wyoming",
        "America/Phoenix": "AZ Arizona",
        "America/Los_Angeles": "CA California NV Nevada OR Oregon WA Washington",
        "America/Anchorage": "AK Alaska",
        "Pacific/Honolulu": "HI Hawaii",
        "America/New_York": "CT Connecticut DE Delaware DC District-of-Columbia FL Florida GA Georgia IN Indiana"
        " KY Kentucky ME Maine MD Maryland MA Massachusetts MI Michigan NH New-Hampshire NJ New-Jersey NY New-York"
        " NC North-Carolina OH Ohio PA Pennsylvania RI Rhode-Island SC South-Carolina VT Vermont VA Virginia"
        " WV West-Virginia",
    },
    "CA": {
        "America/Vancouver": "BC British-Columbia",
        "America/Edmonton": "AB Alberta NT Northwest-Territories",
        "America/Regina": "SK Saskatchewan",
        "America/Winnipeg": "MB Manitoba",
        "America/Toronto": "ON Ontario QC Quebec Québec NU Nunavut",
        "America/Halifax": "NB New-Brunswick NS Nova-Scotia PE Prince-Edward-Island",
        "America/St_Johns": "NL Newfoundland-and-Labrador",
        "America/Whitehorse": "YT Yukon",
    },
    "AU": {
        "Australia/Perth": "WA Western-Australia",
        "Australia/Darwin": "NT Northern-Territory",
        "Australia/Adelaide": "SA South-Australia",
        "Australia/Brisbane": "QLD Queensland",
        "Australia/Hobart": "TAS Tasmania",
        "Australia/Melbourne": "VIC Victoria",
        "Australia/Sydney": "NSW New-South-Wales ACT Australian-Capital-Territory",
    },
}


def zone_at(ship_to: Mapping[str, str] | None, shops: str) -> ZoneInfo:
    """The zone of an address: its province's; else the shop's (`shops`) when it is one of the country's, or no more is
    known; else that in which most people of the country live."""
    country, province = (ship_to or {}).get("country", ""), (ship_to or {}).get("province", "")
    known = _zones().get(country, ())
    if zone := _provinces().get((country, province.strip().casefold())):
        return ZoneInfo(zone)
    if shops in known or not known:
        return ZoneInfo(shops)
    return ZoneInfo(_MOST_PEOPLE.get(country, known[0]))


@lru_cache(maxsize=1)
def _provinces() -> dict[tuple[str, str], str]:
    return {
        (country, name.replace("-", " ").casefold()): zone
        for country, zones in _PROVINCES.items()
        for zone, names in zones.items()
        for name in names.split()
    }


@lru_cache(maxsize=1)
def _zones() -> dict[str, tuple[str, ...]]:
    """{country: zones} of the tz database; {} where this machine has no table."""
    try:
        table = resources.files("tzdata").joinpath("zoneinfo", "zone.tab").read_text(encoding="utf-8")
    except (ModuleNotFoundError, FileNotFoundError):
        table = _SYSTEM_TABLE.read_text(encoding="utf-8") if _SYSTEM_TABLE.is_file() else ""
    found: dict[str, tuple[str, ...]] = {}
    for line in table.splitlines():
        if line and not line.startswith("#"):
            country, _, zone, *_ = line.split("\t")
            found[country] = (*found.get(country, ()), zone)
    return found
