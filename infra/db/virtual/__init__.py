"""Codes of virtual products."""
