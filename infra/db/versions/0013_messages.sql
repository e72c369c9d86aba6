-- What customers are told, by e-mail or text message: one row per fact of an order and channel, and codes to sign in with.

CREATE TABLE messages (
  message_id    text PRIMARY KEY CHECK (length(message_id) <= 64),  -- order, event and channel; the provider's key comes of it
  customer_id   text NOT NULL REFERENCES customers,
  order_no      text,                      -- NULL for a code to sign in with
  event_seq     integer,
  fact          text NOT NULL,             -- the event's type, or sign_in_code
  channel       text NOT NULL CHECK (channel IN ('email', 'sms', 'none')),
  template      text NOT NULL,
  version       integer CHECK (version > 0),
  language      text CHECK (language IN ('en', 'zh')),
  state         text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'sent', 'failed', 'skipped')),
  tries         integer NOT NULL DEFAULT 0,
  next_try_at   timestamptz NOT NULL DEFAULT now(),
  expires_at    timestamptz,               -- a code that is worth nothing any more is not sent
  last_error    text,                      -- a code
  provider      text,
  provider_ref  text,
  to_enc        bytea,                     -- both under the customer's key, written before the first try
  body_enc      bytea,                     -- {subject, body}: kept for repeats only
  round         integer NOT NULL DEFAULT 0 CHECK (round >= 0),  -- how often somebody had it sent again
  asked_by      text,
  created_at    timestamptz NOT NULL DEFAULT now(),
  sent_at       timestamptz,
  CONSTRAINT message_once UNIQUE (order_no, event_seq, channel),
  FOREIGN KEY (order_no, event_seq) REFERENCES order_events,
  CHECK ((order_no IS NULL) = (event_seq IS NULL)),
  CHECK ((order_no IS NULL) = (fact = 'sign_in_code')),
  CHECK ((state = 'sent') = (sent_at IS NOT NULL)),
  CHECK (channel <> 'none' OR state = 'skipped'),
  CHECK ((round = 0) = (asked_by IS NULL)),
  CONSTRAINT words_go_with_the_end CHECK (state = 'open' OR body_enc IS NULL)
) WITH (fillfactor = 70);
-- Codes to sign in with go first: somebody waits for them.
CREATE INDEX messages_open ON messages (channel, (order_no IS NOT NULL), next_try_at) WHERE state = 'open';
CREATE INDEX messages_sign_in ON messages (created_at) WHERE order_no IS NULL;

-- What was told of an order stays; only codes are swept.
CREATE TRIGGER messages_of_orders_stay BEFORE DELETE ON messages FOR EACH ROW WHEN (OLD.order_no IS NOT NULL)
  EXECUTE FUNCTION forbid_change();

CREATE FUNCTION audit_message() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  INSERT INTO audit_log (actor, action, order_no, before, after, reference)
  VALUES (NEW.asked_by, 'message_sent_again', NEW.order_no, OLD.state, NEW.state, NEW.message_id);
  RETURN NULL;
END $$;
CREATE TRIGGER message_audited AFTER UPDATE OF round ON messages FOR EACH ROW WHEN (NEW.round <> OLD.round)
  EXECUTE FUNCTION audit_message();

GRANT SELECT, INSERT, DELETE ON messages TO oms_app;
GRANT UPDATE (version, language, state, tries, next_try_at, last_error, provider, provider_ref, to_enc, body_enc, round,
  asked_by, sent_at) ON messages TO oms_app;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
