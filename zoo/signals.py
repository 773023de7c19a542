"""Signals that ask a process to end: they stop it as Ctrl-C does, so that what is done is kept and children end."""

from __future__ import annotations

import signal
import threading
from types import FrameType

ASK_TO_END = ("SIGTERM", "SIGHUP")


def stop_as_ctrl_c_does() -> None:
    """Have SIGTERM and SIGHUP raise KeyboardInterrupt here. What ignores one of them, as nohup does, goes on to."""
    if threading.current_thread() is not threading.main_thread():
        return
    for name in ASK_TO_END:
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, _stop)


def _stop(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
