-- An invoice over a guarantee that was claimed, and a credit note over what a lost dispute took.
ALTER TABLE documents
  ADD COLUMN return_id text,      -- of an invoice: the return whose guarantee was claimed
  ADD COLUMN dispute_id bigint,   -- of a credit note: the dispute that was lost
  ADD CONSTRAINT document_of_a_claim CHECK (return_id IS NULL OR kind = 'invoice' AND supplement_no IS NULL) NOT VALID,
  ADD CONSTRAINT document_of_a_dispute CHECK (dispute_id IS NULL OR kind = 'credit_note' AND refund_id IS NULL) NOT VALID,
  ADD CONSTRAINT document_of_its_claim FOREIGN KEY (return_id) REFERENCES guarantees NOT VALID,
  ADD CONSTRAINT document_of_its_dispute FOREIGN KEY (dispute_id) REFERENCES disputes NOT VALID;
