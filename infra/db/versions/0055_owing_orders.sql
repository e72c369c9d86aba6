-- Closed orders that may still owe are found without a walk over all payments. A plain order is in none of these.
CREATE INDEX CONCURRENTLY IF NOT EXISTS payments_beside ON payments (order_no) WHERE purpose <> 'order';
CREATE INDEX CONCURRENTLY IF NOT EXISTS payments_capture_failed ON payments (order_no)
  WHERE kind = 'capture' AND status = 'failed';
CREATE INDEX CONCURRENTLY IF NOT EXISTS payment_requests_again ON payment_requests (order_no) WHERE attempt > 1;
