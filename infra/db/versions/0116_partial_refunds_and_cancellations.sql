-- Both are partial: a plain order is in neither.
CREATE INDEX CONCURRENTLY IF NOT EXISTS payment_totals_refunded_in_part ON payment_totals (payment_id)
  WHERE refunded_minor > 0 AND refunded_minor < captured_minor;
CREATE INDEX CONCURRENTLY IF NOT EXISTS support_jobs_cancelling ON support_jobs (person_of(actor), created_at)
  WHERE action = 'cancel' AND approval_id IS NULL;
