"""`python -m deployments.cli` is `winnow`."""

from deployments.cli import main

main()
