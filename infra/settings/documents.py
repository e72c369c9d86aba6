"""Invoices and credit notes: who the seller is."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel

from infra.settings.parsing import time_zone


class DocumentSettings(BaseModel):
    """Invoices and credit notes."""

    seller_name: str = ""
    seller_address: str = ""
    seller_tax_number: str = ""
    seller_contact: str = ""
    seller_time_zone: Annotated[str, AfterValidator(time_zone)] = "Asia/Shanghai"
