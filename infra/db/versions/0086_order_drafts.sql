-- Orders that staff prepare for a customer on the telephone, until they are placed or expire. What is typed is sealed
-- under a key of the draft's own, and gone with it.
CREATE TABLE order_drafts (
  draft_id    text PRIMARY KEY CHECK (draft_id ~ '^draft_[0-9a-f]{32}$'),
  owner       text NOT NULL,  -- role:name
  customer_id text,
  data_key    bytea NOT NULL,
  content_enc bytea NOT NULL,
  version     integer NOT NULL DEFAULT 1 CHECK (version > 0),
  order_no    text UNIQUE REFERENCES orders,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  expires_at  timestamptz NOT NULL,
  CONSTRAINT placed_draft_is_empty CHECK (order_no IS NULL OR content_enc = '')
);
CREATE INDEX order_drafts_owner ON order_drafts (owner, updated_at DESC, draft_id DESC);
CREATE INDEX order_drafts_expired ON order_drafts (expires_at);
CREATE INDEX order_drafts_customer ON order_drafts (customer_id) WHERE customer_id IS NOT NULL;
CREATE TRIGGER data_key_known BEFORE INSERT OR UPDATE OF data_key ON order_drafts
  FOR EACH ROW WHEN (NEW.data_key IS NOT NULL) EXECUTE FUNCTION guard_data_key();
CREATE TRIGGER order_draft_placed_once BEFORE UPDATE ON order_drafts
  FOR EACH ROW WHEN (OLD.order_no IS NOT NULL) EXECUTE FUNCTION forbid_change();
CREATE TRIGGER order_draft_audited AFTER INSERT OR DELETE OR UPDATE OF order_no ON order_drafts
  FOR EACH ROW EXECUTE FUNCTION audit_row('order_draft', 'draft_id', 'owner order_no');

-- With the data key go the indexes that find the customer, and what staff prepare for them.
CREATE OR REPLACE FUNCTION forget_customer()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  DELETE FROM order_contacts WHERE customer_id = OLD.customer_id;
  DELETE FROM order_drafts WHERE customer_id = OLD.customer_id;
  UPDATE customer_contacts SET email_index = NULL, phone_index = NULL WHERE customer_id = OLD.customer_id;
  NEW.email_index := NULL;
  NEW.phone_index := NULL;
  RETURN NEW;
END $$;

GRANT SELECT, DELETE ON order_drafts TO oms_app;
GRANT INSERT (draft_id, owner, customer_id, data_key, content_enc, expires_at),
      UPDATE (customer_id, content_enc, version, order_no, updated_at, expires_at) ON order_drafts TO oms_app;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
