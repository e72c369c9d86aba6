"""Decisions on parcels that were lost or refused are acts with a reason."""

from pathlib import Path

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let the table of acts take them."""
    script = Path(__file__).with_name("0021_parcel_acts.sql").read_text(encoding="utf-8")
    op.get_bind().connection.cursor().execute(script)


def downgrade() -> None:
    """There is no way back: who did what would be gone."""
    raise RuntimeError("acts of staff are not dropped; restore a backup instead")
