-- Messaging: inbox, outbox, requests to workflows
-- Written by `python -m infra.db.schema write`, not edited: docs/schema.md. It runs after after_sales_exchanges.sql.

-- Events that are not yet passed on to the webhook endpoints.
CREATE TABLE outbox (
  order_no   text NOT NULL,
  seq        integer NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT outbox_pkey PRIMARY KEY (order_no, seq)
) WITH (autovacuum_vacuum_scale_factor = 0.02);

-- Starts and signals that Temporal has not accepted yet.
CREATE TABLE workflow_requests (
  request_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind          text NOT NULL CHECK (kind IN ('start_order', 'signal_order', 'start_job', 'signal_return',
      'signal_transfer')),
  subject       text NOT NULL,  -- order number or job id
  name          text,  -- signal name
  payload       jsonb NOT NULL DEFAULT '{}'::jsonb,
  trace         text,
  created_at    timestamptz NOT NULL DEFAULT now(),
  claimed_until timestamptz NOT NULL DEFAULT '-infinity'::timestamp with time zone,
  tries         integer NOT NULL DEFAULT 0,
  last_error    text,
  rank          float8 NOT NULL DEFAULT EXTRACT(epoch FROM clock_timestamp())
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX workflow_requests_begun ON workflow_requests (rank, request_id) WHERE kind <> 'start_order';
CREATE INDEX workflow_requests_rank ON workflow_requests (rank, request_id);
CREATE INDEX workflow_requests_subject ON workflow_requests (subject, request_id);

-- Events from providers, each once, whatever order they arrive in.
CREATE TABLE inbox (
  inbox_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  provider     text NOT NULL,
  event_id     text NOT NULL,
  kind         text NOT NULL CHECK (kind IN ('payment', 'shipment')),
  order_no     text,  -- NULL: names no known order; kept for a person
  fact         jsonb NOT NULL,
  received_at  timestamptz NOT NULL DEFAULT now(),
  processed_at timestamptz,
  outcome      text,
  reason       text,
  CONSTRAINT inbox_provider_event_id_key UNIQUE (provider, event_id)
);
CREATE INDEX inbox_early ON inbox (provider, (fact ->> 'parent_ref')) WHERE kind = 'payment' AND (order_no IS NULL
  OR outcome = 'early');
CREATE INDEX inbox_open ON inbox (order_no, inbox_id) WHERE processed_at IS NULL;
CREATE INDEX inbox_unapplied ON inbox (provider, kind) WHERE outcome = 'unapplied';

-- An event is processed once. Only the functions below open one again.
CREATE FUNCTION keep_processed() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF OLD.outcome IN ('early', 'unapplied')
     AND pg_has_role(current_user, (SELECT c.relowner FROM pg_class c WHERE c.oid = TG_RELID), 'USAGE') THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'what was dealt with does not come in again' USING ERRCODE = 'OM003';
END $$;

CREATE TRIGGER inbox_processed_once BEFORE UPDATE OF processed_at ON inbox
  FOR EACH ROW WHEN (OLD.processed_at IS NOT NULL AND NEW.processed_at IS NULL) EXECUTE FUNCTION keep_processed();

-- Requests a signal to the order for each new event; the signal says only where to read.
CREATE FUNCTION signal_order_of_event()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  INSERT INTO workflow_requests (kind, subject, name, payload)
  VALUES ('signal_order', NEW.order_no, CASE NEW.kind WHEN 'payment' THEN 'payment_notified' ELSE 'carrier_reported' END,
          jsonb_build_object('inbox_id', NEW.inbox_id, 'status', NEW.fact ->> 'status'));
  RETURN NULL;
END $$;

CREATE TRIGGER inbox_signals AFTER INSERT ON inbox
  FOR EACH ROW WHEN (NEW.order_no IS NOT NULL AND NEW.processed_at IS NULL) EXECUTE FUNCTION signal_order_of_event();

-- Opens events again that arrived before the payment that they are about.
CREATE FUNCTION reopen_early_events()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
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

-- Opens events again that arrived before the booking that they are about had its answer.
CREATE FUNCTION reopen_parcel_events(its_order_no text, its_carrier text, its_reference text)
  RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  UPDATE inbox SET processed_at = NULL, outcome = NULL
   WHERE order_no = its_order_no AND kind = 'shipment' AND provider = its_carrier AND outcome = 'early'
     AND fact ->> 'carrier_ref' = its_reference
$$;

-- Tries an event again that the program could not apply; false where it was dealt with.
CREATE FUNCTION retry_inbox_event(fact_id bigint, by_actor text)
  RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE heard inbox%ROWTYPE;
BEGIN
  UPDATE inbox SET processed_at = NULL, outcome = NULL, reason = NULL
   WHERE inbox_id = fact_id AND outcome = 'unapplied' RETURNING * INTO heard;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  INSERT INTO workflow_requests (kind, subject, name, payload)
  VALUES ('signal_order', heard.order_no, CASE heard.kind WHEN 'payment' THEN 'payment_notified' ELSE 'carrier_reported' END,
          jsonb_build_object('inbox_id', heard.inbox_id));
  INSERT INTO audit_log (actor, action, order_no, reference)
  VALUES (by_actor, 'fact_heard_again', heard.order_no, fact_id::text);
  RETURN true;
END $$;

-- A person has looked at an event that cannot be applied: it is kept and reported no more.
CREATE FUNCTION dismiss_inbox_event(fact_id bigint, by_actor text)
  RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE left_out inbox%ROWTYPE;
BEGIN
  UPDATE inbox SET processed_at = coalesce(processed_at, now()), outcome = 'set_aside'
   WHERE inbox_id = fact_id
     AND (outcome IN ('unapplied', 'early') OR (order_no IS NULL AND processed_at IS NULL)) RETURNING * INTO left_out;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  INSERT INTO audit_log (actor, action, order_no, reference)
  VALUES (by_actor, 'fact_set_aside', left_out.order_no, fact_id::text);
  RETURN true;
END $$;

-- Of tables in earlier files

CREATE TRIGGER payment_early_events_reopened AFTER INSERT OR UPDATE OF status ON payments
  FOR EACH ROW WHEN (NEW.status = 'succeeded' AND (NEW.kind IN ('authorise', 'capture')))
  EXECUTE FUNCTION reopen_early_events();

-- Rights

GRANT SELECT ON inbox, outbox, workflow_requests TO oms_app;
GRANT DELETE ON outbox, workflow_requests TO oms_app;
GRANT INSERT (event_id, fact, kind, order_no, provider) ON inbox TO oms_app;
GRANT UPDATE (outcome, processed_at, reason) ON inbox TO oms_app;
GRANT UPDATE (created_at) ON outbox TO oms_app;
GRANT INSERT (kind, name, payload, rank, subject, trace) ON workflow_requests TO oms_app;
GRANT UPDATE (claimed_until, last_error, rank, tries) ON workflow_requests TO oms_app;
REVOKE EXECUTE ON FUNCTION dismiss_inbox_event(bigint, text), keep_processed(), reopen_early_events(),
  reopen_parcel_events(text, text, text), retry_inbox_event(bigint, text), signal_order_of_event() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dismiss_inbox_event(bigint, text), reopen_parcel_events(text, text, text),
  retry_inbox_event(bigint, text) TO oms_app;
