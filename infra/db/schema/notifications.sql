-- Notifications: messages to customers
-- Written by `python -m infra.db.schema write`, not edited: docs/schema.md. It runs after documents_further.sql.

-- One message to a customer about an event, by one channel, with its delivery.
CREATE TABLE messages (
  -- order, event and channel; the provider's idempotency key is made of it
  message_id       text PRIMARY KEY CHECK (length(message_id) <= 64),
  customer_id      text NOT NULL REFERENCES customers,
  order_no         text,  -- NULL for a sign-in code
  event_seq        integer,
  fact             text NOT NULL,  -- the event's type, or sign_in_code
  channel          text NOT NULL CHECK (channel IN ('email', 'sms', 'none')),
  template         text NOT NULL,
  version          integer CHECK (version > 0),
  language         text CHECK (language IN ('en', 'zh')),
  state            text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'sent', 'failed', 'skipped')),
  tries            integer NOT NULL DEFAULT 0,
  next_try_at      timestamptz NOT NULL DEFAULT now(),
  expires_at       timestamptz,  -- later it is not sent
  last_error       text,  -- a code
  provider         text,
  provider_ref     text,
  to_enc           bytea,  -- like body_enc encrypted under the customer's key, before the first try
  body_enc         bytea,  -- {subject, body, to, language, version, written_at}: repeated as it is, and read later
  round            integer NOT NULL DEFAULT 0 CHECK (round >= 0),  -- how often staff had it sent again
  asked_by         text,
  created_at       timestamptz NOT NULL DEFAULT now(),
  sent_at          timestamptz,
  earlier_to_enc   bytea[] NOT NULL DEFAULT '{}'::bytea[],
  earlier_body_enc bytea[] NOT NULL DEFAULT '{}'::bytea[],  -- what it said before it was sent again
  CONSTRAINT message_once UNIQUE (order_no, event_seq, channel),
  CONSTRAINT messages_order_no_event_seq_fkey FOREIGN KEY (order_no, event_seq) REFERENCES order_events (order_no, seq),
  CONSTRAINT messages_check CHECK ((order_no IS NULL) = (event_seq IS NULL)),
  CONSTRAINT messages_check1 CHECK ((order_no IS NULL) = (fact = 'sign_in_code')),
  CONSTRAINT messages_check3 CHECK (channel <> 'none' OR state = 'skipped'),
  CONSTRAINT messages_check2 CHECK ((state = 'sent') = (sent_at IS NOT NULL)),
  CONSTRAINT messages_check4 CHECK ((round = 0) = (asked_by IS NULL))
) WITH (fillfactor = 70);
ALTER TABLE messages ADD CONSTRAINT sign_in_words_go_with_the_end CHECK (order_no IS NOT NULL OR state = 'open'
  OR body_enc IS NULL) NOT VALID;
CREATE INDEX messages_open ON messages (channel, (order_no IS NOT NULL), next_try_at) WHERE state = 'open';
CREATE INDEX messages_sign_in ON messages (created_at) WHERE order_no IS NULL;

CREATE TRIGGER message_asked_audited AFTER INSERT ON messages
  FOR EACH ROW WHEN (NEW.round > 0) EXECUTE FUNCTION audit_message();

CREATE TRIGGER message_audited AFTER UPDATE OF round ON messages
  FOR EACH ROW WHEN (NEW.round <> OLD.round) EXECUTE FUNCTION audit_message();

-- A message that is written anew keeps the text that it had.
CREATE FUNCTION keep_earlier_words() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  NEW.earlier_body_enc := array_append(OLD.earlier_body_enc, OLD.body_enc);
  NEW.body_enc := NULL;
  RETURN NEW;
END $$;

CREATE TRIGGER message_written_anew BEFORE UPDATE OF to_enc ON messages
  FOR EACH ROW WHEN (OLD.body_enc IS NOT NULL AND NEW.to_enc IS NULL) EXECUTE FUNCTION keep_earlier_words();

CREATE TRIGGER messages_of_orders_stay BEFORE DELETE ON messages
  FOR EACH ROW WHEN (OLD.order_no IS NOT NULL) EXECUTE FUNCTION forbid_change();

-- Rights

GRANT SELECT ON messages TO oms_app;
GRANT DELETE ON messages TO oms_app;
GRANT INSERT (asked_by, body_enc, channel, customer_id, event_seq, expires_at, fact, language, last_error, message_id,
  order_no, round, state, template, to_enc, version) ON messages TO oms_app;
GRANT UPDATE (asked_by, body_enc, earlier_to_enc, language, last_error, next_try_at, provider, provider_ref, round,
  sent_at, state, to_enc, tries, version) ON messages TO oms_app;
REVOKE EXECUTE ON FUNCTION keep_earlier_words() FROM PUBLIC;
