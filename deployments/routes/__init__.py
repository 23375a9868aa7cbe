"""The HTTP contract as routes. Handlers authenticate, decode, call the gateway and encode; nothing else."""
