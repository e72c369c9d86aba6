"""Relay, metrics, logs and traces."""

from pydantic import BaseModel, Field, field_validator

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


class ProcessSettings(BaseModel):
    """Relay, metrics, logs."""

    relay_poll_s: float = Field(default=0.05, gt=0)
    audit_anchor_s: float = Field(default=300.0, gt=0)
    metrics_host: str = "127.0.0.1"
    worker_metrics_port: int = Field(default=0, ge=0, le=65535)
    relay_metrics_port: int = Field(default=0, ge=0, le=65535)
    otlp_endpoint: str = ""
    log_level: str = "INFO"

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, typed: str) -> str:
        if typed.upper() not in LOG_LEVELS:
            raise ValueError(f"must be one of {', '.join(LOG_LEVELS)}")
        return typed.upper()
