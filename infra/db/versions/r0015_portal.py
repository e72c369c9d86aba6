"""Customers' sign-in to the portal: codes, and sessions."""

from pathlib import Path

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    script = Path(__file__).with_name("0015_portal.sql").read_text(encoding="utf-8")
    op.get_bind().connection.cursor().execute(script)


def downgrade() -> None:
    """Drop them: whoever is signed in signs in again."""
    op.get_bind().connection.cursor().execute(
        "DROP TABLE portal_codes, portal_asks, portal_sessions; DROP FUNCTION guard_portal_code()"
    )
