"""The words of messages to customers, under version in `templates/`."""
