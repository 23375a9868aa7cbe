"""The stages: plain classes that load once, answer a dry run, and call `pipeline`.

`deployments.app` makes Ray Serve deployments of them; the cheap ones may also live inside the ingress. One module
each, so that a replica imports what its stage needs and nothing else.
"""
