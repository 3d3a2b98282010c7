"""--limit-rate as the line sees it: what a relay in front of the registry passes on, sampled while a pull runs."""

import shutil
import threading
import time

import budgets
import measure
import programs
import servers

SAMPLE, WINDOW = 0.25, 5.0  # seconds


class Samples:
    """What a relay has passed on, over time: `with Samples(relay) as samples`, afterwards its (seconds, bytes)."""

    def __init__(self, relay):
        self.relay, self.points, self.over = relay, [], threading.Event()

    def __enter__(self):
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def watch(self):
        while not self.over.is_set():
            self.points.append((time.monotonic(), self.relay.now()["bytes_down"]))
            self.over.wait(SAMPLE)

    def worst(self, rate):
        """The largest deviation from `rate`, in percent, over any WINDOW in which bytes came all the time; None when the run was shorter. The first
        second is left out: a connection's buffers fill in it."""
        begin = next((at for at, count in self.points if count), None)
        end = max((at for (at, count), (_, before) in zip(self.points[1:], self.points) if count > before), default=None)
        inside = [point for point in self.points if begin is not None and begin + 1 <= point[0] < end]
        found = []
        for i, (at, count) in enumerate(inside):
            later = next((point for point in inside[i:] if point[0] >= at + WINDOW), None)
            if later:
                found.append(abs((later[1] - count) / (later[0] - at) / rate - 1) * 100)
        return max(found, default=None)


def limit_rate(bench):
    """Pulls of a known size under --limit-rate: within 5 % of the rate in all and over any five seconds, and nothing is paid for twice."""
    settings = [("fat", 40_000_000, 4), ("wide", 10_000_000, 16), ("wide", 10_000_000, 0)] if bench.arguments.full else [("wide", 20_000_000, 4)]
    row, checks, figures = "--limit-rate", [], {}
    for shape, rate, jobs in settings:
        image, directory = bench.image(shape), measure.fresh(bench.directory / "run")
        setting = f"{rate / 1e6:.0f} MB/s, -j {jobs or 'auto'}"
        with servers.Relay(bench.relay, bench.servers, "registry", []) as relay:
            command = programs.Gantry(bench.gantry, "store").command(programs.Target(f"127.0.0.1:{relay.port}", image, None, jobs), directory)
            with Samples(relay) as samples:
                cost = measure.run([*command, "--limit-rate", rate], directory)
        shutil.rmtree(directory)
        received = relay.counters["bytes_down"]
        checks.append(budgets.Check(row, f"deviation of the whole from {setting}", abs(image.size / cost.wall / rate - 1) * 100, 5, "%"))
        worst = samples.worst(rate)
        if worst is not None:
            checks.append(budgets.Check(row, f"largest deviation on the line over {WINDOW:.0f} s from {setting}", worst, 5, "%"))
        checks.append(budgets.Check(row, f"bytes beyond the image, {setting}", max(received / image.size - 1, 0) * 100, budgets.EXTRA, "%"))
        figures[setting] = {"wall": cost.wall, "bytes_down": received, "size": image.size}
    return checks, figures
