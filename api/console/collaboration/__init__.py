"""What staff tell each other of an order, in the console."""
