"""The stages as Ray Serve deployments: thin shells that load once, answer a dry run, and call `pipeline`.

One module each, so that a replica imports what its stage needs and nothing else.
"""
