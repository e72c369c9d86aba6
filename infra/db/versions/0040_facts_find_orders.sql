-- A refund or dispute of the provider's dashboard names no order: it finds it by the payment that it is about. Of the two
-- at the same moment, the fact and the payment, one waits for the other, so that the second sees the first.
CREATE FUNCTION lock_payment_ref(of_provider text, of_ref text) RETURNS void LANGUAGE sql
  SET search_path = pg_catalog, public, pg_temp AS $$
  SELECT pg_advisory_xact_lock(hashtextextended('payment:' || of_provider || ':' || of_ref, 0))
$$;

CREATE FUNCTION order_of_payment(of_provider text, of_ref text) RETURNS text LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF of_ref IS NULL THEN
    RETURN NULL;
  END IF;
  PERFORM lock_payment_ref(of_provider, of_ref);
  RETURN (SELECT p.order_no FROM payments p WHERE p.provider = of_provider AND p.provider <> 'manual'
             AND p.provider_ref = of_ref AND p.kind IN ('capture', 'authorise') LIMIT 1);
END $$;

CREATE OR REPLACE FUNCTION hear_early_facts() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM lock_payment_ref(NEW.provider, NEW.provider_ref);
  WITH heard AS (
    UPDATE inbox SET processed_at = NULL, outcome = NULL, order_no = NEW.order_no
     WHERE kind = 'payment' AND (order_no IS NULL OR outcome = 'early')
       AND provider = NEW.provider AND fact ->> 'parent_ref' = NEW.provider_ref
       AND coalesce(order_no, NEW.order_no) = NEW.order_no
    RETURNING inbox_id)
  INSERT INTO workflow_requests (kind, subject, name, payload)
  SELECT 'signal_order', NEW.order_no, 'payment_notified', jsonb_build_object('inbox_id', inbox_id) FROM heard;
  RETURN NULL;
END $$;

-- A fact is dealt with once; one that came too early is dealt with when what it is about is there. Only the books open it.
CREATE OR REPLACE FUNCTION keep_processed() RETURNS trigger LANGUAGE plpgsql
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF OLD.outcome = 'early'
     AND pg_has_role(current_user, (SELECT c.relowner FROM pg_class c WHERE c.oid = TG_RELID), 'USAGE') THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'what was dealt with does not come in again' USING ERRCODE = 'OM003';
END $$;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
GRANT EXECUTE ON FUNCTION lock_payment_ref, order_of_payment TO oms_app;
