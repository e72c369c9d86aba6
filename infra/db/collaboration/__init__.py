"""What staff tell each other of an order: notes, tags, who looks after it."""
