-- An act on a stuck step that the order took and that was refused when it was carried out: whoever gave it sees why.
CREATE TABLE refused_resolutions (
  resolution_id  text PRIMARY KEY REFERENCES resolutions,
  order_no       text NOT NULL REFERENCES orders,
  park_no        integer NOT NULL,         -- the step that it was applied to
  code           text NOT NULL CHECK (length(code) BETWEEN 1 AND 100),
  refused_at     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX refused_resolutions_order ON refused_resolutions (order_no, park_no);
CREATE TRIGGER refused_resolutions_append_only BEFORE UPDATE OR DELETE ON refused_resolutions
  FOR EACH ROW EXECUTE FUNCTION forbid_change();
CREATE TRIGGER refused_resolutions_not_emptied BEFORE TRUNCATE ON refused_resolutions
  FOR EACH STATEMENT EXECUTE FUNCTION forbid_change();

GRANT SELECT, INSERT (resolution_id, order_no, park_no, code) ON refused_resolutions TO oms_app;
