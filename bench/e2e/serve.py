#!/usr/bin/env python3
"""What it costs to serve one fat blob: `gantry serve` beside docker-registry and nginx (static files), over plain http and TLS, to curl.

Usage: bench/e2e/serve.py --gantry BINARY [--size MIB] [--runs N]
Prints, for one client and for eight at once, wall seconds and the server's CPU seconds per GB; medians of interleaved runs."""

import argparse
import os
import pathlib
import re
import statistics
import subprocess
import tempfile
import time

import images
import servers

TICK = os.sysconf("SC_CLK_TCK")


def cpu_seconds(process):
    """User and system time of a process and of the children that it waits for; nginx works in children that live."""
    pids = [process.pid, *map(int, pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split())]
    total = 0
    for pid in pids:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICK


def start_gantry(binary, store, options, log):
    process = subprocess.Popen([binary, "serve", "--cache-dir", store, "--listen", "127.0.0.1:0", *options], stderr=open(log, "w"))
    for _ in range(600):
        found = re.search(r"listening on \w+://127\.0\.0\.1:(\d+)", pathlib.Path(log).read_text())
        if found:
            return process, int(found[1])
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise RuntimeError(f"gantry serve does not start: {pathlib.Path(log).read_text()}")


def download(url, clients):
    """Wall seconds of as many curls at once."""
    begin = time.monotonic()
    running = [subprocess.Popen(["curl", "-sSf", "-k", "-o", "/dev/null", url]) for _ in range(clients)]
    for process in running:
        if process.wait() != 0:
            raise RuntimeError(f"curl failed on {url}")
    return time.monotonic() - begin


def main():
    parse = argparse.ArgumentParser(description=__doc__)
    parse.add_argument("--gantry", required=True)
    parse.add_argument("--size", type=int, default=724, help="MiB of the blob")
    parse.add_argument("--runs", type=int, default=5)
    given = parse.parse_args()

    started = []
    with tempfile.TemporaryDirectory(prefix="gantry-serve-bench-") as place:
        place = pathlib.Path(place)
        others = servers.Servers(place / "servers")
        try:
            images.SHAPES["served"] = {"layers": [given.size * images.MIB]}
            image = images.push_shape(f"127.0.0.1:{others.ports['registry']}", "served", "amd64")
            name = f"127.0.0.1:{others.ports['registry']}/{image.name}:1"
            subprocess.run([given.gantry, "pull", "-q", "--plain-http", "--cache-dir", place / "store", "--store-only", "--platform", "linux/amd64", name], check=True,
                           stdout=subprocess.DEVNULL)
            blob = image.largest
            path = f"/v2/{image.name}/blobs/{blob.digest}"
            hexadecimal = blob.digest.partition(":")[2]
            static = f"/docker/registry/v2/blobs/sha256/{hexadecimal[:2]}/{hexadecimal}/data"
            plain, port = start_gantry(given.gantry, place / "store", [], place / "plain.log")
            started.append(plain)
            tls_options = ["--tls-cert", others.directory / "server.crt", "--tls-key", others.directory / "server.key"]
            secure, secure_port = start_gantry(given.gantry, place / "store", tls_options, place / "tls.log")
            started.append(secure)
            registry, registry_tls, nginx = others.processes[:3]
            entries = [("gantry serve", plain, f"http://127.0.0.1:{port}{path}"),
                       ("docker-registry", registry, f"http://127.0.0.1:{others.ports['registry']}{path}"),
                       ("nginx static", nginx, f"http://127.0.0.1:{others.ports['blobs']}{static}"),
                       ("gantry serve, TLS", secure, f"https://127.0.0.1:{secure_port}{path}"),
                       ("docker-registry, TLS", registry_tls, f"https://127.0.0.1:{others.ports['tls']}{path}")]
            print(f"{'server':<22}{'clients':>8}{'wall s':>9}{'CPU s/GB':>10}")
            for clients in (1, 8):
                seen = {label: [] for label, _, _ in entries}
                for _, _, url in entries:
                    download(url, 1)  # the page cache is warm for all
                for _ in range(given.runs):
                    for label, process, url in entries:
                        before = cpu_seconds(process)
                        wall = download(url, clients)
                        seen[label].append((wall, (cpu_seconds(process) - before) / (clients * blob.size / 1e9)))
                for label, costs in seen.items():
                    wall, cpu = (statistics.median(one) for one in zip(*costs))
                    print(f"{label:<22}{clients:>8}{wall:>9.2f}{cpu:>10.2f}")
        finally:
            for process in started:
                servers.stop(process)
            others.stop()


main()
