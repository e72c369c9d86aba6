"""PostgreSQL: its addresses and time-outs."""

from pydantic import BaseModel, Field


class DatabaseSettings(BaseModel):
    """Database."""

    database_url: str = "postgresql://oms_app@127.0.0.1:5432/oms"
    owner_database_url: str = ""
    db_pool_size: int = Field(default=10, ge=1)
    db_pool_timeout_s: float = Field(default=5.0, gt=0)
    db_statement_timeout_s: float = Field(default=30.0, gt=0)
    db_silence_s: float = Field(default=2.0, gt=0)
    db_answer_s: float = Field(default=3.0, gt=0)
