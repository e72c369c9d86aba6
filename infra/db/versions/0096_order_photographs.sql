-- Photographs that customers send of a parcel, lost, damaged or otherwise: stored files, sealed with the customer's key.
-- At most ten to an order.
CREATE TABLE order_photographs (
  order_no      text NOT NULL REFERENCES orders,
  photograph_no smallint NOT NULL,
  file_id       text NOT NULL REFERENCES stored_files,
  added_by      text NOT NULL,
  added_at      timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (order_no, photograph_no),
  CONSTRAINT order_photograph_once UNIQUE (order_no, file_id),
  CONSTRAINT order_photographs_at_most CHECK (photograph_no BETWEEN 1 AND 10)
);
CREATE INDEX order_photographs_file ON order_photographs (file_id);
CREATE TRIGGER order_photograph_audited AFTER INSERT ON order_photographs
  FOR EACH ROW EXECUTE FUNCTION audit_row('order_photograph', 'order_no', 'photograph_no file_id added_by');
CREATE TRIGGER order_photographs_append_only BEFORE DELETE OR UPDATE ON order_photographs
  FOR EACH ROW EXECUTE FUNCTION forbid_change();

-- A file that nothing refers to can be deleted once it is a day old: before that, a form that uploaded it may still be
-- open. What refers to a file keeps it, by foreign key.
DROP TRIGGER stored_files_append_only ON stored_files;
CREATE TRIGGER stored_files_not_changed BEFORE UPDATE ON stored_files
  FOR EACH ROW EXECUTE FUNCTION forbid_change();
CREATE TRIGGER stored_files_kept_a_day BEFORE DELETE ON stored_files
  FOR EACH ROW WHEN (OLD.created_at > now() - interval '1 day') EXECUTE FUNCTION forbid_change();
DROP TRIGGER stored_file_audited ON stored_files;
CREATE TRIGGER stored_file_audited AFTER INSERT OR DELETE ON stored_files
  FOR EACH ROW EXECUTE FUNCTION audit_row('file', 'file_id', 'media_type size width height owner_id');

GRANT SELECT ON order_photographs TO oms_app;
GRANT INSERT (added_by, file_id, order_no, photograph_no) ON order_photographs TO oms_app;
GRANT DELETE ON stored_files TO oms_app;
