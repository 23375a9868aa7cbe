"""A new version from feedback: trained, judged beside the one that serves, and pushed if it keeps every gate."""
