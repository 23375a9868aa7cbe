"""One way to open an ONNX model."""

from pathlib import Path

import onnxruntime as ort

from pipeline.errors import ModelError


def open_session(path: Path, threads: int, model: bytes | None = None) -> ort.InferenceSession:
    """CPU session with `threads` threads inside an operator.

    Args:
        path: of the model, or of what `model` was made from.
        threads: inside an operator.
        model: in place of the file.

    Raises:
        ModelError: the file is missing or not a model this runtime can run.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return ort.InferenceSession(model or str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime raises a dozen unrelated classes
        raise ModelError(f"{path.parent.name}/{path.name} cannot be opened: {type(error).__name__}") from error
