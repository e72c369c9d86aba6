-- The table of orders: views that staff save, the columns that each chooses, and a record of every export.
CREATE TABLE saved_views (
  view_id    text PRIMARY KEY CHECK (view_id ~ '^view_[0-9a-f]{32}$'),
  owner      text NOT NULL CHECK (length(owner) BETWEEN 1 AND 64),
  name       text NOT NULL CHECK (length(name) BETWEEN 1 AND 60 AND name = btrim(name)),
  filters    jsonb NOT NULL CHECK (jsonb_typeof(filters) = 'object'),
  shared     boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX saved_views_name ON saved_views (owner, lower(name));
CREATE INDEX saved_views_shared ON saved_views (lower(name)) WHERE shared;
CREATE TRIGGER saved_view_audited AFTER INSERT OR UPDATE OR DELETE ON saved_views
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
REVOKE EXECUTE ON FUNCTION bound_saved_views() FROM PUBLIC;
CREATE TRIGGER saved_views_bounded BEFORE INSERT ON saved_views FOR EACH ROW EXECUTE FUNCTION bound_saved_views();

CREATE TABLE order_table_columns (
  person  text PRIMARY KEY CHECK (length(person) BETWEEN 1 AND 64),
  columns text[] NOT NULL CHECK (cardinality(columns) BETWEEN 1 AND 20)
);

CREATE TABLE order_exports (
  export_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  actor         text NOT NULL,
  format        text NOT NULL CHECK (format IN ('csv', 'xlsx')),
  filters       jsonb NOT NULL CHECK (jsonb_typeof(filters) = 'object'),
  personal_data boolean NOT NULL,
  created_at    timestamptz NOT NULL DEFAULT now()
);
CREATE TRIGGER order_export_audited AFTER INSERT ON order_exports
  FOR EACH ROW EXECUTE FUNCTION audit_row('order_export', 'export_id', 'format filters personal_data');
CREATE TRIGGER order_exports_append_only BEFORE UPDATE OR DELETE ON order_exports
  FOR EACH ROW EXECUTE FUNCTION forbid_change();

GRANT SELECT, INSERT (view_id, owner, name, filters, shared), UPDATE (name, filters, shared), DELETE
  ON saved_views TO oms_app;
GRANT SELECT, INSERT (person, columns), UPDATE (columns) ON order_table_columns TO oms_app;
GRANT SELECT, INSERT (actor, format, filters, personal_data) ON order_exports TO oms_app;
