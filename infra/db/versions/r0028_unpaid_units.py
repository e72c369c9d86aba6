"""The units in a customer's unpaid orders are bounded."""

from pathlib import Path

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the rule."""
    script = Path(__file__).with_name("0028_unpaid_units.sql").read_text(encoding="utf-8")
    op.get_bind().connection.cursor().execute(script)


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("the rule is not dropped; restore a backup instead")
