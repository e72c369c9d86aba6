-- An endpoint that takes nothing for days is switched off. What would have gone there is kept for a while, to be sent again.
ALTER TABLE webhook_endpoints
  ADD COLUMN failing_since timestamptz,    -- the first failure since something was taken; NULL while all is well
  ADD COLUMN last_error    text,           -- a code
  ADD COLUMN disabled_at   timestamptz;
GRANT UPDATE (active, disabled_at, failing_since, last_error) ON webhook_endpoints TO oms_app;
GRANT INSERT (done_at, last_error, state) ON webhook_deliveries TO oms_app;
