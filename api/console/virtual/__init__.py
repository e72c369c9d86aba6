"""Pages about codes of virtual products."""
