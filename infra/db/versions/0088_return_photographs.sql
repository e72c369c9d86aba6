-- Photographs that customers upload to a return: stored files, sealed with the customer's key. At most ten.
CREATE TABLE return_photographs (
  return_id     text NOT NULL REFERENCES returns,
  photograph_no smallint NOT NULL,
  file_id       text NOT NULL REFERENCES stored_files,
  added_by      text NOT NULL,
  added_at      timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (return_id, photograph_no),
  CONSTRAINT photograph_once UNIQUE (return_id, file_id),
  CONSTRAINT photographs_at_most CHECK (photograph_no BETWEEN 1 AND 10)
);
CREATE TRIGGER return_photograph_audited AFTER INSERT ON return_photographs
  FOR EACH ROW EXECUTE FUNCTION audit_row('return_photograph', 'return_id', 'photograph_no file_id added_by');
CREATE TRIGGER return_photographs_append_only BEFORE DELETE OR UPDATE ON return_photographs
  FOR EACH ROW EXECUTE FUNCTION forbid_change();

GRANT SELECT ON return_photographs TO oms_app;
GRANT INSERT (added_by, file_id, photograph_no, return_id) ON return_photographs TO oms_app;
