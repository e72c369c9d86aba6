"""The unsandboxed workflow runner, tidying up behind workflows that the cache let go.

An evicted workflow is a web of cycles of about 60 KiB. Left to its own thresholds the collector lets a quarter of the
live heap gather as garbage before it looks at the oldest generation, and the heap keeps the size it once had.
"""

import gc

from temporalio.worker import UnsandboxedWorkflowRunner, WorkflowInstance, WorkflowInstanceDetails

SHARE = 10  # of the cache may be garbage


class CacheTrimmingRunner(UnsandboxedWorkflowRunner):
    """Collects after every tenth of the cache's size in new workflows, once the cache has been filled."""

    def __init__(self, max_cached_workflows: int) -> None:
        super().__init__()
        self._full = max(max_cached_workflows, 1)
        self._every = max(max_cached_workflows // SHARE, 50)
        self._made = 0

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """A new instance, which pushes an old one out when the cache is full."""
        self._made += 1
        if self._made > self._full and self._made % self._every == 0:
            gc.collect()
        return super().create_instance(det)
