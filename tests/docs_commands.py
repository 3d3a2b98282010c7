"""Every shell command of the documents, run as it stands.

Usage: docs_commands.py SOURCE_DIR GANTRY [DOCUMENT...|help]

The registries that the documents name are one docker-registry on loopback, which a registries.conf says; localhost:5000, the hosts of
`gantry login` and the FTP server become servers of this test, github.com is made_release.py. docker and ssh are programs of this test that look at what
they are given; so are podman and ctr where there is no real one, or nobody who may run it. What would compile for minutes is stood for by build_stand_in.py. Jobs of GitHub, GitLab and Jenkins are run line by line, the action with its own
scripts; of a reusable workflow that a job calls the inputs are looked at, and its scripts are run by action_test.py.
The examples in the help of each command are walked the same way.
Commands of other programs inside sentences: docs_sentences.py. Each document is walked from top to bottom in a directory of its own, with files of the kind that it speaks of. No command of a block is left out;
docs_test.py sees to it that there is no block of another kind, and looks at commands inside sentences.
"""
import json
import os
import pathlib
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import docs_sentences  # noqa: E402
from small_registry import Registry, free_port, htpasswd, wait_for  # noqa: E402

source = pathlib.Path(sys.argv[1]).resolve()
gantry = pathlib.Path(sys.argv[2]).resolve()
only = sys.argv[3:]
failures = []

# What compiles, packs or installs works in a copy of the sources, with stand-ins for the programs that take minutes, root or a daemon. The real
# ones run elsewhere: the build that made the program, tests/consumer, tools/walk.sh, try_packages.sh, try_image.sh.
IN_CHECKOUT = r"^(\./(quickstart|test)\.sh|cmake|ctest|cpack|build/|tools/release\.sh|sudo cmake|sudo apt install \./build|tar -C .* build/|docker (build|push|run(?!.*ghcr\.io)))\b"
CHECKOUT = ["quickstart.sh", "test.sh", "packages.txt", "CMakeLists.txt", "CMakePresets.json", "README.md", "README.zh-CN.md", "CHANGELOG.md", "LICENSE", "images.json", "tools", "cmake", "engine",
            "apps", "bench", "examples", "packaging", "docs", "tests/hardening.py"]

# Hosts of the documents. One wants a password; since credentials belong to the host that is named, it is put in by the test, not by registries.conf.
OPEN_HOSTS = ["docker.io", "ghcr.io", "quay.io", "registry.example", "harbor.example", "a.example", "b.example", "mirror.example"]
CLOSED_HOST = "app.example.com"
USER, PASSWORD = "me", "secret"

# Names that no job of GitLab may have: https://docs.gitlab.com/ci/jobs
GITLAB_KEYWORDS = {"image", "services", "stages", "before_script", "after_script", "variables", "cache", "include"}

SYSTEM = "/usr/bin:/bin:/usr/sbin:/sbin"
PATIENCE = 120  # seconds for one command; the machine may be busy, and sanitizers are slow

# What stands for programs that the machine may lack, or that would reach for another machine: they take the archive and look whether it is one.
STAND_INS = {
    "docker": 'case "$1" in load) shift; [ "$1" = -i ] && exec python3 "$LOOK" "$2"; exec python3 "$LOOK" - ;; esac; exec python3 "$BUILD" "$GANTRY" docker "$@"',
    "podman": 'case "$1" in load) shift; [ "$1" = -i ] && exec python3 "$LOOK" "$2"; exec python3 "$LOOK" - ;; esac; exit 1',
    "ctr": 'case "$1 $2" in "images import") exec python3 "$LOOK" "$3" ;; esac; exit 1',
    "ssh": 'shift; exec "$@"',
    # release.sh has the portable program looked at, in whose place there is the one that is tested.
    "python3": '[ "$1" = tests/hardening.py ] && [ -f "$1" ] && exit 0; exec /usr/bin/python3 "$@"',
    "apt-get": "exit 0",  # install_packages.sh, where something is missing
    **{name: f'exec python3 "$BUILD" "$GANTRY" {name} "$@"' for name in ("cmake", "ctest", "cpack", "sudo", "gh")},
}
LOOK = """import io, json, sys, tarfile
data = sys.stdin.buffer.read() if sys.argv[1] == "-" else open(sys.argv[1], "rb").read()
with tarfile.open(fileobj=io.BytesIO(data)) as tar:
    names = json.load(tar.extractfile("manifest.json"))
    for image in names:
        for member in [image["Config"], *image["Layers"]]:
            tar.getmember(member)
    print("Loaded image:", names[0]["RepoTags"])
"""


def fail(where, what):
    failures.append(f"{where}: {what}")


def check_out(place):
    """The sources, as far as commands of the documents need them."""
    place.mkdir(parents=True)
    for name in CHECKOUT:
        if (source / name).is_dir():
            shutil.copytree(source / name, place / name, ignore=shutil.ignore_patterns("out", "__pycache__"))
        else:
            (place / name).parent.mkdir(exist_ok=True)
            shutil.copy(source / name, place / name)


def documents():
    found = [source / "README.md", source / "README.zh-CN.md", source / "CONTRIBUTING.md", *sorted((source / "docs").glob("*.md"))]
    return [file for file in found if file.exists() and (not only or file.name in only)]


def blocks(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.S | re.M)


def lines_of(block):
    """Commands of a block: a line each, but for lines that a backslash or a here document goes on with."""
    waiting, end = [], None
    for line in block.splitlines():
        waiting.append(line)
        if end is None and (here := re.search(r"<<-?\s*'?(\w+)'?", line)):
            end = here.group(1)
            continue
        if end is not None and line != end:
            continue
        if end is None and line.endswith("\\"):
            continue
        whole, waiting, end = "\n".join(waiting), [], None
        if whole.strip() and not whole.lstrip().startswith("#"):
            yield whole


class World:
    """The servers that all documents share, and a place for each of them."""

    def __init__(self, root):
        self.root = root
        self.open = Registry(root / "open")
        self.closed = Registry(root / "closed", htpasswd(USER, PASSWORD))
        self.fill()
        self.ftp_port = free_port()
        (root / "ftp").mkdir()
        # Debian's python has the module for FTP; another that comes first in PATH may not.
        self.ftp = subprocess.Popen(["/usr/bin/python3", "-m", "pyftpdlib", "-i", "127.0.0.1", "-p", str(self.ftp_port), "-u", USER, "-P", PASSWORD, "-w",
                                     "-d", str(root / "ftp")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(self.ftp_port, self.ftp)
        self.bin = root / "bin"
        self.bin.mkdir()
        self.release = None
        (root / "look.py").write_text(LOOK)
        real = self.engines()
        for name, text in ((name, text) for name, text in STAND_INS.items() if name not in real):
            (self.bin / name).write_text(f"#!/bin/sh\nLOOK={root / 'look.py'} BUILD={source / 'tests' / 'build_stand_in.py'} GANTRY={gantry}\nexport RELEASED={root / 'published'}\n{text}\n")
            (self.bin / name).chmod(0o755)
        (self.bin / "gantry").symlink_to(gantry)
        rules = [f'[[registry]]\nprefix = "{host}"\nlocation = "127.0.0.1:{self.open.port}/{host}"\ninsecure = true\n' for host in OPEN_HOSTS]
        (root / "registries.conf").write_text("\n".join(rules))
        self.prepare()

    def engines(self):
        """Those of podman and ctr that work here, with a storage and a containerd of this test."""
        self.containerd = None
        if os.getuid() != 0:
            return []
        (self.root / "storage.conf").write_text(f'[storage]\ndriver = "vfs"\ngraphroot = "{self.root}/podman"\nrunroot = "{self.root}/podman-run"\n')
        (self.root / "containerd.toml").write_text(f'version = 2\nroot = "{self.root}/containerd"\nstate = "{self.root}/containerd-run"\n'
                                                   f'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n[grpc]\naddress = "{self.root}/containerd.sock"\n')
        there = [name for name, needed in {"podman": "podman", "ctr": "containerd"}.items() if shutil.which(name, path=SYSTEM) and shutil.which(needed, path=SYSTEM)]
        if "ctr" in there:
            self.containerd = subprocess.Popen(["containerd", "-c", self.root / "containerd.toml"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for name in list(there):
            deadline = time.monotonic() + PATIENCE
            probe = {"podman": ["podman", "info"], "ctr": ["ctr", "images", "ls"]}[name]
            while subprocess.run(probe, env={"PATH": SYSTEM, "HOME": str(self.root), **self.storage()}, capture_output=True).returncode:
                if time.monotonic() > deadline or name == "podman" or self.containerd.poll() is not None:
                    print(f"{name} does not work here; what it would load is looked at")
                    there.remove(name)
                    break
                time.sleep(0.1)
        return there

    def storage(self):
        """Where podman and ctr keep what they load. The snapshots of the name `native` need nothing of the kernel."""
        return {"CONTAINERS_STORAGE_CONF": f"{self.root}/storage.conf", "CONTAINERD_ADDRESS": f"{self.root}/containerd.sock", "CONTAINERD_SNAPSHOTTER": "native"}

    def fill(self):
        for name, tags in {
            "docker.io/library/nginx": ["1.25", "1.25.1", "1.25.2", "1.26.0", "latest"],
            "docker.io/library/alpine": ["3", "latest"],
            "ghcr.io/owner/app": ["v1"],
            "ghcr.io/team/tool": ["v1.4"],
            "quay.io/team/app": ["1", "2.0.0", "2.1.0"],
            "registry.example/team/app": ["1"], "app": ["1"], "team/app": ["1.0", "1"], "local.example/app": ["1"],
        }.items():
            self.open.put_image(name, tags, name)
        signed = self.open.put_image("ghcr.io/team/app", ["1"], "signed")
        self.referrer = self.open.put_referrer("ghcr.io/team/app", signed)
        password = {"Authorization": "Basic " + __import__("base64").b64encode(f"{USER}:{PASSWORD}".encode()).decode()}
        plain = self.closed.ask
        self.closed.ask = lambda method, path, data=None, kind=None, headers=None: plain(method, path, data, kind, {**(headers or {}), **password})
        self.closed.put_image("team/app", ["1"], "closed")

    def gantry(self, *words, home=None):
        done = subprocess.run([gantry, *words], env=self.environment(home or self.desk / ".home"), cwd=self.desk, capture_output=True, text=True,
                              timeout=PATIENCE)
        if done.returncode:
            raise RuntimeError(f"{words}: {done.stderr}")

    def prepare(self):
        """What a reader of a page has: lists, archives, and some images in the store. Each page gets a copy."""
        desk = self.desk = self.root / "desk"
        desk.mkdir()
        (desk / "list.txt").write_text("nginx:1.25\nalpine:3\n")
        (desk / "token").write_text(PASSWORD)
        (desk / "images.json").write_text(json.dumps([{"source": "docker.io/library/nginx", "target": "nginx", "tags": ["1.25", "latest"]}]))
        # Archives of other images than those that the pages pull: a store keeps what it has under a name.
        maker = self.root / "maker"
        self.gantry("pull", "quay.io/team/app:1", "quay.io/team/app:2.0.0", "-q", "-o", "bundle.tar", home=maker)
        self.gantry("pull", "nginx:1.25", "-q", "--all-platforms", "-f", "oci", "-o", "all.tar", home=maker)
        for name in ("bundle.tar.gz", "nginx.tar", "old.tar", "app.tar.gz"):
            self.gantry("save", "quay.io/team/app:1", "-q", "-o", name, home=maker)
        self.gantry("pull", "nginx:1.25", "alpine:3", "nginx", "-q", "--store-only")
        self.gantry("save", "nginx:1.25", "-q", "-o", "local.tar", "--name", "local.example/app:1")

    def released(self):
        """The release that pages tell how to install: made once, for the first that asks."""
        if not self.release:
            from made_release import Release
            self.release = Release(self.root / "release", self.root / "published", check_out, self.environment(self.root / "release"))
        return self.release

    def stop(self):
        if self.release:
            self.release.stop()
        self.open.stop()
        self.closed.stop()
        self.ftp.terminate()
        self.ftp.wait(60)
        if self.containerd:
            self.containerd.terminate()
            self.containerd.wait(60)

    def environment(self, home):
        kept = {name: os.environ[name] for name in ("LANG", "TMPDIR", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS") if name in os.environ}
        return {**kept, "HOME": str(home), "PATH": f"{self.bin}:{SYSTEM}", **self.storage(),
                "CONTAINERS_REGISTRIES_CONF": str(self.root / "registries.conf")}


class Walk:
    """One document, from top to bottom."""

    def __init__(self, world, document):
        self.world, self.document = world, document
        self.place = world.root / "walks" / document.name
        self.environment = world.environment(self.place / ".home")
        self.served = []
        self.port = world.open.port
        self.count = 0
        shutil.copytree(world.desk, self.place)

    def rewrite(self, command):
        """Addresses of this machine, and GitHub's, become those of this test's servers."""
        if "$OWNER" in command and "OWNER" not in self.environment:
            fail(self.document.name, f"nothing says who OWNER is before {command}")
        # The release of this test is that of an account which is called so.
        command = command.replace("$OWNER", "OWNER")
        if re.search(r"(github\.com|ghcr\.io)/OWNER/", command):
            command = self.world.released().rewrite(command)
        command = re.sub(r"\b(localhost|127\.0\.0\.1|0\.0\.0\.0):5000\b", lambda found: f"{found[1]}:{self.port}", command)
        command = command.replace("ftp://ftp.example/", f"ftp://127.0.0.1:{self.world.ftp_port}/")
        command = command.replace("FTP_SERVER=ftp.example", f"FTP_SERVER=127.0.0.1 FTP_PORT={self.world.ftp_port}")
        command = command.replace(CLOSED_HOST, f"localhost:{self.world.closed.port}")
        if re.search(r"\bgantry (login|logout)\b", command):
            command = re.sub(r"(gantry log(?:in|out) )\S+", lambda found: f"{found[1]}localhost:{self.world.closed.port}", command)
        return command

    def run(self, command, environment=None):
        self.count += 1
        command, _, remark = command.partition("  #") if "\n" not in command else (command, "", "")
        # Pages about two sides say of each command on which it is given.
        there = {"HOME": str(self.place / ".there")} if re.match(r"\s*there\b", remark) else {}
        where = f"{self.document.name}: {command}"
        # What a shell would keep for the next line.
        if kept := re.fullmatch(r"(?:export )?([A-Z_]+)=(\S+)\s*", command):
            self.environment[kept[1]] = kept[2]
            return
        if re.search(r"\bgantry serve\b", command):
            self.serve(command, where, there)
            return
        answers = ""
        if "gantry login" in command and "--password-stdin" not in command:
            answers = f"{USER}\n{PASSWORD}\n"
        elif "--prune" in command and not re.search(r"--yes|--dry-run", command):
            answers = "y\n"
        in_checkout = re.search(IN_CHECKOUT, command)
        if in_checkout:
            # A page that has cloned it goes on there.
            where_it_runs = self.place / "gantry"
            if not where_it_runs.exists():
                check_out(where_it_runs)
        else:
            where_it_runs = self.place
            command = re.sub(r"(^|\s)tools/", rf"\1{source}/tools/", command)
        words = self.rewrite(command)
        begin = time.monotonic()
        status, said = self.on_terminal(words, answers) if answers else self.off_terminal(words, {**there, **(environment or {})}, where_it_runs)
        if time.monotonic() - begin > 2:
            print(f"{where}: {time.monotonic() - begin:.1f} s")
        if status:
            fail(where, f"ended with {status}: {said}")
            return
        for output in re.findall(r"\s(?:-o|--output|--report|--log-file)[ =](\S+)", re.sub(r"\$\(.*?\)", "", command)):
            if output != "-" and not (self.place / output).exists():
                fail(where, f"there is no {output}")

    def has(self, program):
        """A program, or a builtin of the shell."""
        return self.off_terminal(f"type {program}")[0] == 0

    def off_terminal(self, command, environment=None, place=None):
        try:
            done = subprocess.run(["bash", "-o", "pipefail", "-c", command], env={**self.environment, **(environment or {})}, cwd=place or self.place,
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE)
        except subprocess.TimeoutExpired as problem:
            return "no end", (problem.stderr or b"").decode()[-2000:]
        return done.returncode, done.stderr[-2000:]

    def on_terminal(self, command, answers):
        """Typed answers, for what asks: each when a question is there."""
        child, terminal = pty.fork()
        if child == 0:
            os.chdir(self.place)
            os.execve("/bin/bash", ["bash", "-c", command], self.environment)
        said, waiting = b"", answers.splitlines(keepends=True)
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if not select.select([terminal], [], [], 0.2)[0]:
                continue
            try:
                piece = os.read(terminal, 4096)
            except OSError:
                break
            if not piece:
                break
            said += piece
            if waiting and re.search(rb"[:?\]] ?$", said):
                os.write(terminal, waiting.pop(0).encode())
        _, status = os.waitpid(child, 0)
        os.close(terminal)
        return os.waitstatus_to_exitcode(status), said.decode(errors="replace")

    def serve(self, command, where, there):
        """Servers of a document stay until its end; localhost:5000 is the last of them."""
        port = free_port()
        words = re.sub(r":5000\b", f":{port}", command) if ":5000" in command else f"{command} --listen 127.0.0.1:{port}"
        server = subprocess.Popen(["bash", "-c", "exec " + words], env={**self.environment, **there}, cwd=self.place, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE)
        try:
            wait_for(port, server)
        except RuntimeError as problem:
            server.kill()
            fail(where, f"{problem}: {server.communicate()[1].decode()[-2000:]}")
            return
        threading.Thread(target=server.stderr.read, daemon=True).start()
        self.served.append(server)
        self.port = port

    def finish(self):
        for server in self.served:
            server.terminate()
            status = server.wait(60)
            if status:
                fail(self.document.name, f"a server of this page ended with {status}")

    def github(self, job, yaml):
        """A job of GitHub: commands and the action are run, with what the runner would put in; inputs of workflows have to exist."""
        outputs = {}

        def filled(text):
            text = re.sub(r"\$\{\{ steps\.(\w+)\.outputs\.(\w+) \}\}", lambda found: outputs[found[1]][found[2]], str(text))
            if "${{" in text:
                fail(self.document.name, f"this test knows no value for {text}")
            return text

        def passed(given, inputs, what):
            for name in given.keys() - inputs.keys():
                fail(self.document.name, f"{what} has no input {name}")
            for name in (name for name, about in inputs.items() if about.get("required") and name not in given):
                fail(self.document.name, f"{what} wants the input {name}")
            return {name: filled(given.get(name, about.get("default", ""))) for name, about in inputs.items()}

        if workflow := re.fullmatch(r"OWNER/gantry/(\.github/workflows/[\w-]+\.yml)@\w+", job.get("uses", "")):
            # YAML 1.1 reads the key `on` as true.
            passed(job.get("with", {}), yaml.safe_load((source / workflow[1]).read_text())[True]["workflow_call"]["inputs"], workflow[1])
            return
        for step in job["steps"]:
            if "run" in step:
                self.run(filled(step["run"]))
            elif re.fullmatch(r"OWNER/gantry@\w+", step["uses"]):
                action = yaml.safe_load((source / "action.yml").read_text())
                given = passed(step.get("with", {}), action["inputs"], "the action")
                written = self.place / f".outputs-{step.get('id', 'action')}"
                for one in (one for one in action["runs"]["steps"] if "run" in one):
                    values = {name: re.sub(r"\$\{\{ inputs\.(\w+) \}\}", lambda found: given[found[1]], value).replace("${{ github.action_repository }}", "OWNER/gantry")
                              for name, value in one.get("env", {}).items()}
                    self.run(one["run"], {**values, "GITHUB_ACTION_PATH": str(source), "GITHUB_OUTPUT": str(written), "GITHUB_PATH": str(self.place / ".path"), "GITHUB_ACTIONS": "true"})
                outputs[step.get("id")] = dict(line.split("=", 1) for line in written.read_text().splitlines())
            else:
                fail(self.document.name, f"this test does not know the action {step['uses']}")

    def pipelines(self, text):
        """CI configuration: what GitLab and Jenkins would run, with the variables that they would set."""
        for block in blocks(text, "yaml"):
            try:
                import yaml
            except ImportError:
                print("skipped: python has no yaml here; pipelines in YAML were not run")
                return
            file = yaml.safe_load(block) or {}
            if "jobs" in file:
                for job in file["jobs"].values():
                    self.github(job, yaml)
                continue
            for name, job in file.items():
                if name in GITLAB_KEYWORDS and "script" in job:
                    fail(self.document.name, f"GitLab takes no job of the name {name}")
                if isinstance(job, dict) and "script" in job:
                    variables = {name: value.replace("$CI_PROJECT_DIR", str(self.place)) for name, value in job.get("variables", {}).items()}
                    for line in job["script"]:
                        self.run(line, variables)
                    for path in job.get("artifacts", {}).get("paths", []):
                        if not (self.place / path).exists():
                            fail(self.document.name, f"the job leaves no {path}")
        for block in blocks(text, "groovy"):
            variables = dict(re.findall(r"'(\w+)=([^']*)'", block))
            for name in re.findall(r"(?:username|password)Variable: '(\w+)'", block):
                variables[name] = USER if "USER" in name else PASSWORD
            for line in re.findall(r"\bsh '([^']*)'", block):
                self.run(line, variables)
            for path in re.findall(r"archiveArtifacts '([^']*)'", block):
                if not (self.place / path).exists():
                    fail(self.document.name, f"the pipeline leaves no {path}")


def examples_of(verb):
    """The commands below `Examples:` in the help of a command."""
    text = subprocess.run([gantry, "help", verb], capture_output=True, text=True, timeout=PATIENCE).stdout
    return list(lines_of("\n".join(line[2:] for line in text.partition("\nExamples:\n")[2].splitlines())))


def walk_help(world):
    """The examples of every command's help, in the order of the commands, as if the help were a page."""
    walk = Walk(world, pathlib.Path("help"))
    # What the examples speak of and no page before them has made.
    world.open.put_image("registry.example/team/app", ["1.0"], "to be deleted")
    world.open.put_image("team/app", ["1.0", "1"], "team/app")
    shutil.copy(walk.place / "local.tar", walk.place / "nginx.tar")
    walk.run("gantry pull -q --all-platforms --store-only nginx:1.25")
    shells = subprocess.run([gantry, "completion", "bash"], capture_output=True, text=True, timeout=PATIENCE).stdout
    verbs = re.search(r"_gantry_commands\(\) \{ echo '([^']*)'", shells)[1].split()
    try:
        for verb in verbs:
            found = examples_of(verb)
            if not found:
                fail("help", f"{verb} has no examples")
            for command in found:
                if re.match(r"gantry delete [^@]*$", command):
                    # The registry of this test is one of those that do not.
                    walk.count += 1
                    said = walk.off_terminal(walk.rewrite(command))[1]
                    if "does not delete by tag" not in said:
                        fail(f"help: {command}", said)
                    continue
                # A completion of all users goes into a system of its own; the directories that are said to be there are.
                command = command.replace("> /usr/", f"> {walk.place}/usr/").replace("> ~/", f"> {walk.place}/.home/")
                for target in re.findall(r" > (/\S+)", command):
                    pathlib.Path(target).parent.mkdir(parents=True, exist_ok=True)
                walk.run(command)
            # What one command serves is no place that another pushes to.
            walk.port = world.open.port
    finally:
        walk.finish()
        world.open.put_image("team/app", ["1.0", "1"], "team/app")
    print(f"help: {walk.count} commands")
    return walk.count


def main():
    for program in ("docker-registry", "htpasswd", "curl", "git"):
        if not shutil.which(program):
            print(f"skipped: {program} is missing")
            return
    total = 0
    with tempfile.TemporaryDirectory() as name:
        world = World(pathlib.Path(name))
        try:
            for document in documents():
                text = document.read_text()
                sentences = [docs_sentences.RUN_HERE[span] for span in dict.fromkeys(docs_sentences.spans(text)) if span in docs_sentences.RUN_HERE]
                if not sentences and not any(blocks(text, language) for language in ("sh", "yaml", "groovy")):
                    continue
                walk = Walk(world, document)
                begin = time.monotonic()
                try:
                    for block in blocks(text, "sh"):
                        for command in lines_of(block):
                            walk.run(command)
                    walk.pipelines(text)
                    for command in sentences:
                        if walk.has(command.split()[0]):
                            walk.run(command)
                        else:
                            print(f"skipped: {command.split()[0]} is not installed; {document.name}: {command}")
                    if document.name == "SYNC.md":
                        for number, block in enumerate(blocks(text, "json")):
                            (walk.place / f"printed{number}.json").write_text(block)
                            walk.run(f"gantry sync printed{number}.json --to registry.example/mirror --no-lock")
                finally:
                    walk.finish()
                total += walk.count
                print(f"{document.name}: {walk.count} commands, {time.monotonic() - begin:.1f} s")
            if not only or "help" in only:
                total += walk_help(world)
        finally:
            world.stop()
    if not only:
        if total < 100:
            fail("documents", f"only {total} commands were found")
    print(f"{total} commands run")
    for text in failures:
        print("failed:", text)
    sys.exit(1 if failures else 0)


main()
