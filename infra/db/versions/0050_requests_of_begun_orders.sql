-- What is told about orders that have begun is taken before new ones begin, without a walk over those that wait.
CREATE INDEX CONCURRENTLY IF NOT EXISTS workflow_requests_begun ON workflow_requests (rank, request_id)
  WHERE kind <> 'start_order';
