-- Staff work together on an order: notes in which they mention each other, tags, and who looks after it. None of it is
-- an event of the order: customers, channels and webhooks learn nothing of it.

CREATE TABLE order_notes (
  note_id    text PRIMARY KEY,
  order_no   text NOT NULL REFERENCES orders,
  author     text NOT NULL,  -- role:name
  created_at timestamptz NOT NULL DEFAULT now(),
  deleted_at timestamptz
);
CREATE INDEX order_notes_order ON order_notes (order_no, created_at DESC, note_id DESC);
CREATE TABLE order_note_versions (
  note_id    text NOT NULL REFERENCES order_notes,
  version    integer NOT NULL CHECK (version > 0),
  text_enc   bytea NOT NULL,
  written_by text NOT NULL,
  written_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (note_id, version)
);
CREATE TABLE order_note_mentions (
  name         text NOT NULL REFERENCES staff,
  note_id      text NOT NULL REFERENCES order_notes,
  mentioned_at timestamptz NOT NULL DEFAULT now(),
  seen_at      timestamptz,
  PRIMARY KEY (name, note_id)
);
CREATE INDEX order_note_mentions_newest ON order_note_mentions (name, mentioned_at DESC, note_id DESC);
CREATE INDEX order_note_mentions_unread ON order_note_mentions (name) WHERE seen_at IS NULL;
CREATE INDEX order_note_mentions_note ON order_note_mentions (note_id);

CREATE TABLE order_tags (
  order_no  text NOT NULL REFERENCES orders,
  tag       text NOT NULL CHECK (length(tag) BETWEEN 1 AND 40 AND tag = btrim(tag) AND strpos(tag, ',') = 0),
  tagged_by text NOT NULL,
  tagged_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (order_no, tag)
);
CREATE INDEX order_tags_tag ON order_tags (tag, order_no);

CREATE TABLE order_assignees (
  order_no    text PRIMARY KEY REFERENCES orders,
  assignee    text NOT NULL REFERENCES staff,
  assigned_by text NOT NULL,
  assigned_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX order_assignees_assignee ON order_assignees (assignee, order_no);

CREATE FUNCTION limit_order_tags() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('order_tags ' || NEW.order_no, 0));
  IF (SELECT count(*) FROM order_tags t WHERE t.order_no = NEW.order_no) >= 20 THEN
    RAISE EXCEPTION 'an order has at most 20 tags' USING ERRCODE = '23514', CONSTRAINT = 'order_tags_limit';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER order_tags_limited BEFORE INSERT ON order_tags FOR EACH ROW EXECUTE FUNCTION limit_order_tags();

CREATE TRIGGER order_note_deleted_once BEFORE UPDATE ON order_notes
  FOR EACH ROW WHEN (OLD.deleted_at IS NOT NULL) EXECUTE FUNCTION forbid_change();
CREATE TRIGGER order_notes_not_removed BEFORE DELETE ON order_notes FOR EACH ROW EXECUTE FUNCTION forbid_change();
CREATE TRIGGER order_note_versions_append_only BEFORE DELETE OR UPDATE ON order_note_versions
  FOR EACH ROW EXECUTE FUNCTION forbid_change();

CREATE FUNCTION audit_order_note()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  INSERT INTO audit_log (actor, action, order_no, reference)
  SELECT NEW.written_by, CASE NEW.version WHEN 1 THEN 'note_added' ELSE 'note_edited' END, n.order_no,
         NEW.note_id || ':' || NEW.version
    FROM order_notes n WHERE n.note_id = NEW.note_id;
  RETURN NULL;
END $$;
CREATE TRIGGER order_note_audited AFTER INSERT ON order_note_versions
  FOR EACH ROW EXECUTE FUNCTION audit_order_note();

CREATE FUNCTION audit_order_note_deletion()
  RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  INSERT INTO audit_log (actor, action, order_no, reference)
  VALUES (current_actor(), 'note_deleted', NEW.order_no, NEW.note_id);
  RETURN NULL;
END $$;
CREATE TRIGGER order_note_deletion_audited AFTER UPDATE ON order_notes
  FOR EACH ROW EXECUTE FUNCTION audit_order_note_deletion();

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

GRANT SELECT ON order_notes, order_note_versions, order_note_mentions, order_tags, order_assignees TO oms_app;
GRANT INSERT (note_id, order_no, author), UPDATE (deleted_at) ON order_notes TO oms_app;
GRANT INSERT (note_id, version, text_enc, written_by) ON order_note_versions TO oms_app;
GRANT INSERT (name, note_id), UPDATE (seen_at), DELETE ON order_note_mentions TO oms_app;
GRANT INSERT (order_no, tag, tagged_by), DELETE ON order_tags TO oms_app;
GRANT INSERT (order_no, assignee, assigned_by), UPDATE (assignee, assigned_by, assigned_at), DELETE ON order_assignees
  TO oms_app;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
