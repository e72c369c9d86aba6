"""The services may do what their statements do, column by column; every change of staff is in the audit log."""

from pathlib import Path

from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take the grants anew."""
    script = Path(__file__).with_name("0033_column_grants.sql").read_text(encoding="utf-8")
    op.get_bind().connection.cursor().execute(script)


def downgrade() -> None:
    """There is no way back: the guards would be open again."""
    raise RuntimeError("the rule is not dropped; restore a backup instead")
