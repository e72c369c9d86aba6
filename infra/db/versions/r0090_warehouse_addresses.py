"""Warehouses have an address that a carrier fetches parcels from, and can be taken out of use."""

from infra.db import revisions

revision = "0090"
down_revision = "0089"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Warehouses are few; the trigger on movements is there at once."""
    revisions.run("0090_warehouse_addresses")


def downgrade() -> None:
    """Addresses that people typed are not thrown away."""
    raise RuntimeError("addresses of warehouses are not taken back; restore a backup instead")
