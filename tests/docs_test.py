"""The documents against the program: commands and options exist, links lead somewhere, JSON has the members that are shown.
Usage: docs_test.py SOURCE_DIR GANTRY"""
import json
import os
import pathlib
import re
import shlex
import socket
import subprocess
import sys
import tempfile
import time

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


def documents():
    return [source / "README.md", source / "README.zh-CN.md", *sorted((source / "docs").glob("*.md"))]


def known_options():
    """The options of each command, out of the completion script."""
    script = run(gantry, "completion", "bash").stdout
    return {verb: set(names.split()) for verb, names in re.findall(r"^    ([a-z]+)\) echo '(-[^']*)' ;;$", script, re.M)}


def commands_in(text):
    for block in re.findall(r"^```sh\n(.*?)^```", text, re.S | re.M):
        for line in block.splitlines():
            for part in re.split(r"\s\|\s", re.sub(r"\s#.*", "", line)):
                words = shlex.split(part)
                while words and re.match(r"[A-Z_]+=", words[0]):
                    words.pop(0)
                if words[:1] == ["gantry"] and len(words) > 1:
                    yield line, words[1:]


def check_commands():
    options = known_options()
    check(len(options) > 15, "options are known")
    seen = 0
    for document in documents():
        for line, words in commands_in(document.read_text()):
            seen += 1
            verb = {"import": "extract"}.get(words[0], words[0])
            if verb in ("help", "--version"):
                continue
            check(verb in options, f"{document.name}: no such command: {line}")
            for word in words[1:]:
                if re.match(r"-[a-zA-Z-]", word):
                    name = word.split("=")[0] if word.startswith("--") else word[:2]
                    check(name in options.get(verb, set()), f"{document.name}: {verb} has no {name}: {line}")
    check(seen > 30, "commands are found")


def check_links():
    for document in documents():
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text()):
            check((document.parent / target).exists(), f"{document.name}: nothing at {target}")


def shape(value):
    """The members of a document, without its values."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return None


def check_json(place):
    environment = {**os.environ, "GANTRY_CACHE_DIR": str(place / "store")}
    make_layout(place / "layout")
    run(gantry, "extract", str(place / "layout"), "local.example/app:1", env=environment)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen([gantry, "serve", "--listen", f"127.0.0.1:{port}", "-q"], env=environment)
    try:
        for _ in range(600):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.1)
        text = (source / "docs" / "JSON.md").read_text()
        pairs = re.findall(r"^```sh\n(.*?)^```\n```json\n(.*?)^```", text, re.S | re.M)
        check(len(pairs) > 6, "examples are found")
        for commands, wanted in pairs:
            for line in commands.splitlines():
                # The store is what the example's server serves: pulls go to another.
                cache = place / "pulled" if " pull " in line else place / "store"
                words = shlex.split(line.replace("localhost:5000", f"localhost:{port}"))
                done = run(gantry, *words[1:], env={**environment, "GANTRY_CACHE_DIR": str(cache)}, cwd=place)
                check(done.returncode == 0, f"{line}: {done.stderr}")
                if done.returncode == 0:
                    check(shape(json.loads(done.stdout)) == shape(json.loads(wanted)), f"{line}: members differ from the document")
        check_events(place, environment, port)
    finally:
        server.terminate()
        server.wait(60)


def check_events(place, environment, port):
    table = dict(re.findall(r"^\| `(\w+)` \| [^|]+ \| (.*) \|$", (source / "docs" / "EVENTS.md").read_text(), re.M))
    done = run(gantry, "pull", f"localhost:{port}/local.example/app:1", "--progress", "json", "-o", "events.tar",
               env={**environment, "GANTRY_CACHE_DIR": str(place / "fresh")}, cwd=place)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    check(lines and lines[0]["type"] == "gantry" and lines[0]["version"] == 1, "the first line names the version")
    check({"image_resolved", "transfer_planned", "blob_finished", "summary"} <= {line["type"] for line in lines}, "a pull tells its steps")
    for line in lines:
        for member in set(line) - {"type"}:
            check(f"`{member}`" in table.get(line["type"], ""), f"EVENTS.md: {line['type']} has {member}")


check_commands()
check_links()
with tempfile.TemporaryDirectory() as name:
    check_json(pathlib.Path(name))
for text in sorted(set(failures)):
    print("failed:", text)
sys.exit(1 if failures else 0)
