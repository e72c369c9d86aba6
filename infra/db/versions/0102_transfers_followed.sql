-- Each transfer has a workflow. The signal says nothing: the workflow reads the transfer.
ALTER TABLE workflow_requests DROP CONSTRAINT workflow_requests_kind_check,
  ADD CONSTRAINT workflow_requests_kind_check
  CHECK (kind IN ('start_order', 'signal_order', 'start_job', 'signal_return', 'signal_transfer')) NOT VALID;
CREATE FUNCTION signal_transfer()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  INSERT INTO workflow_requests (kind, subject, name) VALUES ('signal_transfer', NEW.transfer_id, 'transfer_changed');
  RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION signal_transfer() FROM PUBLIC;
CREATE TRIGGER transfer_signals AFTER INSERT OR UPDATE OF status ON stock_transfers
  FOR EACH ROW EXECUTE FUNCTION signal_transfer();
