"""The books know the master keys that seal them, and take nothing that was sealed under another one."""

from pathlib import Path

from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Note the keys that are in use."""
    script = Path(__file__).with_name("0043_master_keys.sql").read_text(encoding="utf-8")
    op.get_bind().connection.cursor().execute(script)


def downgrade() -> None:
    """There is no way back: a wrong key would be noticed when names cannot be read."""
    raise RuntimeError("the keys are not forgotten; restore a backup instead")
