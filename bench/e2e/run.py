#!/usr/bin/env python3
"""Measures gantry beside other programs over the matrix of budgets; usually started by bench/run.sh. See --help."""

import argparse
import datetime
import json
import pathlib
import platform
import shutil
import signal
import sys
import tempfile
import time

import again
import budgets
import cells
import headers
import images
import measure
import programs
import plot
import readme
import report
import servers
import special


# A relay that only counts holds little, so that what it has taken from the server and nobody reads is not much more than without it.
COUNTING = ["--window", 256 << 10]


class Bench:
    """The servers, the images made so far, and where runs happen."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.gantry, self.relay = pathlib.Path(arguments.gantry).resolve(), pathlib.Path(arguments.relay).resolve()
        measure.COST_PROGRAM = pathlib.Path(arguments.cost).resolve()
        self.runs = arguments.runs or (3 if not arguments.full else 5)
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="gantry-bench.", dir=arguments.work_dir))
        self.disk = pathlib.Path(tempfile.mkdtemp(prefix="gantry-bench.", dir=arguments.disk_dir))
        self.servers = servers.Servers(self.directory / "servers")
        self.images = {}
        self.sha = None

    def close(self):
        self.servers.stop()
        for directory in (self.directory, self.disk):
            shutil.rmtree(directory, ignore_errors=True)

    def host(self, name):
        return f"127.0.0.1:{self.servers.ports[name]}"

    def image(self, shape):
        if shape not in self.images:
            say(f"making {shape}")
            architecture = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
            self.images[shape] = images.push_shape(self.host("registry"), shape, architecture)
        return self.images[shape]

    def hash_cost(self):
        """CPU seconds that SHA-256 takes per GB here, measured once: what CPU limits scale with."""
        if self.sha is None:
            image = self.image("wide")
            target, directory = programs.Target("", image), measure.fresh(self.directory / "run")
            command = programs.Hash(self.servers.storage).command(target, directory)
            self.sha = min(measure.run(command, directory).cpu for _ in range(3)) / (image.size / 1e9)
        return self.sha

    def one(self, entry, image, counted, verified):
        """One run of one entry. counted: through a relay that only counts, when there is no shaped one."""
        directory = measure.fresh((self.disk if entry.disk else self.directory) / "run")
        ca = self.servers.ca if entry.to == "tls" else None
        if entry.warm:
            entry.program.keep = self.directory / "kept" / entry.label.replace(" ", "-")
        try:
            if entry.relay is None and not counted:
                return self.timed(entry, image, self.host(entry.to), ca, directory, verified)
            with servers.Relay(self.relay, self.servers, entry.to, entry.relay or COUNTING) as relay:
                cost = self.timed(entry, image, f"127.0.0.1:{relay.port}", ca, directory, verified)
            for name in ("connections", "requests", "bytes_down", "bytes_up"):
                setattr(cost, name, relay.counters[name])
            if ca:
                cost.requests = None  # not to be seen under encryption
            return cost
        finally:
            shutil.rmtree(directory, ignore_errors=True)

    def timed(self, entry, image, host, ca, directory, verified):
        target = programs.Target(host, image, ca, entry.jobs)
        before = measure.cpu_of(self.servers.registries)
        cost = measure.run(entry.program.command(target, directory), directory, ca)
        cost.server_cpu = measure.cpu_of(self.servers.registries) - before
        output = entry.program.output(directory)
        if verified and output is not None:
            measure.verify(output, image, entry.role == budgets.PART)
        return cost

    def run_cell(self, cell):
        image = self.image(cell.shape)
        costs = {entry.label: [] for entry in cell.entries}
        counts, failures = {}, {}
        runs = cell.runs or self.runs
        # A round before the timed ones warms caches, fills stores, and counts what goes over the wire where no shaped network does.
        for round_ in range(-1, runs):
            for entry in cell.entries:
                if entry.label in failures or (round_ == -1 and (entry.relay is not None or cell.runs)) or (entry.once and round_ > 0):
                    continue
                verified = self.arguments.full or round_ == (0 if entry.once else runs - 1)
                try:
                    cost = self.one(entry, image, round_ == -1 and not entry.warm, verified)
                except RuntimeError as error:
                    say(f"{cell.name}: {entry.label}: {error}")
                    failures[entry.label] = str(error)
                    continue
                if round_ == -1:
                    counts[entry.label] = cost
                else:
                    costs[entry.label].append(cost)
        shutil.rmtree(self.directory / "kept", ignore_errors=True)
        medians = {}
        for entry in cell.entries:
            done = costs[entry.label]
            if entry.label in failures:
                continue
            medians[entry.label] = {"role": entry.role, "faulty": entry.faulty, **{name: measure.median(done, name) for name in ("wall", "cpu", "rss", "server_cpu")}}
            for name in ("connections", "requests", "bytes_down", "bytes_up"):
                value = measure.median(done, name)
                medians[entry.label][name] = value if value is not None else getattr(counts.get(entry.label), name, None)
            medians[entry.label]["walls"] = [cost.wall for cost in done]
        result = {"name": cell.name, "title": cell.title, "size": image.size, "medians": medians, "failures": failures, "checks": []}
        needed = [entry.label for entry in cell.entries if entry.role != budgets.OTHER and entry.label in failures]
        if needed:
            result["missing"] = f"failed: {', '.join(needed)}"
        else:
            results = budgets.Results(image, medians, self.hash_cost())
            result["checks"] = [check_record(check) for check in cell.checks(results)]
        return result


def check_record(check):
    return {"row": check.row, "what": check.what, "measured": check.measured, "limit": check.limit, "unit": check.unit, "met": check.met}


def say(text):
    print(text, file=sys.stderr, flush=True)


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--short", action="store_true", help="smaller images, 3 runs; the default")
    form.add_argument("--full", action="store_true", help="full sizes, 5 runs, all programs, everything verified")
    parser.add_argument("--cell", action="append", metavar="NAME", help="only this cell; may be given again")
    parser.add_argument("--list", action="store_true", help="list the cells and end")
    parser.add_argument("--runs", type=int, metavar="N", help="runs per program, instead of 3 or 5")
    parser.add_argument("--work-dir", metavar="DIR", help="where images, servers and output live (default /dev/shm when it has room)")
    parser.add_argument("--disk-dir", metavar="DIR", default="/var/tmp", help="a place on a disk, for the cell that writes to one (default /var/tmp)")
    parser.add_argument("--out", metavar="DIR", required=True, help="where result.json and result.svg go")
    parser.add_argument("--write-results", metavar="FILE", help="write the page of results, too")
    parser.add_argument("--gantry", required=True, metavar="PROGRAM")
    parser.add_argument("--relay", required=True, metavar="PROGRAM")
    parser.add_argument("--cost", required=True, metavar="PROGRAM")
    arguments = parser.parse_args()
    if not arguments.work_dir:
        shared = pathlib.Path("/dev/shm")
        roomy = shared.is_dir() and shutil.disk_usage(shared).free > (18 if arguments.full else 8) << 30
        arguments.work_dir = str(shared) if roomy else "/var/tmp"
    return arguments


def main():
    arguments = parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    bench = Bench(arguments)
    try:
        def has(command, option):
            return programs.has_option(bench.gantry, command, option)

        matrix = cells.Matrix(bench.gantry, has, bench.servers, arguments.full).cells()
        names = [cell.name for cell in matrix] + [name for name, *_ in special.SPECIAL]
        unknown = set(arguments.cell or []) - set(names)
        if unknown or arguments.list:
            say(f"cells: {' '.join(names)}")
            return 2 if unknown else 0
        started = time.monotonic()
        document = report.machine(bench, sys.argv)
        document["date"] = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
        document["cells"] = []
        wanted = lambda name: not arguments.cell or name in arguments.cell
        for cell in matrix:
            if not wanted(cell.name):
                continue
            began = time.monotonic()
            result = {"name": cell.name, "title": cell.title, "missing": cell.missing} if cell.missing else bench.run_cell(cell)
            result["seconds"] = round(time.monotonic() - began)
            document["cells"].append(result)
            report.print_cell(result)
        for name, title, function, missing in special.SPECIAL:
            if not wanted(name):
                continue
            began = time.monotonic()
            result = {"name": name, "title": title, "missing": missing(has), "checks": []}
            if not result["missing"]:
                try:
                    checks, result["figures"] = function(bench)
                    result["checks"] = [check_record(check) for check in checks]
                except RuntimeError as error:
                    result["missing"] = f"failed: {error}"
            result["seconds"] = round(time.monotonic() - began)
            document["cells"].append(result)
            report.print_cell(result)
        document["seconds"] = round(time.monotonic() - started)
        document["sha256_seconds_per_gb"] = bench.sha
        out = pathlib.Path(arguments.out)
        out.mkdir(parents=True, exist_ok=True)
        if arguments.cell and arguments.write_results:
            document = again.joined(document, out / "result.json")
        document["checks"] = [check_record(check) for check in budgets.extra_bytes(document["cells"])]
        (out / "result.json").write_text(json.dumps(document, indent=1) + "\n")
        (out / "result.svg").write_text(report.svg(document))
        if arguments.write_results:
            page = report.results_page(document)
            before = pathlib.Path(arguments.write_results)
            page = headers.with_section(page, headers.section_of(before.read_text()) if before.exists() else "")
            before.write_text(page)
            plot.write(page, before)
            top = pathlib.Path(arguments.write_results).resolve().parent.parent
            readme.write(arguments.write_results, [top / name for name in readme.WORDS if (top / name).exists()])
        report.print_checks(document)
        say(f"{document['seconds']} s; {out}/result.json, {out}/result.svg")
        return 0
    finally:
        bench.close()


if __name__ == "__main__":
    sys.exit(main())
