"""The access review: who can act, in which role, and whether they do."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# Staff who sign in, and whoever acted as staff with a token and is nobody who signs in. Coming and going is no act.
_REVIEW = text(
    """
    WITH people AS (
      SELECT name, role, CASE WHEN active THEN 'active' ELSE 'removed' END AS access, created_at, signed_in_at,
             role || ':' || name AS actor
        FROM staff
      UNION ALL
      SELECT substr(key, strpos(key, ':') + 1), split_part(key, ':', 1), 'token', NULL, NULL, key
        FROM audit_chains c
       WHERE kind = 'actor' AND split_part(key, ':', 1) IN ('support', 'warehouse', 'finance', 'operations', 'admin')
         AND NOT EXISTS (SELECT FROM staff s WHERE s.role || ':' || s.name = c.key))
    SELECT p.name, p.role, p.access, p.created_at, p.signed_in_at, p.actor, a.acts, a.last_act_at
      FROM people p
     CROSS JOIN LATERAL (
      SELECT count(*) FILTER (WHERE occurred_at > now() - make_interval(days => :days)) AS acts,
             max(occurred_at) AS last_act_at
        FROM audit_log WHERE actor = p.actor AND actor_count IS NOT NULL
         AND action NOT IN ('signed_in', 'signed_out')) a
     WHERE (p.access, p.role, p.name) > (CAST(:access AS text), CAST(:role AS text), CAST(:name AS text))
     ORDER BY p.access, p.role, p.name LIMIT CAST(:most AS integer)
    """
)
REVIEW_DAYS = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Somebody who can act, or did; `acts` counts the last 90 days.

    `access` is active, removed, or token: acted with a bearer token and is no member of staff who signs in.
    """

    name: str
    role: str
    access: str
    created_at: datetime | None
    signed_in_at: datetime | None
    actor: str
    acts: int
    last_act_at: datetime | None


async def review(conn: AsyncConnection, after: Sequence[str] = ("", "", ""), most: int | None = None) -> list[Access]:
    """Everybody, the active ones first. `after` is the access, role and name of the one before, `most` how many at
    most."""
    access, role, name = after
    values = {"days": REVIEW_DAYS, "access": access, "role": role, "name": name, "most": most}
    return [Access(**row) for row in (await conn.execute(_REVIEW, values)).mappings()]
