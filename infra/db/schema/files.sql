-- Files that people upload
-- Written by `python -m infra.db.schema write`, not edited: docs/schema.md. It runs after customers.sql.

-- Pictures of products, and what customers send. A file is named by the hash of its bytes and never changes; it is
-- deleted once nothing refers to it. With an owner it is sealed with that customer's data key and private, without one
-- it is public.
CREATE TABLE stored_files (
  file_id    text PRIMARY KEY,
  media_type text NOT NULL,
  size       integer NOT NULL,  -- of the picture as it is shown, in bytes
  width      integer NOT NULL,
  height     integer NOT NULL,
  owner_id   text REFERENCES customers (customer_id),  -- the customer whose it is; none where it is the shop's own
  content    bytea NOT NULL,
  small      bytea NOT NULL,  -- a thumbnail, sealed as the content is
  created_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT file_named_by_content CHECK (file_id = encode(sha256(content), 'hex')),
  CONSTRAINT file_is_a_picture CHECK (media_type IN ('image/webp', 'image/png', 'image/jpeg')),
  CONSTRAINT file_size CHECK (size > 0 AND octet_length(content) >= size AND octet_length(content) <= (size + 100)
      AND size <= 4000000),
  CONSTRAINT file_dimensions CHECK (width >= 1 AND width <= 4096 AND height >= 1 AND height <= 4096),
  CONSTRAINT file_thumbnail_size CHECK (octet_length(small) BETWEEN 1 AND 100000)
);
CREATE INDEX stored_files_owner ON stored_files (owner_id) WHERE owner_id IS NOT NULL;

CREATE TRIGGER stored_file_audited AFTER INSERT OR DELETE ON stored_files
  FOR EACH ROW EXECUTE FUNCTION audit_row('file', 'file_id', 'media_type size width height owner_id');

CREATE TRIGGER stored_files_kept_a_day BEFORE DELETE ON stored_files
  FOR EACH ROW WHEN (OLD.created_at > (now() - '1 day'::interval)) EXECUTE FUNCTION forbid_change();

CREATE TRIGGER stored_files_not_changed BEFORE UPDATE ON stored_files FOR EACH ROW EXECUTE FUNCTION forbid_change();

-- Rights

GRANT SELECT ON stored_files TO oms_app;
GRANT DELETE ON stored_files TO oms_app;
GRANT INSERT (content, created_by, file_id, height, media_type, owner_id, size, small, width) ON stored_files
  TO oms_app;
