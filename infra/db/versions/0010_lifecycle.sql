-- The lifecycle of this revision; what is added to it later comes with a revision of its own.
INSERT INTO refund_statuses VALUES
  ('awaiting_approval'), ('approved'), ('succeeded'), ('refused'), ('overtaken');
INSERT INTO refund_moves VALUES
  ('approved', 'succeeded'), ('awaiting_approval', 'approved'),
  ('awaiting_approval', 'overtaken'), ('awaiting_approval', 'refused');
