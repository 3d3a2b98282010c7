"""Runs one command and says what it cost; checks what it left behind."""

import dataclasses
import gzip
import hashlib
import json
import os
import shutil
import signal
import statistics
import subprocess
import tarfile


# Set by run.py: bench/cost, built.
COST_PROGRAM = None


@dataclasses.dataclass
class Cost:
    """One run. Times in seconds, memory in bytes; what the relay saw is None without one."""

    wall: float
    cpu: float
    rss: int
    connections: int = None
    requests: int = None
    bytes_down: int = None
    bytes_up: int = None
    server_cpu: float = None


def cpu_of(processes):
    """CPU seconds that these processes and their children have taken so far."""
    ticks = 0
    for process in processes:
        with open(f"/proc/{process.pid}/task/{process.pid}/children") as children:
            for pid in (process.pid, *children.read().split()):
                with open(f"/proc/{pid}/stat") as stat:
                    ticks += sum(map(int, stat.read().rpartition(")")[2].split()[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def environment(directory, ca):
    """What a run sees: no configuration, credentials or proxies of the user's."""
    values = {"PATH": os.environ["PATH"], "HOME": str(directory), "TMPDIR": str(directory), "LANG": "C.UTF-8"}
    if ca:
        values["SSL_CERT_FILE"] = str(ca)
    return values


def run(command, directory, ca=None, kill_after=None, timeout=600):
    """Runs the command with its children and returns its Cost; None when kill_after, the seconds until SIGKILL, is given."""
    log, cost = directory / "stderr", directory / "cost"
    with open(log, "wb") as errors:
        process = subprocess.Popen([str(word) for word in [COST_PROGRAM, cost, *command]], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=errors, env=environment(directory, ca), start_new_session=True)
        try:
            status = process.wait(kill_after if kill_after is not None else timeout)
        except subprocess.TimeoutExpired:
            status = "time out"
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    if kill_after is not None:
        return None
    if status != 0:
        text = log.read_text(errors="replace").strip().splitlines()[-3:]
        raise RuntimeError(f"{' '.join(map(str, command))[:200]}: status {status}: {' / '.join(text)}")
    values = json.loads(cost.read_text())
    cost.unlink()
    return Cost(**values)


def output_of(command, directory, timeout=600):
    """What the command prints on standard output; raises when it fails."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, env=environment(directory, None), timeout=timeout)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))[:200]}: status {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def file_digest(file):
    value = hashlib.sha256()
    while block := file.read(1 << 20):
        value.update(block)
    return "sha256:" + value.hexdigest()


def digests_in(path):
    """SHA-256 of every file in a directory or archive."""
    if path.is_dir():
        for folder, _, names in os.walk(path):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    yield file_digest(file)
        return
    with (gzip.open(path) if path.suffix == ".gz" else open(path, "rb")) as file, tarfile.open(fileobj=file, mode="r|") as archive:
        for entry in archive:
            if entry.isreg():
                yield file_digest(archive.extractfile(entry))


def verify(path, image, only_largest=False):
    """Every layer is there with its digest, or uncompressed with its diff_id. Raises when one is missing."""
    there = set(digests_in(path))
    for blob, diff_id in image.layers:
        if only_largest and blob is not image.largest:
            continue
        if blob.digest not in there and diff_id not in there:
            raise RuntimeError(f"{path}: layer {blob.digest} is not there")


def median(costs, name):
    values = [getattr(cost, name) for cost in costs if getattr(cost, name) is not None]
    return statistics.median(values) if values else None


def fresh(directory):
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    return directory
