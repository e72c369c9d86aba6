-- One first invoice, one of each claim, one credit note of each lost dispute and of the cancellation.
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS documents_one_first_invoice ON documents (order_no)
  WHERE kind = 'invoice' AND supplement_no IS NULL AND return_id IS NULL;
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS documents_one_of_claim ON documents (return_id) WHERE return_id IS NOT NULL;
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS documents_one_of_dispute ON documents (dispute_id) WHERE dispute_id IS NOT NULL;
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS documents_one_rest ON documents (order_no)
  WHERE kind = 'credit_note' AND refund_id IS NULL AND dispute_id IS NULL;
DROP INDEX CONCURRENTLY IF EXISTS documents_one_invoice;
DROP INDEX CONCURRENTLY IF EXISTS documents_one_cancellation;
ALTER TABLE documents VALIDATE CONSTRAINT document_of_a_claim;
ALTER TABLE documents VALIDATE CONSTRAINT document_of_a_dispute;
ALTER TABLE documents VALIDATE CONSTRAINT document_of_its_claim;
ALTER TABLE documents VALIDATE CONSTRAINT document_of_its_dispute;
