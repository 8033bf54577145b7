"""What has been measured already: a run that was stopped goes on where it was with --resume."""
import json

from .environment import say


class Journal:
    """Results by key, in a file of JSON lines: the settings they were made with, then one result a
    line, written as soon as it is there."""

    def __init__(self, path, settings, resume):
        self.path = path
        self.results = {}
        settings = json.loads(json.dumps(settings, default=str))
        if resume and path.exists():
            self._read(settings)
        if not self.results:
            path.write_text(json.dumps(settings) + "\n")

    def _read(self, settings):
        lines = self.path.read_text().splitlines()
        before = json.loads(lines[0]) if lines else {}
        other = [f"{name} was {before.get(name)}, is {settings[name]}" for name in settings
                 if before.get(name) != settings[name]]
        if other:
            raise SystemExit("run: --resume: what is there was measured with other settings: "
                             f"{'; '.join(other)}. Give the same, or leave out --resume")
        for line in lines[1:]:
            try:
                key, result = json.loads(line)
            except ValueError:
                continue  # cut off while it was written
            self.results[tuple(key)] = result
        say(f"run: {len(self.results)} results are there already")

    def get(self, *key):
        return self.results.get(key)

    def add(self, result, *key):
        self.results[key] = result
        with self.path.open("a") as file:
            file.write(json.dumps([key, result]) + "\n")
