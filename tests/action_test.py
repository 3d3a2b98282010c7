"""The GitHub action and workflows: their YAML, their shell steps, and the steps run here. Usage: action_test.py SOURCE_DIR GANTRY"""
import hashlib
import http.server
import io
import json
import os
import pathlib
import re
import shutil
import sys
import tarfile
import tempfile
import threading

import yaml

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from small_image import make_layout  # noqa: E402
from toolbox import check, docker_registry, finish, program, run, serve  # noqa: E402

source = pathlib.Path(sys.argv[1]).resolve()
gantry = program(sys.argv[2])


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
    steps = {step["id"]: step.get("env", {}) for step in action["runs"]["steps"] if "id" in step}
    check({f"INPUT_{name.upper()}" for name in action["inputs"]} == set(steps["pull"]) | {"INPUT_FROM_SOURCE"}, "each input reaches the pull step")
    check("INPUT_FROM_SOURCE" in steps["source"] and "INPUT_FROM_SOURCE" in steps["build"], "or those that build")
    page = (source / "docs" / "CI.md").read_text()
    for name in [*action["inputs"], *action["outputs"]]:
        check(f"`{name}`" in page, f"CI.md does not name {name}")
    check("## GitLab" in page and "## Jenkins" in page, "CI.md has recipes for GitLab and Jenkins")
    for file in sorted((source / ".github" / "workflows").glob("*.yml")):
        flow = yaml.safe_load(file.read_text())
        for name, job in flow["jobs"].items():
            check_steps(job.get("steps", []), f"{file.name}, job {name}")
            for step in job.get("steps", []):
                if step.get("uses") == "./":
                    check(set(step["with"]) <= set(action["inputs"]), f"{file.name} passes inputs that the action has")
    # YAML 1.1 reads the key `on` as true.
    triggers = yaml.safe_load((source / ".github" / "workflows" / "download-image.yml").read_text())[True]
    wanted = {"image_ref", "platform", "format", "upload_ftp", "ftp_server", "ftp_username", "ftp_port", "ftp_path", "ftp_tls", "gantry", "gantry_ref"}
    for trigger in ("workflow_call", "workflow_dispatch"):
        check(set(triggers[trigger]["inputs"]) == wanted, f"inputs of {trigger}")
    check("run-number" in triggers["workflow_call"]["outputs"], "the run number is an output")


    secrets = triggers["workflow_call"]["secrets"]
    check({"DOCKER_HUB_USERNAME", "DOCKER_HUB_TOKEN", "REGISTRY_USERNAME", "REGISTRY_PASSWORD", "FTP_PASSWORD"} == set(secrets), "each registry has secrets")
    sync = yaml.safe_load((source / ".github" / "workflows" / "sync.yml").read_text())[True]
    check(set(sync["workflow_call"]["inputs"]) == set(sync["workflow_dispatch"]["inputs"]) == {"target", "list", "gantry", "gantry_ref"} and "schedule" in sync, "the list can be called, run by hand and at night")
    entries = json.loads((source / "images.json").read_text())
    check(entries and all({"source", "target", "tags", "architectures"} == set(entry) for entry in entries), "the list that sync.yml takes is there")


script = source / "tools" / "action_build.sh"


def elsewhere(place):
    """A home of its own on a system that cannot build, and no repository that could be asked."""
    (place / "os-release").write_text('ID=ubuntu\nVERSION_ID="24.04"\n')
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return {**kept, "PATH": "/usr/bin:/bin", "HOME": str(place), "GITHUB_OUTPUT": str(place / "key"), "GITHUB_PATH": str(place / "path"),
            "GANTRY_OS_RELEASE": str(place / "os-release"), "GANTRY_REPOSITORY": "", "ACTION_REPOSITORY": "", "GITHUB_REPOSITORY": ""}


def check_build(place):
    """Where there is no gantry: a system that cannot build it says so at once; on one that can, what was built before is taken."""
    nowhere = elsewhere(place)
    if shutil.which("gantry", path=nowhere["PATH"]):
        return
    refused = run("bash", script, env=nowhere)
    check(refused.returncode == 1 and "::error title=gantry::" in refused.stdout and "ubuntu 24.04" in refused.stdout and "container: debian:12" in refused.stdout,
          f"another system is told why not: {refused.stdout} {refused.stderr}")
    check(run("bash", script, "--key", env=nowhere).returncode == 0, "the sources have a key")
    key = (place / "key").read_text()
    check(re.fullmatch(r"key=[0-9a-f]{32}\n", key), f"the key names the sources: {key}")
    kept = place / ".cache" / "gantry-action"
    (kept / "bin").mkdir(parents=True)
    (kept / "bin" / "gantry").symlink_to(gantry)
    (kept / "key").write_text("of other sources\n")
    other = run("bash", script, env=nowhere)
    check(other.returncode == 1 and not (place / "path").exists(), f"what was built of other sources is not taken: {other.stdout} {other.stderr}")
    (kept / "key").write_text(key.removeprefix("key="))
    taken = run("bash", script, env=nowhere)
    check(taken.returncode == 0 and "installing" not in taken.stderr and (place / "path").read_text() == f"{kept / 'bin'}\n",
          f"what was built before is taken, on any system and with nothing installed: {taken.stdout} {taken.stderr}")


class Releases(http.server.BaseHTTPRequestHandler):
    """What stands for GitHub: the files of `files`; `asked` has every path."""
    files, asked = {}, []

    def do_GET(self):
        self.asked.append(self.path)
        body = self.files.get(self.path)
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *_):
        pass


def tarball(name, script):
    """A release whose program is a script."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as tar:
        member = tarfile.TarInfo(f"{name}/bin/gantry")
        member.mode, member.size = 0o755, len(script)
        tar.addfile(member, io.BytesIO(script.encode()))
    return data.getvalue()


def check_release(place):
    """The tarball of a release is taken, where there is one that is whole and runs; else the sources are built, or it is told why not."""
    nowhere = elsewhere(place)
    if shutil.which("gantry", path=nowhere["PATH"]) or not (shutil.which("curl", path=nowhere["PATH"]) or shutil.which("wget", path=nowhere["PATH"])):
        return
    version = re.search(r"^project\(gantry VERSION ([0-9.]+)", (source / "CMakeLists.txt").read_text(), re.M)[1]
    name = f"gantry-{version}-linux-{ {'x86_64': 'amd64', 'aarch64': 'arm64'}.get(os.uname().machine, os.uname().machine)}"
    at = f"/OWNER/gantry/releases/download/v{version}"
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Releases)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    asking = {**nowhere, "GITHUB_SERVER_URL": f"http://127.0.0.1:{server.server_port}", "ACTION_REPOSITORY": "OWNER/gantry", "GITHUB_REPOSITORY": "somebody/else"}

    def attempt(program, sum_of=None, **more):
        """Publishes a program, or none, with its SHA-256, that of something else or none, and runs the script."""
        shutil.rmtree(place / ".cache", ignore_errors=True)
        (place / "path").unlink(missing_ok=True)
        Releases.asked.clear()
        data = tarball(name, program) if program else None
        sums = f"{'0' * 64}  other.deb\n"
        if sum_of != b"":
            sums += f"{hashlib.sha256(sum_of or data or b'').hexdigest()}  {name}.tar.gz\n"
        Releases.files = {f"{at}/{name}.tar.gz": data, f"{at}/SHA256SUMS": sums.encode()} if program else {}
        return run("bash", script, env={**asking, **more})

    good = f'#!/bin/sh\necho "gantry {version}"\n'
    done = attempt(good)
    kept = place / ".cache" / "gantry-action" / "bin"
    check(done.returncode == 0 and done.stdout == f"gantry {version}\n" and (place / "path").read_text() == f"{kept}\n",
          f"the release is taken, on any system: {done.stdout} {done.stderr}")
    check(Releases.asked == [f"{at}/SHA256SUMS", f"{at}/{name}.tar.gz"], f"it is asked for once: {Releases.asked}")
    again = run("bash", script, env=asking)
    check(again.returncode == 0 and len(Releases.asked) == 2, f"and then it is there: {again.stdout} {Releases.asked}")
    for what, told, how in (
            ("no release", "there is no http://", {"program": None}),
            ("another file than its SHA-256 says", "is not what SHA256SUMS", {"program": good, "sum_of": b"another"}),
            ("a file without a SHA-256", "is not what SHA256SUMS", {"program": good, "sum_of": b""}),
            ("a program that does not run", "does not run here: no such glibc", {"program": "#!/bin/sh\necho no such glibc >&2\nexit 1\n"}),
            ("a program of another version", "does not run here", {"program": "#!/bin/sh\necho gantry 99.0.0\n"}),
            ("a repository that is none", "no repository is known", {"program": good, "ACTION_REPOSITORY": "two words"}),
            ("a repository that the workflow names", "OWNER/none/releases", {"program": good, "GANTRY_REPOSITORY": "OWNER/none"})):
        failed = attempt(**how)
        check(failed.returncode == 1 and told in failed.stdout and "::error title=gantry::" in failed.stdout and not (place / "path").exists() and not kept.exists(),
              f"{what}: {failed.stdout} {failed.stderr}")
    built = attempt(good, INPUT_FROM_SOURCE="true")
    check(built.returncode == 1 and not Releases.asked, f"who wants the sources gets no release: {built.stdout} {Releases.asked}")
    server.shutdown()


def path_with_gantry(place):
    """The program by its name, whatever the file is called: where there is none of that name, the action would build one."""
    (place / "bin").mkdir()
    (place / "bin" / "gantry").symlink_to(gantry)
    return f"{place / 'bin'}:{os.environ['PATH']}"


def check_sync(place):
    if not shutil.which("docker-registry"):
        return
    environment = {**os.environ, "PATH": path_with_gantry(place), "HOME": str(place), "GANTRY_CACHE_DIR": str(place / "store"),
                   "DOCKER_CONFIG": str(place / "docker")}
    make_layout(place / "layout")
    run(gantry, "extract", place / "layout", "local.example/app:1", env=environment)
    with docker_registry(place) as registry:
        at = f"localhost:{registry.port}"
        run(gantry, "push", "local.example/app:1", f"{at}/app:1", env=environment)
        script = source / "tools" / "action_sync.sh"
        anonymous = {**environment, "SYNC_TARGET": f"{at}/mirror", "SYNC_USERNAME": "", "SYNC_PASSWORD": ""}
        none = run("bash", script, env=anonymous, cwd=place)
        check(none.returncode == 2 and "::error title=gantry::there is no images.json" in none.stdout, f"a missing list is told: {none.stdout} {none.stderr}")
        (place / "images.json").write_text(json.dumps([{"source": f"{at}/app", "target": "app", "tags": ["1"]}]))
        done = run("bash", script, env=anonymous, cwd=place)
        check(done.returncode == 0, f"without credentials the list is carried out: {done.stdout} {done.stderr}")
        there = run(gantry, "digest", f"{at}/mirror/app:1", env=environment)
        check(there.returncode == 0, f"the image is there: {there.stderr}")
        known = run("bash", script, env={**anonymous, "SYNC_USERNAME": "me", "SYNC_PASSWORD": "secret"}, cwd=place)
        check(known.returncode == 0 and "secret" not in known.stdout + known.stderr, f"with credentials, too: {known.stdout} {known.stderr}")


def check_run(place):
    environment = {**os.environ, "PATH": path_with_gantry(place), "GANTRY_CACHE_DIR": str(place / "store")}
    for name in ("IMAGE_REF", "PLATFORM", "GANTRY_OUTPUT"):
        environment.pop(name, None)
    make_layout(place / "layout")
    run(gantry, "extract", str(place / "layout"), "local.example/app:1", env=environment)
    with serve(gantry, environment) as server:
        port = server.port
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
        half = run("bash", str(source / "tools" / "action_pull.sh"), env={**environment, **inputs, "INPUT_PASSWORD": "secret"}, cwd=place)
        check(half.returncode == 2 and "username is not" in half.stdout and "secret" not in half.stdout + half.stderr, f"a password without a name is told: {half.stdout}")


check_files()
for each in (check_run, check_build, check_release, check_sync):
    with tempfile.TemporaryDirectory() as name:
        each(pathlib.Path(name))
finish()
