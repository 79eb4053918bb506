"""Commit changes of a database in a thread, so that a run does not wait for the disk."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue

Change = Callable[[sqlite3.Connection], None]

MOST_AT_ONCE = 1000
"""Changes in one transaction: what has been waiting while the one before was flushed to disk."""


class Commits:
    """Changes of a database that are made in order, those that are waiting in one transaction.

    A process that is killed loses those of the last commit, a matter of milliseconds. While changes
    are waiting, no other thread may use the connection: call `flush` first.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._waiting: SimpleQueue[Change | threading.Event | None] = SimpleQueue()
        self._error: BaseException | None = None
        self._thread: threading.Thread | None = None

    def add(self, change: Change) -> None:
        """Add a change; raises the error of an earlier one."""
        self._raise_error()
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="manifest", daemon=True)
            self._thread.start()
        self._waiting.put(change)

    def flush(self) -> None:
        """Wait until all changes are committed; raises the error of one of them."""
        if self._thread is not None:
            done = threading.Event()
            self._waiting.put(done)
            done.wait()
        self._raise_error()

    def close(self) -> None:
        """Commit all changes and end the thread; raises the error of one of them."""
        if self._thread is not None:
            self._waiting.put(None)
            self._thread.join()
            self._thread = None
        self._raise_error()

    def _raise_error(self) -> None:
        error, self._error = self._error, None
        if error is not None:
            raise error

    def _work(self) -> None:
        while True:
            first = self._waiting.get()
            batch = [first, *self._more()] if callable(first) else [first]
            changes = [each for each in batch if callable(each)]
            if changes and self._error is None:
                self._commit(changes)
            for each in batch:
                if isinstance(each, threading.Event):
                    each.set()
            if None in batch:
                return

    def _more(self) -> list[Change | threading.Event | None]:
        """Return what is waiting, up to the first that is no change."""
        found: list[Change | threading.Event | None] = []
        while len(found) < MOST_AT_ONCE and (not found or callable(found[-1])):
            try:
                found.append(self._waiting.get_nowait())
            except Empty:
                break
        return found

    def _commit(self, changes: list[Change]) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for change in changes:
                change(self._connection)
            self._connection.execute("COMMIT")
        except BaseException as error:  # it is raised in the thread of the run
            self._error = error
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
