-- A database that was begun by a later version has these from its first revisions.
INSERT INTO posting_rules VALUES
  ('dispute', 'customer_funds', 'receivable:{provider}'), ('dispute_won', 'receivable:{provider}', 'customer_funds')
ON CONFLICT DO NOTHING;
INSERT INTO refund_moves VALUES ('approved', 'overtaken')
ON CONFLICT DO NOTHING;
