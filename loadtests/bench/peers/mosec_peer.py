"""mosec: its Rust server gathers a batch by size and time."""

import sys
from typing import Any

from mosec import Server, Worker

from loadtests.bench.peers.model import Model, options


class Spam(Worker):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.model = Model(options().model)

    def forward(self, data: Any) -> Any:
        """One message where nothing is batched, else a list of them."""
        if self.max_batch_size == 1:
            return {"spam_score": self.model.score([data["text"]])[0]}
        return [{"spam_score": score} for score in self.model.score([each["text"] for each in data])]


if __name__ == "__main__":
    asked = options()
    # mosec reads its own settings from the command line.
    sys.argv[1:] = ["--address", "127.0.0.1", "--port", str(asked.port), "--timeout", "60000", "--log-level", "warning"]
    server = Server()
    server.append_worker(Spam, num=asked.workers, max_batch_size=asked.batch, max_wait_time=max(1, int(asked.wait_ms)))
    server.run()
