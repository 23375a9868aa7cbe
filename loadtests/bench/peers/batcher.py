"""Dynamic batching without a timer: whenever the model is free, all that wait leave together."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor


class TakeAll:
    """Gathers questions while the model is busy; a failed batch fails each of its questions."""

    def __init__(self, score: Callable[[Sequence[str]], list[float]], most: int) -> None:
        """
        Args:
            score: texts to scores; runs in a thread, one call at a time.
            most: texts of one call.
        """
        self._score = score
        self._most = most
        self._waiting: deque[tuple[str, asyncio.Future[float]]] = deque()
        self._thread = ThreadPoolExecutor(1)
        self._work: asyncio.Task[None] | None = None

    async def ask(self, text: str) -> float:
        answer: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._waiting.append((text, answer))
        if self._work is None:
            self._work = asyncio.create_task(self._drain())
        return await answer

    async def _drain(self) -> None:
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
            await self._run([(text, answer) for text, answer in batch if not answer.done()])
        self._work = None

    async def _run(self, batch: list[tuple[str, asyncio.Future[float]]]) -> None:
        texts = [text for text, _ in batch]
        loop = asyncio.get_running_loop()
        try:
            scores = await loop.run_in_executor(self._thread, self._score, texts) if texts else []
        except Exception as error:
            for _, answer in batch:
                if not answer.done():
                    answer.set_exception(error)
            return
        for (_, answer), score in zip(batch, scores, strict=True):
            if not answer.done():  # its caller may have hung up meanwhile
                answer.set_result(score)
