"""What runs in an API process beside its requests."""
