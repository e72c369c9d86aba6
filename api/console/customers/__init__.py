"""Customers in the console."""
