"""Parcels that were replaced and arrived all the same."""

from pathlib import Path

from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let them be found."""
    script = Path(__file__).with_name("0039_parcels_twice.sql").read_text(encoding="utf-8")
    op.get_bind().connection.cursor().execute(script)


def downgrade() -> None:
    """There is no way back."""
    raise RuntimeError("the index is not dropped; restore a backup instead")
