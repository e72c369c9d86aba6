"""What a dispute is answered with."""

from api.schemas.fields import Body, Note, OptionalText


class AnswerDispute(Body):
    """Evidence as it is handed in at the provider."""

    explanation: Note = ""
    tracking_no: OptionalText = ""
    customer_communication: Note = ""
    handed_in: bool = False
