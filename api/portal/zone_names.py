"""The names of time zones as customers read them."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

_CHINESE = {
    "America/Chicago": "芝加哥", "America/Denver": "丹佛", "America/Los_Angeles": "洛杉矶", "America/New_York": "纽约",
    "America/Sao_Paulo": "圣保罗", "America/Toronto": "多伦多", "America/Vancouver": "温哥华", "Asia/Bangkok": "曼谷",
    "Asia/Dubai": "迪拜", "Asia/Hong_Kong": "香港", "Asia/Jakarta": "雅加达", "Asia/Kolkata": "加尔各答",
    "Asia/Kuala_Lumpur": "吉隆坡", "Asia/Macau": "澳门", "Asia/Manila": "马尼拉", "Asia/Seoul": "首尔",
    "Asia/Shanghai": "北京", "Asia/Singapore": "新加坡", "Asia/Taipei": "台北", "Asia/Tokyo": "东京",
    "Australia/Melbourne": "墨尔本", "Australia/Sydney": "悉尼", "Europe/Amsterdam": "阿姆斯特丹",
    "Europe/Berlin": "柏林", "Europe/London": "伦敦", "Europe/Madrid": "马德里", "Europe/Moscow": "莫斯科",
    "Europe/Paris": "巴黎", "Europe/Rome": "罗马", "Europe/Zurich": "苏黎世", "Pacific/Auckland": "奥克兰",
}  # fmt: skip


def zone_name(zone: ZoneInfo, lang: str) -> str:
    """The zone as the tz database names it; in Chinese its city, or how far it is from UTC today."""
    if lang != "zh":
        return zone.key
    return _CHINESE.get(zone.key) or f"UTC{datetime.now(UTC).astimezone(zone):%z}"
