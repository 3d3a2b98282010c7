"""Runs the example programs against servers of their own. Usage: examples_test.py EXAMPLES_DIR GANTRY"""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from small_image import make_layout  # noqa: E402

programs = pathlib.Path(sys.argv[1]).resolve()
gantry = str(pathlib.Path(sys.argv[2]).resolve())
failures = []


def check(holds, what):
    if not holds:
        failures.append(what)


def run(name, *words, **more):
    return subprocess.run([str(programs / f"example_{name}"), *words], capture_output=True, text=True, timeout=200, **more)


def check_pulls(place, image):
    def fresh(name):
        return {**os.environ, "GANTRY_CACHE_DIR": str(place / name)}

    for name in ("pull_callback", "pull_coroutine"):
        archive = place / f"{name}.tar"
        done = run(name, image, str(archive), env=fresh(name))
        check(done.returncode == 0 and done.stdout.startswith("sha256:"), f"{name}: {done.stderr}")
        check(archive.is_file(), f"{name} writes its archive")
        missing = run(name, image + "0", str(archive), env=fresh(name))
        check(missing.returncode == 1 and missing.stderr.strip(), f"{name} tells what failed")
    resumed = run("cancel_resume", image, env=fresh("resumed"))
    check(resumed.returncode == 0 and "second: " in resumed.stdout, f"cancel_resume: {resumed.stderr}")
    shown = run("progress_thread", image, env=fresh("shown"))
    check(shown.returncode == 0 and "bytes in all" in shown.stderr, f"progress_thread: {shown.stderr}")


def check_copy(place, image):
    if not shutil.which("docker-registry"):
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (place / "registry.yml").write_text(f"version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {place / 'registry'}\nhttp:\n  addr: 127.0.0.1:{port}\n")
    registry = subprocess.Popen(["docker-registry", "serve", str(place / "registry.yml")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.1)
        target = f"localhost:{port}/copied/app:1"
        done = run("copy_images", image, target)
        check(done.returncode == 0, f"copy_images: {done.stderr}")
        found = subprocess.run([gantry, "digest", target], capture_output=True, text=True, timeout=100)
        check("sha256:" in found.stdout, f"the copy is there: {found.stderr}")
    finally:
        registry.terminate()
        registry.wait(60)


with tempfile.TemporaryDirectory() as directory:
    work = pathlib.Path(directory)
    make_layout(work / "layout")
    store = {**os.environ, "GANTRY_CACHE_DIR": str(work / "store")}
    subprocess.run([gantry, "extract", str(work / "layout"), "local.example/app:1"], env=store, capture_output=True, check=True, timeout=100)
    server = subprocess.Popen([str(programs / "example_serve_store")], env=store, stdout=subprocess.PIPE, text=True)
    try:
        served = f"localhost:{server.stdout.readline().strip().rsplit(':', 1)[1]}/local.example/app:1"
        check_pulls(work, served)
        check_copy(work, served)
    finally:
        server.send_signal(signal.SIGTERM)
        check(server.wait(100) == 0, "serve_store stops cleanly")
for text in failures:
    print("failed:", text)
sys.exit(1 if failures else 0)
