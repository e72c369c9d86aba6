-- Partial: a capture without a refund or a dispute is in neither, so a plain order writes nothing more.
CREATE INDEX CONCURRENTLY IF NOT EXISTS payment_totals_refunded ON payment_totals (payment_id) WHERE refunded_minor > 0;
CREATE INDEX CONCURRENTLY IF NOT EXISTS payment_totals_disputed ON payment_totals (payment_id) WHERE disputed_minor > 0;
