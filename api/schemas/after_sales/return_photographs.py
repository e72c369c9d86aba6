"""What the calls on photographs of a return answer."""

from pydantic import BaseModel, Field

from api.schemas.answers import Time


class ReturnPhotograph(BaseModel):
    """A photograph of a return."""

    photograph_no: int = Field(description="Counts the return's photographs from 1.")
    file_id: str = Field(description="Names it in the path.")
    added_at: Time


class ReturnPhotographs(BaseModel):
    """All photographs of a return, the first one first."""

    items: list[ReturnPhotograph]
