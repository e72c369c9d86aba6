"""Bodies and answers of the calls on notes, tags and assignees."""
