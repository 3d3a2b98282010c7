"""The GitHub action and workflows: their YAML, their shell steps, and the steps run here. Usage: action_test.py SOURCE_DIR GANTRY"""
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import yaml

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from small_image import make_layout  # noqa: E402

source = pathlib.Path(sys.argv[1])
gantry = str(pathlib.Path(sys.argv[2]).resolve())
failures = []


def check(holds, what):
    if not holds:
        failures.append(what)


def run(*words, **more):
    return subprocess.run(words, capture_output=True, text=True, timeout=120, **more)


def shell_check(text, what):
    # What the runner puts in is a word by then.
    text = re.sub(r"\$\{\{.*?\}\}", "word", text)
    check(run("bash", "-n", input=text).returncode == 0, f"{what}: bash does not read it")
    if shutil.which("shellcheck"):
        said = run("shellcheck", "-s", "bash", "-", input=text)
        check(said.returncode == 0, f"{what}: {said.stdout}")


def check_steps(steps, what):
    for number, step in enumerate(steps):
        if "run" not in step:
            continue
        shell_check(step["run"], f"{what}, step {number}")
        # An input inside a script could hold commands.
        check("inputs." not in step["run"] and "github.event" not in step["run"], f"{what}, step {number}: an input is text of the script")


def check_files():
    action = yaml.safe_load((source / "action.yml").read_text())
    check(action["runs"]["using"] == "composite", "the action is composite")
    check_steps(action["runs"]["steps"], "action.yml")
    check({"archive_path", "archive_name", "archive_size", "digest", "manifest_digest", "image_id"} <= set(action["outputs"]), "outputs")
    passed = action["runs"]["steps"][1]["env"]
    check({f"INPUT_{name.upper()}" for name in action["inputs"]} == set(passed), "each input reaches the pull step")
    for file in sorted((source / ".github" / "workflows").glob("*.yml")):
        flow = yaml.safe_load(file.read_text())
        for name, job in flow["jobs"].items():
            check_steps(job.get("steps", []), f"{file.name}, job {name}")
            for step in job.get("steps", []):
                if step.get("uses") == "./":
                    check(set(step["with"]) <= set(action["inputs"]), f"{file.name} passes inputs that the action has")
    # YAML 1.1 reads the key `on` as true.
    triggers = yaml.safe_load((source / ".github" / "workflows" / "download-image.yml").read_text())[True]
    wanted = {"image_ref", "platform", "format", "upload_ftp", "ftp_server", "ftp_username", "ftp_port", "ftp_path"}
    for trigger in ("workflow_call", "workflow_dispatch"):
        check(set(triggers[trigger]["inputs"]) == wanted, f"inputs of {trigger}")
    check("run-number" in triggers["workflow_call"]["outputs"], "the run number is an output")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port, server):
    for _ in range(600):
        if server.poll() is not None:
            return
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.1)


def check_run(place):
    environment = {**os.environ, "PATH": f"{pathlib.Path(gantry).parent}:{os.environ['PATH']}", "GANTRY_CACHE_DIR": str(place / "store")}
    for name in ("IMAGE_REF", "PLATFORM", "GANTRY_OUTPUT"):
        environment.pop(name, None)
    make_layout(place / "layout")
    run(gantry, "extract", str(place / "layout"), "local.example/app:1", env=environment)
    port = free_port()
    server = subprocess.Popen([gantry, "serve", "--listen", f"127.0.0.1:{port}", "-q"], env=environment)
    try:
        wait_for(port, server)
        built = run("bash", str(source / "tools" / "action_build.sh"), env=environment)
        check(built.returncode == 0 and built.stdout.startswith("gantry "), f"a gantry that is there is taken: {built.stderr}")
        output = place / "output"
        inputs = {"INPUT_IMAGE_REF": f"localhost:{port}/local.example/app:1", "INPUT_PLATFORM": "linux/amd64", "INPUT_FORMAT": "oci",
                  "INPUT_REPORT": str(place / "report.html"), "GITHUB_OUTPUT": str(output), "GITHUB_ACTIONS": "true",
                  "GANTRY_CACHE_DIR": str(place / "other")}
        pulled = run("bash", str(source / "tools" / "action_pull.sh"), env={**environment, **inputs}, cwd=place)
        check(pulled.returncode == 0, f"the pull step: {pulled.stderr}")
        written = dict(line.split("=", 1) for line in output.read_text().splitlines()) if output.exists() else {}
        check(written.get("digest", "").startswith("sha256:"), f"outputs: {written}")
        archive = pathlib.Path(written.get("archive_path", "none"))
        check((place / archive).is_file() and archive.name.endswith(".tar.gz"), "the archive is where the output says")
        check((place / "report.html").is_file(), "the report is there")
        missing = run("bash", str(source / "tools" / "action_pull.sh"), env={**environment, **inputs, "INPUT_IMAGE_REF": f"localhost:{port}/local.example/no:1"}, cwd=place)
        check(missing.returncode == 4 and "::error title=gantry::" in missing.stderr, f"a missing image: {missing.returncode} {missing.stderr}")
        option = run("bash", str(source / "tools" / "action_pull.sh"), env={**environment, **inputs, "INPUT_IMAGE_REF": "--help"}, cwd=place)
        check(option.returncode == 2, "an input is never an option")
    finally:
        server.terminate()
        server.wait(60)


check_files()
with tempfile.TemporaryDirectory() as name:
    check_run(pathlib.Path(name))
for text in failures:
    print("failed:", text)
sys.exit(1 if failures else 0)
