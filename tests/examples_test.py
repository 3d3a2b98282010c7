"""Runs the example programs against servers of their own. Usage: examples_test.py EXAMPLES_DIR GANTRY"""
import base64
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from small_image import make_layout  # noqa: E402
from toolbox import Server, check, docker_registry, finish, program, run  # noqa: E402

programs = pathlib.Path(sys.argv[1]).resolve()
gantry = program(sys.argv[2])


def example(name, *words, **more):
    return run(programs / f"example_{name}", *words, **more)


def check_pulls(place, image):
    def fresh(name):
        return {**os.environ, "GANTRY_CACHE_DIR": str(place / name)}

    for name in ("pull_callback", "pull_coroutine"):
        archive = place / f"{name}.tar"
        done = example(name, image, str(archive), env=fresh(name))
        check(done.returncode == 0 and done.stdout.startswith("sha256:"), f"{name}: {done.stderr}")
        check(archive.is_file(), f"{name} writes its archive")
        missing = example(name, image + "0", str(archive), env=fresh(name))
        check(missing.returncode == 1 and missing.stderr.strip(), f"{name} tells what failed")
    resumed = example("cancel_resume", image, env=fresh("resumed"))
    check(resumed.returncode == 0 and "second: " in resumed.stdout, f"cancel_resume: {resumed.stderr}")
    streamed = example("stream_layers", image, env=fresh("streamed"))
    check(streamed.returncode == 0 and "file0 100000" in streamed.stdout and "file1 100000" in streamed.stdout, f"stream_layers: {streamed.stdout} {streamed.stderr}")
    check(not (place / "streamed" / "blobs").exists(), "stream_layers keeps nothing")
    shown = example("progress_thread", image, env=fresh("shown"))
    check(shown.returncode == 0 and "bytes in all" in shown.stderr, f"progress_thread: {shown.stderr}")


def check_copy(place, image, store):
    """With the accounts that this machine has: those of docker's file."""
    if not shutil.which("docker-registry"):
        return
    with docker_registry(place) as registry:
        target = f"localhost:{registry.port}/copied/app:1"
        done = example("copy_images", image, target)
        check(done.returncode == 0, f"copy_images: {done.stderr}")
        found = run(gantry, "digest", target)
        check("sha256:" in found.stdout, f"the copy is there: {found.stderr}")
        if not shutil.which("htpasswd"):
            return
        with guarded(place, store) as source:
            docker = place / "docker"
            docker.mkdir()
            image = f"localhost:{source.port}/local.example/app:1"
            for auths, status in (({}, 1), ({f"localhost:{source.port}": {"auth": base64.b64encode(b"robot:opensesame").decode()}}, 0)):
                (docker / "config.json").write_text(json.dumps({"auths": auths}))
                done = example("copy_images", image, target, env={**os.environ, "HOME": str(place), "DOCKER_CONFIG": str(docker)})
                check(done.returncode == status, f"copy_images with {len(auths)} accounts: {done.stderr}")


def guarded(place, store):
    """The store, served to one who knows the password."""
    (place / "htpasswd").write_text(run("htpasswd", "-nbB", "robot", "opensesame").stdout)
    return Server(gantry, "serve", "--listen", "127.0.0.1:{port}", "-q", "--htpasswd", place / "htpasswd", env=store)


def check_credentials(place, store):
    with guarded(place, store) as server:
        image = f"localhost:{server.port}/local.example/app:1"
        anonymous = example("own_credentials", image, env=os.environ)
        check(anonymous.returncode == 1 and "own_credentials" not in anonymous.stderr, f"own_credentials without a name: {anonymous.stderr}")
        sealed = example("own_credentials", image, env={**os.environ, "EXAMPLE_USER": "robot"})
        check(sealed.returncode == 1 and "the vault is sealed" in sealed.stderr, f"own_credentials with a problem: {sealed.stderr}")
        for word, status in (("wrong", 1), ("opensesame", 0)):
            done = example("own_credentials", image, env={**os.environ, "EXAMPLE_USER": "robot", "EXAMPLE_TOKEN": word})
            check(done.returncode == status and ("sha256:" in done.stdout) == (status == 0) and word not in done.stderr, f"own_credentials, {word}: {done.stderr}")


with tempfile.TemporaryDirectory() as directory:
    work = pathlib.Path(directory)
    make_layout(work / "layout", layers=2)
    store = {**os.environ, "GANTRY_CACHE_DIR": str(work / "store")}
    run(gantry, "extract", work / "layout", "local.example/app:1", env=store)
    server = subprocess.Popen([str(programs / "example_serve_store")], env=store, stdout=subprocess.PIPE, text=True)
    try:
        served = f"localhost:{server.stdout.readline().strip().rsplit(':', 1)[1]}/local.example/app:1"
        check_pulls(work, served)
        check_copy(work, served, store)
        if shutil.which("htpasswd"):
            check_credentials(work, store)
    finally:
        server.send_signal(signal.SIGTERM)
        check(server.wait(100) == 0, "serve_store stops cleanly")
finish()
