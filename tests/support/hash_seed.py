"""Whether a program's output depends on Python's hash seed."""

import os
import subprocess
import sys

from configs.settings import ROOT


def outputs(program: str) -> set[str]:
    """What a program prints under two hash seeds: one element when it does not depend on them."""
    return {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
