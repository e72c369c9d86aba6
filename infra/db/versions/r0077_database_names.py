"""Database objects have the usual names of the trade."""

from infra.db import revisions

revision = "0077"
down_revision = "0076"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The new names, and views and functions with the old names for processes of the previous version."""
    revisions.run("0077_database_names")


def downgrade() -> None:
    """There is no way back: the previous version works with the views and functions."""
    raise RuntimeError("the names stay: the previous version works with them too")
