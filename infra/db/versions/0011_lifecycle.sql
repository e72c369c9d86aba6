-- The lifecycle of this revision; what is added to it later comes with a revision of its own.
INSERT INTO return_statuses VALUES
  ('requested', true, false), ('approved', true, false), ('in_transit', true, false), ('received', true, false),
  ('inspected', true, false), ('completed', true, true), ('rejected', false, true), ('expired', false, true),
  ('cancelled', false, true);
INSERT INTO return_transitions VALUES
  ('requested', 'return_approved', 'approved'), ('requested', 'return_rejected', 'rejected'),
  ('requested', 'return_cancelled', 'cancelled'), ('approved', 'return_in_transit', 'in_transit'),
  ('approved', 'return_received', 'received'), ('approved', 'return_expired', 'expired'),
  ('approved', 'return_cancelled', 'cancelled'), ('in_transit', 'return_received', 'received'),
  ('in_transit', 'return_expired', 'expired'), ('in_transit', 'return_cancelled', 'cancelled'),
  ('expired', 'return_received', 'received'), ('cancelled', 'return_received', 'received'),
  ('received', 'return_inspected', 'inspected'), ('inspected', 'return_completed', 'completed');
