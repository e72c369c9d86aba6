-- Orders: drafts, saved views, chosen columns and exports of the table of orders
-- Written by `python -m infra.db.schema write`, not edited: docs/schema.md. It runs after collaboration.sql.

-- An order that staff prepare for a customer, until it is placed or expires. Encrypted under a key of its own.
CREATE TABLE order_drafts (
  draft_id    text PRIMARY KEY CHECK (draft_id ~ '^draft_[0-9a-f]{32}$'),
  owner       text NOT NULL,  -- role:name
  customer_id text,
  data_key    bytea NOT NULL,
  content_enc bytea NOT NULL,  -- encrypted under the draft's own key; empty once it is placed
  version     integer NOT NULL DEFAULT 1 CHECK (version > 0),
  order_no    text UNIQUE REFERENCES orders,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  expires_at  timestamptz NOT NULL,
  CONSTRAINT placed_draft_is_empty CHECK (order_no IS NULL OR content_enc = '\x'::bytea)
);
CREATE INDEX order_drafts_customer ON order_drafts (customer_id) WHERE customer_id IS NOT NULL;
CREATE INDEX order_drafts_expired ON order_drafts (expires_at);
CREATE INDEX order_drafts_owner ON order_drafts (owner, updated_at DESC, draft_id DESC);

CREATE TRIGGER data_key_known BEFORE INSERT OR UPDATE OF data_key ON order_drafts
  FOR EACH ROW WHEN (NEW.data_key IS NOT NULL) EXECUTE FUNCTION guard_data_key();

CREATE TRIGGER order_draft_audited AFTER INSERT OR DELETE OR UPDATE OF order_no ON order_drafts
  FOR EACH ROW EXECUTE FUNCTION audit_row('order_draft', 'draft_id', 'owner order_no');

CREATE TRIGGER order_draft_placed_once BEFORE UPDATE ON order_drafts
  FOR EACH ROW WHEN (OLD.order_no IS NOT NULL) EXECUTE FUNCTION forbid_change();

-- Filters and order of the table of orders under a name, for their owner or for all staff.
CREATE TABLE saved_views (
  view_id    text PRIMARY KEY CHECK (view_id ~ '^view_[0-9a-f]{32}$'),
  owner      text NOT NULL CHECK (length(owner) BETWEEN 1 AND 64),  -- the person, in every role
  name       text NOT NULL CHECK (length(name) >= 1 AND length(name) <= 60 AND name = btrim(name)),
  -- never a text that is searched for; a customer by their id
  filters    jsonb NOT NULL CHECK (jsonb_typeof(filters) = 'object'),
  shared     boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX saved_views_name ON saved_views (owner, lower(name));
CREATE INDEX saved_views_shared ON saved_views (lower(name)) WHERE shared;

CREATE TRIGGER saved_view_audited AFTER INSERT OR DELETE OR UPDATE ON saved_views
  FOR EACH ROW EXECUTE FUNCTION audit_row('saved_view', 'view_id', 'owner name filters shared');

-- A person has at most fifty views: the lock makes two that are saved at once wait for each other.
CREATE FUNCTION bound_saved_views() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('saved views'), hashtext(NEW.owner));
  IF (SELECT count(*) FROM saved_views v WHERE v.owner = NEW.owner) >= 50 THEN
    RAISE EXCEPTION 'more than 50 saved views of one person' USING ERRCODE = 'OM190';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER saved_views_bounded BEFORE INSERT ON saved_views FOR EACH ROW EXECUTE FUNCTION bound_saved_views();

-- The columns that a member of staff chose for the table of orders.
CREATE TABLE order_table_columns (
  person  text PRIMARY KEY CHECK (length(person) BETWEEN 1 AND 64),
  columns text[] NOT NULL CHECK (cardinality(columns) BETWEEN 1 AND 20)
);

-- One row for each file of orders that was exported. Append-only.
CREATE TABLE order_exports (
  export_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  actor         text NOT NULL,
  format        text NOT NULL CHECK (format IN ('csv', 'xlsx')),
  filters       jsonb NOT NULL CHECK (jsonb_typeof(filters) = 'object'),  -- that a text was searched for, not the text
  personal_data boolean NOT NULL,  -- whether names and addresses are in the file
  created_at    timestamptz NOT NULL DEFAULT now()
);

CREATE TRIGGER order_export_audited AFTER INSERT ON order_exports
  FOR EACH ROW EXECUTE FUNCTION audit_row('order_export', 'export_id', 'format filters personal_data');

CREATE TRIGGER order_exports_append_only BEFORE DELETE OR UPDATE ON order_exports
  FOR EACH ROW EXECUTE FUNCTION forbid_change();

-- Rights

GRANT SELECT ON order_drafts, order_exports, order_table_columns, saved_views TO oms_app;
GRANT DELETE ON order_drafts, saved_views TO oms_app;
GRANT INSERT (content_enc, customer_id, data_key, draft_id, expires_at, owner) ON order_drafts TO oms_app;
GRANT UPDATE (content_enc, customer_id, expires_at, order_no, updated_at, version) ON order_drafts TO oms_app;
GRANT INSERT (actor, filters, format, personal_data) ON order_exports TO oms_app;
GRANT INSERT (columns, person) ON order_table_columns TO oms_app;
GRANT UPDATE (columns) ON order_table_columns TO oms_app;
GRANT INSERT (filters, name, owner, shared, view_id) ON saved_views TO oms_app;
GRANT UPDATE (filters, name, shared) ON saved_views TO oms_app;
REVOKE EXECUTE ON FUNCTION bound_saved_views() FROM PUBLIC;
