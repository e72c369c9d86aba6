"""Fulfilments as the warehouse works on them."""
