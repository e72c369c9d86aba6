"""Documents as PDF, made by a process of their own: the font and its tools are too large for the front door."""
