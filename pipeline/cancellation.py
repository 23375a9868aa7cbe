"""Telling who was cancelled: this task, or something that it waited for."""

import asyncio


def stops_this_task(error: BaseException) -> bool:
    """Whether an exception must end the running task.

    What a task awaits may have been cancelled by somebody else; the CancelledError that it then sees is a failure
    like any other, and only a cancellation of the task itself has to be obeyed.
    """
    if isinstance(error, asyncio.CancelledError):
        task = asyncio.current_task()
        return task is not None and task.cancelling() > 0
    return not isinstance(error, Exception)
