"""The same ONNX file and tokenizer behind other servers, each with its own dynamic batching.

They run in an environment of their own (`build/peers`), so nothing here may import Winnow.
"""
