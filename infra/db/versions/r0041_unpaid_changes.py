"""The units of changes that wait for their payment are among a customer's unpaid ones."""

from pathlib import Path

from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Count them, too."""
    script = Path(__file__).with_name("0041_unpaid_changes.sql").read_text(encoding="utf-8")
    op.get_bind().connection.cursor().execute(script)


def downgrade() -> None:
    """There is no way back: stock could be held without being paid."""
    raise RuntimeError("the rule is not dropped; restore a backup instead")
