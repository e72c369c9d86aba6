"""Codes of virtual products: their pools, and what orders have of them."""
