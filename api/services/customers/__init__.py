"""Customers as staff find and see them."""
