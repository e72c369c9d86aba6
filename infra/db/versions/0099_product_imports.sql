-- Products that are imported from a file: what each row of it would do, and what it did.
CREATE TABLE product_imports (
  import_id   text PRIMARY KEY CHECK (import_id ~ '^imp_[0-9a-f]{32}$'),
  file_name   text NOT NULL CHECK (length(file_name) <= 200),
  encoding    text NOT NULL,
  ignored     text[] NOT NULL DEFAULT '{}',
  total       integer NOT NULL CHECK (total >= 0),
  state       text NOT NULL DEFAULT 'preview' CHECK (state IN ('preview', 'applying', 'done')),
  created_by  text NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now(),
  applied_by  text,
  origin      text,
  applied_at  timestamptz,
  finished_at timestamptz,
  CONSTRAINT an_applied_import_says_by_whom CHECK ((state = 'preview') = (applied_by IS NULL))
);
CREATE INDEX product_imports_applying ON product_imports (applied_at) WHERE state = 'applying';
CREATE TRIGGER product_import_audited AFTER INSERT OR UPDATE OR DELETE ON product_imports
  FOR EACH ROW EXECUTE FUNCTION audit_row('product_import', 'import_id', 'file_name state');

CREATE TABLE product_import_rows (
  import_id text NOT NULL REFERENCES product_imports ON DELETE CASCADE,
  line      integer NOT NULL CHECK (line > 0),
  sku       text NOT NULL,
  outcome   text NOT NULL
    CHECK (outcome IN ('create', 'change', 'unchanged', 'refused', 'created', 'changed', 'failed')),
  version   bigint,
  product   jsonb,
  changes   jsonb NOT NULL DEFAULT '{}',
  errors    jsonb NOT NULL DEFAULT '[]',
  PRIMARY KEY (import_id, line)
);
CREATE INDEX product_import_rows_due ON product_import_rows (import_id, line) WHERE outcome IN ('create', 'change');

GRANT SELECT, INSERT (import_id, file_name, encoding, ignored, total, created_by),
      UPDATE (total, state, applied_by, origin, applied_at, finished_at), DELETE ON product_imports TO oms_app;
GRANT SELECT, INSERT (import_id, line, sku, outcome, version, product, changes, errors), UPDATE (outcome, errors)
  ON product_import_rows TO oms_app;
