"""Lines of an exchange order say what of the old goods' value they carry."""

from pathlib import Path

from alembic import op

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Share out what was used before; from here on with the order."""
    script = Path(__file__).with_name("0051_exchanged_parts.sql").read_text(encoding="utf-8")
    op.get_bind().connection.cursor().execute(script)


def downgrade() -> None:
    """There is no way back: returned goods would bring less than was paid for them."""
    raise RuntimeError("the parts are not dropped; restore a backup instead")
