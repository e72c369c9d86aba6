"""Locations are renamed, moved in the walk and closed; movements name the location of their units."""

from infra.db import revisions

revision = "0109"
down_revision = "0108"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Columns with a default, or empty; the previous version adds open locations and movements without one."""
    revisions.run("0109_location_changes")


def downgrade() -> None:
    """There is no way back: closed locations would take units again."""
    raise RuntimeError("the columns stay; the previous version ignores them")
