"""Messages written by our own grammar: what today's traffic looks like and public corpora lack."""

from training.synthetic.generator import generate

__all__ = ["generate"]
