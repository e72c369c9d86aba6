-- Collaboration of staff on orders: notes, tags, assignees
-- Written by `python -m infra.db.schema write`, not edited: docs/schema.md. It runs after feedback.sql.

-- Notes of staff on an order. Customers and channels never see them.
CREATE TABLE order_notes (
  note_id    text PRIMARY KEY,
  order_no   text NOT NULL REFERENCES orders,
  author     text NOT NULL,  -- role:name
  created_at timestamptz NOT NULL DEFAULT now(),
  deleted_at timestamptz
);
CREATE INDEX order_notes_order ON order_notes (order_no, created_at DESC, note_id DESC);

CREATE TRIGGER order_note_deleted_once BEFORE UPDATE ON order_notes
  FOR EACH ROW WHEN (OLD.deleted_at IS NOT NULL) EXECUTE FUNCTION forbid_change();

-- Writes the entry for a deleted note.
CREATE FUNCTION audit_order_note_deletion()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  INSERT INTO audit_log (actor, action, order_no, reference)
  VALUES (current_actor(), 'note_deleted', NEW.order_no, NEW.note_id);
  RETURN NULL;
END $$;

CREATE TRIGGER order_note_deletion_audited AFTER UPDATE ON order_notes
  FOR EACH ROW EXECUTE FUNCTION audit_order_note_deletion();

CREATE TRIGGER order_notes_not_removed BEFORE DELETE ON order_notes FOR EACH ROW EXECUTE FUNCTION forbid_change();

-- The texts of a note: the newest is shown, the others are for the audit log.
CREATE TABLE order_note_versions (
  note_id    text NOT NULL REFERENCES order_notes,
  version    integer NOT NULL CHECK (version > 0),
  text_enc   bytea NOT NULL,  -- encrypted under the customer's key
  written_by text NOT NULL,
  written_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT order_note_versions_pkey PRIMARY KEY (note_id, version)
);

-- Writes the entry for a new version of a note; its text stays encrypted in the version.
CREATE FUNCTION audit_order_note()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  INSERT INTO audit_log (actor, action, order_no, reference)
  SELECT NEW.written_by, CASE NEW.version WHEN 1 THEN 'note_added' ELSE 'note_edited' END, n.order_no,
         NEW.note_id || ':' || NEW.version
    FROM order_notes n WHERE n.note_id = NEW.note_id;
  RETURN NULL;
END $$;

CREATE TRIGGER order_note_audited AFTER INSERT ON order_note_versions FOR EACH ROW EXECUTE FUNCTION audit_order_note();

CREATE TRIGGER order_note_versions_append_only BEFORE DELETE OR UPDATE ON order_note_versions
  FOR EACH ROW EXECUTE FUNCTION forbid_change();

-- Members of staff whom a note mentions, and whether they have read it.
CREATE TABLE order_note_mentions (
  name         text NOT NULL REFERENCES staff,
  note_id      text NOT NULL REFERENCES order_notes,
  mentioned_at timestamptz NOT NULL DEFAULT now(),
  seen_at      timestamptz,
  CONSTRAINT order_note_mentions_pkey PRIMARY KEY (name, note_id)
);
CREATE INDEX order_note_mentions_newest ON order_note_mentions (name, mentioned_at DESC, note_id DESC);
CREATE INDEX order_note_mentions_note ON order_note_mentions (note_id);
CREATE INDEX order_note_mentions_unread ON order_note_mentions (name) WHERE seen_at IS NULL;

-- Tags of an order, by which lists are filtered.
CREATE TABLE order_tags (
  order_no  text NOT NULL REFERENCES orders,
  -- in small letters, with single spaces
  tag       text NOT NULL CHECK (length(tag) >= 1 AND length(tag) <= 40 AND tag = btrim(tag) AND strpos(tag, ',') = 0),
  tagged_by text NOT NULL,
  tagged_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT order_tags_pkey PRIMARY KEY (order_no, tag)
);
CREATE INDEX order_tags_tag ON order_tags (tag, order_no);

-- Writes the entry for a tag that an order gets or loses.
CREATE FUNCTION audit_order_tag()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO audit_log (actor, action, order_no, after) VALUES (current_actor(), 'tag_added', NEW.order_no, NEW.tag);
  ELSE
    INSERT INTO audit_log (actor, action, order_no, before) VALUES (current_actor(), 'tag_removed', OLD.order_no, OLD.tag);
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER order_tag_audited AFTER INSERT OR DELETE ON order_tags FOR EACH ROW EXECUTE FUNCTION audit_order_tag();

-- An order has at most 20 tags.
CREATE FUNCTION limit_order_tags() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('order_tags ' || NEW.order_no, 0));
  IF (SELECT count(*) FROM order_tags t WHERE t.order_no = NEW.order_no) >= 20 THEN
    RAISE EXCEPTION 'an order has at most 20 tags' USING ERRCODE = '23514', CONSTRAINT = 'order_tags_limit';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER order_tags_limited BEFORE INSERT ON order_tags FOR EACH ROW EXECUTE FUNCTION limit_order_tags();

-- The member of staff who looks after an order.
CREATE TABLE order_assignees (
  order_no    text PRIMARY KEY REFERENCES orders,
  assignee    text NOT NULL REFERENCES staff (name),
  assigned_by text NOT NULL,
  assigned_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX order_assignees_assignee ON order_assignees (assignee, order_no);

-- Writes the entry for another assignee of an order.
CREATE FUNCTION audit_order_assignee()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  INSERT INTO audit_log (actor, action, order_no, before, after)
  VALUES (current_actor(), 'assignee_changed', CASE TG_OP WHEN 'DELETE' THEN OLD.order_no ELSE NEW.order_no END,
          CASE WHEN TG_OP <> 'INSERT' THEN OLD.assignee END, CASE WHEN TG_OP <> 'DELETE' THEN NEW.assignee END);
  RETURN NULL;
END $$;

CREATE TRIGGER order_assignee_audited AFTER INSERT OR DELETE OR UPDATE ON order_assignees
  FOR EACH ROW EXECUTE FUNCTION audit_order_assignee();

-- Rights

GRANT SELECT ON order_assignees, order_note_mentions, order_note_versions, order_notes, order_tags TO oms_app;
GRANT DELETE ON order_assignees, order_note_mentions, order_tags TO oms_app;
GRANT INSERT (assigned_by, assignee, order_no) ON order_assignees TO oms_app;
GRANT UPDATE (assigned_at, assigned_by, assignee) ON order_assignees TO oms_app;
GRANT INSERT (name, note_id) ON order_note_mentions TO oms_app;
GRANT UPDATE (seen_at) ON order_note_mentions TO oms_app;
GRANT INSERT (note_id, text_enc, version, written_by) ON order_note_versions TO oms_app;
GRANT INSERT (author, note_id, order_no) ON order_notes TO oms_app;
GRANT UPDATE (deleted_at) ON order_notes TO oms_app;
GRANT INSERT (order_no, tag, tagged_by) ON order_tags TO oms_app;
REVOKE EXECUTE ON FUNCTION audit_order_assignee(), audit_order_note(), audit_order_note_deletion(), audit_order_tag(),
  limit_order_tags() FROM PUBLIC;
