"""Orders that are captured as they ship: the share of a fulfilment is captured when its parcel has left."""

from domain.support.steps import Step
from workflows import payloads as m
from workflows import ports
from workflows.orders.concurrent_refunds import ConcurrentRefunds


class CapturingShipments(ConcurrentRefunds):
    """The database says which fulfilment is to be captured; a step that fails parks with the fulfilment as subject."""

    async def capture_fulfilment(self, operation: m.PendingOperation) -> None:
        """Capture its share."""
        ref = m.FulfilmentCaptureRef(self.order_no, operation.id)
        words = f"capture payment of fulfilment {operation.id}"
        await self.step(Step.CAPTURE, lambda: ports.capture_fulfilment(ref, self.policy, words), subject=operation.id)
