"""A rollout under load: new versions come, replicas die, Postgres goes away, and no request fails."""
