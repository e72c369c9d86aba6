"""Uploaded pictures, decoded by a process of their own: what a file does to a decoder happens there."""
