-- Uploaded files: pictures of products, and what customers send. The name of a file is the hash of its bytes, so its
-- content never changes under its address. A file with an owner is sealed with that customer's data key: it is for staff
-- and for the owner, and erasing the customer makes it unreadable. A file without one is the shop's own, and public.
CREATE TABLE stored_files (
  file_id    text PRIMARY KEY,
  media_type text NOT NULL,
  size       integer NOT NULL,
  width      integer NOT NULL,
  height     integer NOT NULL,
  owner_id   text REFERENCES customers,
  content    bytea NOT NULL,
  small      bytea NOT NULL,
  created_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT file_named_by_content CHECK (file_id = encode(sha256(content), 'hex')),
  CONSTRAINT file_is_a_picture CHECK (media_type IN ('image/webp', 'image/png', 'image/jpeg')),
  CONSTRAINT file_size CHECK (size > 0 AND octet_length(content) BETWEEN size AND size + 100 AND size <= 4000000),
  CONSTRAINT file_thumbnail_size CHECK (octet_length(small) BETWEEN 1 AND 100000),
  CONSTRAINT file_dimensions CHECK (width BETWEEN 1 AND 4096 AND height BETWEEN 1 AND 4096)
);
CREATE INDEX stored_files_owner ON stored_files (owner_id) WHERE owner_id IS NOT NULL;
CREATE TRIGGER stored_file_audited AFTER INSERT ON stored_files
  FOR EACH ROW EXECUTE FUNCTION audit_row('file', 'file_id', 'media_type size width height owner_id');
CREATE TRIGGER stored_files_append_only BEFORE DELETE OR UPDATE ON stored_files
  FOR EACH ROW EXECUTE FUNCTION forbid_change();

GRANT SELECT ON stored_files TO oms_app;
GRANT INSERT (content, created_by, file_id, height, media_type, owner_id, size, small, width) ON stored_files TO oms_app;
