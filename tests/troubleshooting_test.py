"""Each message that docs/TROUBLESHOOTING.md explains is one that the program prints: provoked here, else found in the sources.
Usage: troubleshooting_test.py SOURCE_DIR GANTRY"""
import http.server
import pathlib
import re
import shutil
import ssl
import subprocess
import sys
import tarfile
import tempfile
import threading

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from small_registry import Registry, free_port, htpasswd  # noqa: E402

source = pathlib.Path(sys.argv[1])
gantry = str(pathlib.Path(sys.argv[2]).resolve())
failures = []

# What takes a bad network, a registry that deletes nothing, a full disk, one that vanishes, few threads or another process: tests/faults and
# tests/integration provoke these.
ELSEWHERE = 9
# UBSan looks through a pipe whether memory may be read, so without descriptors it takes every object for a broken one.
SANITIZED = b"__asan_init" in pathlib.Path(gantry).read_bytes()


def messages():
    found = re.findall(r"^\| `([^`]+)` \|", (source / "docs" / "TROUBLESHOOTING.md").read_text(), re.M)
    if len(found) < 25:
        failures.append(f"only {len(found)} messages are in the page")
    return found


def pattern(message):
    """Words in capitals are names; the rest is literal."""
    return ".+?".join(re.escape(part) for part in parts(message))


def parts(message):
    return re.split(r"(?<![\w:/@-])(?:[A-Z]{4,}|URL|DIR|N)(?![\w@])(?!:[A-Z])", message)


def literals():
    """The string literals of engine and program, with adjacent ones joined."""
    text = ""
    for root in ("engine/src", "apps/gantry"):
        for file in sorted((source / root).rglob("*.cpp")):
            text += re.sub(r'"\s*\n\s*"', "", file.read_text()) + "\n"
    return text.replace('\\"', '"')


class Refusal:
    """A server that has one answer for every request; silent: none at all; brusque: it hangs up instead."""

    def __init__(self, status=200, headers=(), certificate=None, silent=False, brusque=False):
        go_on = threading.Event()
        self.go_on = go_on

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self):
                if brusque:
                    self.close_connection = True
                    return
                if silent:
                    go_on.wait(120)
                    return
                self.send_response(status)
                for name, value in headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_HEAD = do_CONNECT = answer

            def log_message(self, *words):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.handle_error = lambda *words: None
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.address = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.go_on.set()
        self.server.shutdown()
        self.server.server_close()


def provoked(place):
    """What the program says in a series of mishaps."""
    opened = Registry(place / "open")
    closed = Registry(place / "closed", htpasswd("me", "secret"))
    said = []

    def run(*words, status, limits=(), **variables):
        done = subprocess.run([*limits, gantry, *words], cwd=place, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300,
                              env={"HOME": str(place / "home"), "PATH": "/usr/bin:/bin", **variables})
        said.append(done.stderr)
        if done.returncode != status:
            failures.append(f"{' '.join(words)}: ended with {done.returncode}, not {status}: {done.stderr}")

    try:
        opened.put_image("app", ["1"], "one")
        opened.put_image("other", ["1"], "other")
        app, locked, nobody = f"localhost:{opened.port}/app:1", f"localhost:{closed.port}/app:1", free_port()
        (place / "bad.tar").write_bytes(b"x" * 2000)
        (place / "file").write_text("")
        (place / "bad.json").write_text("{")
        (place / "list.json").write_text('[{"source": "a/b", "tag": ["1"]}]')
        (place / "registries.conf").write_text(f'[[registry]]\nlocation = "localhost:{opened.port}"\ninsecure = true\n'
                                               '[[registry]]\nlocation = "bad.example"\nblocked = true\n')
        bin_dir = place / "bin"
        bin_dir.mkdir()
        (bin_dir / "docker").write_text("#!/bin/sh\ncat > /dev/null\necho no daemon >&2\nexit 1\n")
        (bin_dir / "docker").chmod(0o755)

        run("pull", locked, status=3)
        run("pull", locked, "-u", "me", "-p", "wrong", status=3)
        run("login", f"localhost:{closed.port}", "-u", "me", "-p", "wrong", status=3)
        run("tags", app, status=2)
        run("tags", f"localhost:{opened.port}/none", status=4)
        run("serve", "--listen", f"127.0.0.1:{opened.port}", status=1)
        run("pull", app, "--mirror", f"localhost:{opened.port}=http://127.0.0.1:{nobody}", "-q", "--store-only", "--cache-dir", "mirrored", status=0)
        run("pull", app, "--authfile", "bad.json", status=3)
        run("pull", app, status=3, REGISTRY_AUTH_FILE="none.json")
        run("pull", f"localhost:{opened.port}/app:2", status=4)
        run("pull", app, "--platform", "linux/s390x", status=4)
        run("pull", "Nginx:1", status=2)
        if not SANITIZED:
            run("pull", app, "--store-only", "--cache-dir", "narrow", status=7, limits=["prlimit", "--nofile=9"])
        run("pull", "other.tar", status=2)
        run("pull", f"localhost:{opened.port}", status=2)
        run("push", "none.tar", app, status=4)
        run("extract", "bad.tar", status=5)
        with tarfile.open(place / "imageless.tar", "w") as archive:
            archive.add(place / "list.json", "list.json")
        run("extract", "imageless.tar", status=4)
        (place / "torn.tar").write_bytes((place / "imageless.tar").read_bytes() * 2)
        run("extract", "torn.tar", status=5)
        endless = (place / "imageless.tar").read_bytes()
        while endless.endswith(bytes(512)):
            endless = endless[:-512]
        (place / "endless.tar").write_bytes(endless)
        run("extract", "endless.tar", status=5)
        (place / "linked").mkdir()
        (place / "linked" / "index.json").symlink_to("../list.json")
        run("push", "./linked", app, status=5)
        run("tags", f"localhost:{opened.port}/app", "--filter", "^2", status=0)
        run("pull", app, "--offline", status=4)
        run("delete", app, status=1)
        run("sync", "list.json", "--to", f"localhost:{opened.port}", status=2)
        run("pull", f"127.0.0.1:{nobody}/app:1", status=1)
        run("pull", app, "--proxy", f"http://127.0.0.1:{nobody}", status=1)
        run("pull", "app:1", "-r", f"https://localhost:{opened.port}", status=1)
        run("pull", app, "-q", "--store-only", status=0, CONTAINERS_REGISTRIES_CONF=str(place / "registries.conf"))
        run("pull", "bad.example/app:1", status=3, CONTAINERS_REGISTRIES_CONF=str(place / "registries.conf"))
        (place / "loop.conf").symlink_to("loop.conf")
        run("pull", app, status=7, CONTAINERS_REGISTRIES_CONF=str(place / "loop.conf"))
        run("pull", app, "-o", "/no/such/directory/app.tar", status=7)
        run("pull", app, "-o", "same.tar", "--report", "same.tar", status=2)
        run("pull", app, "--cache-dir", "file", status=7)
        run("pull", app, "--load", "docker", status=1, PATH=f"{bin_dir}:/usr/bin:/bin")
        # Another image under a name that the store has.
        run("pull", f"localhost:{opened.port}/other:1", "-q", "-o", "other.tar", "--name", app, "--cache-dir", "elsewhere", status=0)
        run("extract", "other.tar", status=2)

        run("pull", "no-such-host.invalid/app:1", status=1)
        for server, words, status in (
            (Refusal(407, [("Proxy-Authenticate", "Basic realm=x")]), lambda at: ("pull", "registry.example/app:1", "--proxy", f"http://{at}"), 1),
            (Refusal(404), lambda at: ("repos", at, f"--plain-http={at}"), 4),
            (Refusal(429, [("Retry-After", "7200")]), lambda at: ("pull", f"{at}/app:1", f"--plain-http={at}"), 8),
            (Refusal(brusque=True), lambda at: ("pull", f"{at}/app:1", f"--plain-http={at}", "--timeout", "1s"), 1),
            (Refusal(silent=True), lambda at: ("pull", f"{at}/app:1", f"--plain-http={at}", "--timeout", "1s"), 1),
        ):
            # What the first run is told holds for the second.
            for _ in range(2 if status == 8 else 1):
                run(*words(server.address), status=status)
            server.stop()
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=other.example",
                        "-addext", "subjectAltName=DNS:other.example", "-keyout", place / "key", "-out", place / "cert"], check=True, capture_output=True)
        (place / "pem").write_text((place / "key").read_text() + (place / "cert").read_text())
        server = Refusal(404, certificate=place / "pem")
        run("pull", f"{server.address}/app:1", status=1)
        server.stop()

        # What a registry has on its disk changes: the layers alone, for documents are small enough to be looked at first.
        opened.put_image("damaged", ["1"], "damaged", ["linux/amd64"])
        for data in (place / "open" / "data").rglob("data"):
            if data.read_bytes()[:2] == b"\x1f\x8b":
                data.write_bytes(data.read_bytes()[:-1] + b"?")
        run("pull", f"localhost:{opened.port}/damaged:1", "--platform", "linux/amd64", status=5)

        # And what the store has on its own.
        for blob in (place / "home" / ".cache" / "gantry" / "blobs" / "sha256").iterdir():
            size = blob.stat().st_size
            blob.unlink()
            blob.write_bytes(b"y" * size)
        next(one for one in (place / "home" / ".cache" / "gantry" / "refs").rglob("_/*") if one.is_file()).write_text("{")
        run("verify", status=5)
    finally:
        opened.stop()
        closed.stop()
    return "\n".join(said)


def main():
    for program in ("docker-registry", "htpasswd", "openssl"):
        if not shutil.which(program):
            print(f"skipped: {program} is missing")
            return
    with tempfile.TemporaryDirectory() as name:
        said = provoked(pathlib.Path(name))
    sources, elsewhere = literals(), 0
    for message in messages():
        if re.search(pattern(message), said):
            continue
        elsewhere += 1
        print(f"not provoked here: {message}")
        for part in parts(message):
            if len(part.strip()) > 3 and part.strip() not in sources:
                failures.append(f"no source says '{part.strip()}' (of: {message})")
    if elsewhere > ELSEWHERE + SANITIZED:
        failures.append(f"{elsewhere} messages are not provoked, {ELSEWHERE + SANITIZED} are known")
    for text in failures:
        print("failed:", text)
    sys.exit(1 if failures else 0)


main()
