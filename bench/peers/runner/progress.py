"""Says what is measured, how far that is, and how long it took; rests in between if asked to."""
import contextlib
import time

from .environment import say


class Progress:
    """Counts `total` measurements of a part, those that need not be made again among them."""

    def __init__(self, part, total, rest_seconds):
        self.part, self.total, self.rest_seconds = part, total, rest_seconds
        self.done = self.measured = 0

    def skip(self):
        self.done += 1

    @contextlib.contextmanager
    def measurement(self, name):
        """A `with` block that makes one. What it raises as RuntimeError is said and goes on."""
        if self.measured:
            time.sleep(self.rest_seconds)
        self.measured += 1
        self.done += 1
        say(f"run: {self.part} [{self.done}/{self.total}] {name}")
        start = time.monotonic()
        try:
            yield
        except RuntimeError as error:
            say(f"run:   {error}")
            raise
        say(f"run:   {time.monotonic() - start:.0f} s")
