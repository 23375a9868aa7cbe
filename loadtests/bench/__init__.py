"""Winnow beside the bare model loop and beside other servers of the same model. How to run it: loadtests/README.md."""
