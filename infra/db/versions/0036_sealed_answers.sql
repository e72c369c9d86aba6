-- The answer to a request may repeat what somebody typed: it is kept sealed, under the key of the customer of its order
-- where it has one. Old answers are sealed by the relay, which has the keys; new ones are never in `response`.
ALTER TABLE idempotency_keys
  ADD COLUMN response_enc bytea,
  ADD COLUMN order_no text,                -- whose customer's key opens it; NULL: the master key does
  DROP CONSTRAINT idempotency_keys_check,
  ADD CONSTRAINT idempotency_keys_check
    CHECK (state <> 'done' OR (status_code IS NOT NULL AND (response_enc IS NOT NULL OR response IS NOT NULL)));
CREATE INDEX idempotency_keys_open ON idempotency_keys (created_at) WHERE response IS NOT NULL;

REVOKE INSERT (response) ON idempotency_keys FROM oms_app;
GRANT INSERT (response_enc), UPDATE (response_enc, order_no) ON idempotency_keys TO oms_app;
