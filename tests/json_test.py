"""docs/JSON.md and docs/EVENTS.md against the program: each example is run, and has just the members that are shown. Usage:
json_test.py SOURCE_DIR GANTRY"""
import json
import os
import pathlib
import re
import shlex
import shutil
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from small_image import make_layout  # noqa: E402
from toolbox import check, docker_registry, finish, program, run, serve  # noqa: E402

source = pathlib.Path(sys.argv[1])
gantry = program(sys.argv[2])


def shape(value):
    """The members of a document, without its values."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [shape(inner) for inner in value]
    return None


def merged(shapes):
    """What the elements of a list have together: not each has all."""
    if all(isinstance(one, dict) for one in shapes):
        return {name: merged([one[name] for one in shapes if name in one]) for name in {name for one in shapes for name in one}}
    if all(isinstance(one, list) for one in shapes):
        return [inner for one in shapes for inner in one]
    return next((one for one in shapes if one is not None), None)


def differences(real, shown, at=""):
    if isinstance(real, dict) and isinstance(shown, dict):
        for name in sorted(set(real) | set(shown)):
            if (name in real) != (name in shown):
                yield f"{at}.{name} is {'not shown' if name in real else 'not there'}"
            else:
                yield from differences(real[name], shown[name], f"{at}.{name}")
    elif isinstance(real, list) and isinstance(shown, list):
        # Every element counts; what is shown of some may lack in others.
        if real and shown:
            yield from differences(merged(real), merged(shown), f"{at}[]")
    elif real != shown:
        yield f"{at}: {real} for {shown}"


def origins(document, at=""):
    """Where each fact comes from, by its place in the document."""
    if isinstance(document, list):
        return {place: origin for number, inner in enumerate(document) for place, origin in origins(inner, f"{at}[{number}]").items()}
    if not isinstance(document, dict):
        return {}
    found = {at: document["origin"]} if "origin" in document else {}
    for name, inner in document.items():
        found.update(origins(inner, f"{at}.{name}"))
    return found


def environment_at(place, store="store"):
    # Where certificates and proxies are is this machine's business, and would be told as the origin of facts.
    own = re.compile(r"(SSL_CERT_|REQUESTS_CA_|CURL_CA_|XDG_)|.*_PROXY$", re.I)
    return {**{name: value for name, value in os.environ.items() if not own.match(name)}, "GANTRY_CACHE_DIR": str(place / store), "HOME": str(place), "DOCKER_CONFIG": str(place / "docker"), "REGISTRY_AUTH_FILE": ""}


def check_examples(place, registry):
    text = (source / "docs" / "JSON.md").read_text()
    pairs = re.findall(r"^```shell\n(.*?)^```\n```json\n(.*?)^```", text, re.S | re.M)
    told = {shlex.split(line)[1] for commands, _ in pairs for line in commands.splitlines()}
    verbs = set(run(gantry, "completion", "bash").stdout.split("_gantry_commands() { echo '")[1].split("'")[0].split())
    check(verbs - told <= {"serve", "completion", "help"}, f"commands without an example: {verbs - told}")
    digest = ""
    for commands, wanted in pairs:
        for line in commands.splitlines():
            # What is pulled was not there before.
            store = "pulled" if " pull " in line else "store"
            words = shlex.split(line.replace("localhost:5000", f"localhost:{registry.port}").replace("sha256:bd8e", digest))
            done = run(gantry, *words[1:], env=environment_at(place, store), cwd=place, input="secret")
            check(done.returncode == 0, f"{line}: {done.stderr}")
            if done.returncode:
                continue
            real = json.loads(done.stdout)
            digest = digest or next((image["digest"] for image in real.get("images", [])), "")
            for one in differences(shape(real), shape(json.loads(wanted))):
                check(False, f"{line}: {one}")
            check(origins(real) == origins(json.loads(wanted)), f"{line}: origins are {set(origins(real).items()) ^ set(origins(json.loads(wanted)).items())}")


def check_members(line, member, code, place, store="store"):
    """What stands in a list only when something is wrong: its members are told in the section's words."""
    verb = shlex.split(line)[1]
    section = re.search(rf"^## gantry [a-z, ]*\b{verb}\b.*?(?=^## |\Z)", (source / "docs" / "JSON.md").read_text(), re.S | re.M).group(0)
    done = run(gantry, *shlex.split(line)[1:], env=environment_at(place, store), cwd=place)
    check(done.returncode == code, f"{line}: {done.returncode} {done.stderr}")
    found = json.loads(done.stdout)[member] if done.stdout else []
    check(found, f"{line}: something is in {member}: {done.stdout}")
    for name in {name for one in found for name in one}:
        check(f"`{name}`" in section or f'"{name}"' in section, f"{line}: {name} in {member} is not documented")


def check_troubles(place, registry):
    at = f"localhost:{registry.port}"
    (place / "list.txt").write_text(f"{at}/local.example/app:1\n{at}/local.example/none:1\n")
    check_members("gantry pull --from list.txt -o part.tar --json", "failed", 6, place)
    with serve(gantry, environment_at(place, "other")) as closed:
        check_members(f"gantry copy {at}/local.example/app:1 {at}/x/one:1 localhost:{closed.port}/x/two:1 --json", "failed", 6, place)
    (place / "broken.json").write_text(json.dumps([{"source": f"{at}/local.example/none:1", "target": "mirror/none", "tags": ["1"]}]))
    check_members(f"gantry sync broken.json --to {at} --json", "images", 4, place)
    blob = max((place / "store" / "blobs" / "sha256").iterdir(), key=lambda file: file.stat().st_size)
    blob.chmod(0o644)
    blob.write_bytes(bytes(blob.stat().st_size))
    check_members("gantry verify --json", "damaged", 5, place)


def documented_events():
    """The members of each type, as words; a type may have several rows."""
    table = {}
    for kind, members in re.findall(r"^\| `(\w+)` \| [^|]+ \| (.*) \|$", (source / "docs" / "EVENTS.md").read_text(), re.M):
        table[kind] = table.get(kind, "") + members
    return table


def check_lines(text, wanted, what):
    """Each line is an object whose members are documented, the types among them. \\returns the objects"""
    table = documented_events()
    lines = []
    for line in text.splitlines():
        try:
            lines.append(json.loads(line))
        except ValueError:
            check(False, f"{what}: not JSON: {line}")
    check(lines and lines[0]["type"] == "gantry" and lines[0]["version"] == 1, f"{what}: the first line names the version")
    times = [line.get("at_ms", -1) for line in lines]
    check(times == sorted(times) and times and times[0] >= 0, f"{what}: each line has a time, the later the larger: {times}")
    check(wanted <= {line["type"] for line in lines}, f"{what}: {wanted - {line['type'] for line in lines}} is not told")
    for line in lines:
        for member in set(line) - {"type", "at_ms"}:
            check(f"`{member}`" in table.get(line["type"], ""), f"EVENTS.md: {line['type']} has {member}")
    return lines


def check_waiting(place, at):
    """Two images of one run that share a layer wait for each other: for no other process, and nothing is said of one."""
    make_layout(place / "shared", layers=1, size=300_000)
    env = environment_at(place, "shared-source")
    for name in ("one", "two"):
        run(gantry, "push", "shared", f"{at}/{name}/app:1", env=env, cwd=place)
    (place / "both.json").write_text(json.dumps([{"source": f"{at}/{name}/app:1", "target": name, "tags": ["1"]} for name in ("one", "two")]))
    done = run(gantry, "sync", "both.json", "--to", "./both", "--no-lock", "--limit-rate", "100K", "--progress", "json",
               env=environment_at(place, "shared-target"), cwd=place)
    told = check_lines(done.stderr, {"blob_started", "summary"}, "a sync of what is shared")
    check(done.returncode == 0 and not [line for line in told if line["type"] == "waiting"], f"it waits for itself: {done.stderr}")


def check_events(place, registry):
    at, fresh = f"localhost:{registry.port}", environment_at(place, "fresh")
    image = f"{at}/local.example/app:1"
    json_progress = ["--progress", "json"]
    done = run(gantry, "pull", image, *json_progress, "-o", "events.tar", env=fresh, cwd=place)
    check_lines(done.stderr, {"image_resolved", "transfer_planned", "blob_finished", "segment_finished", "summary"}, "pull")
    for words in (["push", "local.example/app:1", f"{at}/pushed/app:1", "--force-upload"], ["copy", image, f"{at}/copied/app:1", "--force-upload"],
                  ["sync", "images.json", "--to", at, "--force-upload", "--no-lock"]):
        told = check_lines(run(gantry, *words, *json_progress, env=environment_at(place), cwd=place).stderr,
                           {"image_resolved", "transfer_planned", "blob_finished", "summary"}, words[0])
        check([line["type"] for line in told].index("summary") == len(told) - 1, f"{words[0]} ends with a summary")
    for words in (["extract", "layout", "local.example/other:1"], ["convert", "layout", "-o", "made.tar"]):
        told = check_lines(run(gantry, *words, *json_progress, env=environment_at(place, "files"), cwd=place).stderr, {"summary"}, words[0])
        check(told[-1]["type"] == "summary" and told[-1]["images"] == 1, f"{words[0]} ends with a summary: {told[-1:]}")
        # A configuration and a layer; the manifest is in no plan.
        sums = [line for line in told if line["type"] in ("transfer_planned", "summary")]
        check(all(line["blobs"] == 2 for line in sums), f"{words[0]} counts configurations and layers: {sums}")
    check_waiting(place, at)
    (place / "half.json").write_text(json.dumps([{"source": image, "target": "half/app", "tags": ["1"]}, {"source": f"{at}/none/app:1", "target": "half/none", "tags": ["1"]}]))
    half = run(gantry, "sync", "half.json", "--to", at, "--no-lock", *json_progress, env=environment_at(place), cwd=place)
    told = check_lines(half.stderr, {"error", "summary"}, "a sync that fails in part")
    check(half.returncode == 6 and told[-1]["type"] == "error" and told[-1]["exit_code"] == 6, f"its error has the exit code: {told[-1:]}")
    for words in (["pull", image, "--bogus"], ["pull", "UPPER//case"], ["copy", image], ["pull", image, "--log-file", "/nonexistent/x"]):
        wrong = run(gantry, *words, *json_progress, env=fresh, cwd=place)
        told = check_lines(wrong.stderr, {"error"}, f"{words[:3]} that is refused")
        check(wrong.returncode != 0 and told and told[-1].get("exit_code") == wrong.returncode, f"{words}: {told[-1:]}")


def check_descriptor(place, registry):
    """Events on a descriptor of their own: standard error stays for people."""
    image = f"localhost:{registry.port}/local.example/app:1"
    for words in (["pull", image, "--store-only"], ["pull", image, "--store-only", "--progress=json"], ["pull", image, "--bogus"]):
        read, write = os.pipe()
        done = run(gantry, *words, f"--progress-fd={write}", env=environment_at(place, "descriptor"), cwd=place, pass_fds=[write])
        os.close(write)
        with os.fdopen(read) as events:
            check_lines(events.read(), {"error"} if done.returncode else {"summary", "blob_finished"}, f"{words} on a descriptor")
        check('"type"' not in done.stderr, f"{words}: standard error has no events: {done.stderr}")
        check(bool(done.returncode) == ("--bogus" in words) == ("gantry: unknown option" in done.stderr), f"{words}: {done.returncode} {done.stderr}")
    for number in ("0", "77", "x"):
        closed = run(gantry, "pull", image, "--store-only", "--progress-fd", number, env=environment_at(place, "descriptor"), cwd=place)
        check(closed.returncode == 2 and "--progress-fd" in closed.stderr, f"descriptor {number}: {closed.returncode} {closed.stderr}")


def check_reasons():
    """Every reason for another attempt is in the document."""
    code = (source / "engine" / "src" / "base" / "error.cpp").read_text()
    again = re.search(r"bool is_retryable\(errc value\) \{(.*?)return true", code, re.S)[1]
    words = dict(re.findall(r"case errc::(\w+):\s+return \"([^\"]+)\"", code))
    reasons = {words[name] for name in re.findall(r"errc::(\w+)", again)} | {words["digest_mismatch"]}
    told = set(re.findall(r"`([^`]+)`", re.search(r"`reason` \((.*?)\)", documented_events()["retry_scheduled"])[1]))
    check(told == reasons and len(told) > 5, f"EVENTS.md: the reasons differ: {told ^ reasons}")


if not shutil.which("docker-registry"):
    print("docker-registry is not installed")
    sys.exit(77)
with tempfile.TemporaryDirectory() as name:
    place = pathlib.Path(name)
    make_layout(place / "layout", layers=1, size=1000)
    stored = run(gantry, "extract", place / "layout", "local.example/app:1", env=environment_at(place))
    check(stored.returncode == 0, stored.stderr)
    with docker_registry(place) as registry:
        at = f"localhost:{registry.port}"
        (place / "images.json").write_text(json.dumps([{"source": f"{at}/local.example/app:1", "target": "mirror/app", "tags": ["1"]}]))
        check_examples(place, registry)
        check_events(place, registry)
        check_descriptor(place, registry)
        check_reasons()
        check_troubles(place, registry)
finish()
