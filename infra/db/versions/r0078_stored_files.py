"""Uploaded files are stored in the database: pictures of products, and what customers send."""

from infra.db import revisions

revision = "0078"
down_revision = "0077"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A table for all of them."""
    revisions.run("0078_stored_files")


def downgrade() -> None:
    """There is no way back: the previous version does not know the table."""
    raise RuntimeError("the files stay: the previous version does not use the table")
