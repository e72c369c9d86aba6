"""The address of a warehouse as a carrier has it."""

from sqlalchemy import RowMapping

from domain.gateways import Address


def warehouse_address(row: RowMapping) -> Address:
    """From the columns of a warehouse, its name as `warehouse_name`, which stands for what is not known of it."""
    return Address(
        country=row["country"],
        province=row["province"],
        city=row["city"],
        district=row["district"],
        line1=row["line1"] or row["warehouse_name"],
        postcode=row["postcode"],
        name=row["contact_name"] or row["warehouse_name"],
        phone=row["phone"],
    )
