"""Signals during work that must be cleaned up, such as Ctrl-C: raised where that is safe."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType

from hounsfield.core.platform import set_signal

NAMES = ("SIGINT", "SIGTERM", "SIGHUP")
"""The signals by which a user, a batch system or a closed terminal ends a run."""


class Interrupted(BaseException):
    """A signal was received; its own handler runs once the work has been cleaned up."""


class _Gate:
    """The signal that was received, and whether one may be raised now."""

    def __init__(self) -> None:
        self.received: int | None = None
        self.is_open = False

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Note the first signal, and raise it if that is allowed; later ones are ignored."""
        if self.received is None:
            self.received = number
        if self.is_open:
            self.is_open = False
            raise Interrupted


_gate: _Gate | None = None


@contextmanager
def deferred() -> Iterator[None]:
    """Raise signals within the block in `allowed` blocks only, each run of it once.

    When the block has ended, with all its cleaning up, the handler from before it is called; that
    of Python raises KeyboardInterrupt. Signals that were ignored stay so. Outside of the main
    thread, which alone receives signals, nothing changes.
    """
    global _gate
    if _gate is not None:
        yield
        return
    gate = _Gate()
    before = {name: _handled(name, gate) for name in NAMES}
    if not any(before.values()):
        yield
        return
    _gate = gate
    try:
        yield
    except Interrupted:
        pass
    finally:
        _gate = None
        for name, handler in before.items():
            if handler is not None:
                set_signal(name, handler)
        if gate.received is not None:
            signal.raise_signal(gate.received)


def _handled(name: str, gate: _Gate) -> object:
    """Let the gate handle a signal; return the handler before, None if it stays as it was."""
    number = getattr(signal, name, None)
    if number is None or signal.getsignal(number) in (signal.SIG_IGN, None):
        return None
    before: object = set_signal(name, gate.handle)
    return before


class allowed:
    """Raise a signal of a `deferred` block within this block, or one that came before it.

    It is a class, since the generator of a context manager could be left before it has begun.
    """

    def __enter__(self) -> None:
        self._gate = _gate
        if self._gate is not None:
            self._gate.is_open = True
            if self._gate.received is not None:
                self._gate.is_open = False
                raise Interrupted

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._gate is not None:
            self._gate.is_open = False
