-- What is to be renewed is found without a walk over all payments; a payment without an end is in neither of the first two.
CREATE INDEX CONCURRENTLY IF NOT EXISTS payments_renew_at ON payments (renew_at) WHERE renew_at IS NOT NULL;
CREATE INDEX CONCURRENTLY IF NOT EXISTS payments_renewal_due ON payments (order_no) WHERE renewal_due;
-- One renewal of an authorisation at a time, and one authorisation that a guarantee stands on.
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS payments_one_renewal ON payments (renews)
  WHERE renews IS NOT NULL AND status <> 'failed';
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS payments_one_guarantee ON payments (order_no, split_part(idempotency_key, '/', 3))
  WHERE purpose = 'guarantee' AND kind = 'authorise' AND status = 'succeeded';
