"""The models, ready to answer: plain objects over a folder of artefacts."""
