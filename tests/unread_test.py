"""Results that cannot be written: whoever read them went away, the disk is full, standard output is closed. Usage: unread_test.py GANTRY"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from small_image import make_layout  # noqa: E402
from toolbox import check, docker_registry, finish, program, run, serve  # noqa: E402

gantry = program(sys.argv[1])


def unread(words, **more):
    """Into a pipe that nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([gantry, *words], stdout=writing, stderr=subprocess.PIPE, text=True, timeout=300, **more)
    os.close(writing)
    return done


def full(words, **more):
    with open("/dev/full", "w") as output:
        return subprocess.run([gantry, *words], stdout=output, stderr=subprocess.PIPE, text=True, timeout=300, **more)


def closed(words, **more):
    return subprocess.run(["sh", "-c", 'exec "$0" "$@" >&-', gantry, *words], stderr=subprocess.PIPE, text=True, timeout=300, **more)


def read_only(words, **more):
    with open("/dev/null") as output:
        return subprocess.run([gantry, *words], stdout=output, stderr=subprocess.PIPE, text=True, timeout=300, **more)


def check_command(words, **more):
    name = words[0]
    done = unread([*words, "-q"], **more)
    check(done.returncode == 141 and done.stderr == "", f"{name}, nobody reads: {done.returncode} {done.stderr}")
    for how, reason in ((full, "cannot be written: No space left on device"), (closed, "is closed: redirect it to a file, a program or /dev/null")):
        done = how([*words, "-q"], **more)
        check(done.returncode == 7 and done.stderr == f"gantry: standard output {reason}\n",
              f"{name}, {how.__name__}: {done.returncode} {done.stderr}")


def check_pull(image, **more):
    """What was to be done is done, whatever becomes of the line about it."""
    place = more["cwd"]
    check_command(["pull", image, "-o", "image.tar"], **more)
    (place / "image.tar").unlink()
    done = unread(["pull", image, "-o", "image.tar", "--digestfile", "digest", "--log-file", "log"], **more)
    check(done.returncode == 141 and (place / "image.tar").is_file() and (place / "digest").read_text().startswith("sha256:"),
          f"archive and digest are there: {done.returncode} {done.stderr}")
    check("error" not in done.stderr and "standard output cannot be written: Broken pipe" in (place / "log").read_text(), f"the log alone says why: {done.stderr}")
    failed = unread(["pull", image, image + "0", "-o", ".", "-q"], **more)
    check(failed.returncode == 6, f"what failed anyway keeps its code: {failed.returncode} {failed.stderr}")
    for how in (unread, full, closed):
        cut = how(["pull", image, "-o", "-", "-q"], **more)
        check(cut.returncode == 7 and "standard output" in cut.stderr, f"an archive that is cut off, {how.__name__}: {cut.returncode} {cut.stderr}")


def check_closed_archive(words, **more):
    """Said at once, in one sentence with its remedy, whoever opened the descriptor for reading alone as well."""
    for how in (closed, read_only):
        done = how([*words, "-o", "-"], **more)
        check(done.returncode == 7 and done.stderr.count("standard output is closed") == 1 and "-o FILE" in done.stderr and "reading alone" in done.stderr and
              "descriptor" not in done.stderr, f"{words[0]} -o -, {how.__name__}: {done.returncode} {done.stderr}")


with tempfile.TemporaryDirectory() as name:
    place = pathlib.Path(name)
    make_layout(place / "layout", layers=3)
    environment = {**os.environ, "GANTRY_CONFIG": "/dev/null", "GANTRY_CACHE_DIR": str(place / "store"), "NO_COLOR": "1"}
    environment.pop("GITHUB_ACTIONS", None)
    here = {"env": environment, "cwd": place}
    run(gantry, "extract", place / "layout", "local.example/app:1", env=environment)
    check_command(["extract", "layout", "local.example/app:1"], **here)
    check_command(["convert", "layout", "-o", "converted.tar"], **here)
    check_command(["list"], **here)
    check_closed_archive(["convert", "layout"], **here)
    check_closed_archive(["save", "local.example/app:1"], **here)
    # Before anything is asked of the network: nobody listens there.
    check_closed_archive(["pull", "localhost:1/app:1"], **here)
    if shutil.which("docker-registry"):
        with serve(gantry, environment) as from_here, docker_registry(place) as registry:
            image, target = f"localhost:{from_here.port}/local.example/app:1", f"localhost:{registry.port}"
            (place / "list.json").write_text(json.dumps([{"source": image, "target": "synced/app", "tags": ["1"]}]))
            check_pull(image, env={**environment, "GANTRY_CACHE_DIR": str(place / "other")}, cwd=place)
            check_command(["push", "local.example/app:1", f"{target}/app:1"], **here)
            check_command(["copy", image, f"{target}/copied:1"], **here)
            check_command(["sync", "list.json", "--to", target, "--no-lock"], **here)
            check_command(["digest", image], **here)
finish()
