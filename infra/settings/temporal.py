"""Temporal and the workers."""

from pydantic import BaseModel, Field, SecretStr


class TemporalSettings(BaseModel):
    """Temporal and workers."""

    temporal_address: str = "127.0.0.1:7233"
    temporal_namespace: str = "default"
    temporal_ui_url: str = ""
    temporal_api_key: SecretStr = SecretStr("")
    temporal_tls: bool = False
    temporal_retention_days: int = Field(default=30, ge=1)
    task_queue: str = "oms"
    deployment_name: str = "oms"
    build_id: str = ""
    promote_first_version: bool = True
    max_cached_workflows: int = Field(default=1800, ge=0)
    orders_in_flight: int = Field(default=400, ge=1)
    sandboxed_workflows: bool = False
    workflow_timeout_s: float = Field(default=5.0, gt=0)
