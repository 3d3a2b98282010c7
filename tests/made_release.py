"""A release as .github/workflows/release.yml makes one, and GitHub as far as those need it who take it: files of releases, a repository to clone.

The steps of the workflow are run as they stand, in a clone; build_stand_in.py stands for the compiler, docker and gh, and what `gh release create`
and `docker push` are given is what there is to fetch."""
import http.server
import pathlib
import re
import subprocess
import threading

import yaml

REPOSITORY = "OWNER/gantry"  # as the documents have it
WORKFLOW = pathlib.Path(__file__).parent.parent / ".github" / "workflows" / "release.yml"


class Files(http.server.BaseHTTPRequestHandler):
    """The files of `published`; those of the latest release are redirected to, as GitHub does it."""
    published, version = None, ""

    def do_GET(self):
        latest = re.fullmatch(rf"/{REPOSITORY}/releases/latest/download/([^/]+)", self.path)
        if latest:
            self.answer(302, Location=f"/{REPOSITORY}/releases/download/v{self.version}/{latest[1]}")
            return
        asked = re.fullmatch(rf"/{REPOSITORY}/releases/download/v{re.escape(self.version)}/([^/]+)", self.path)
        file = self.published / asked[1] if asked else None
        if file and file.is_file():
            self.answer(200, file.read_bytes())
        else:
            self.answer(404)

    def answer(self, status, body=b"", **fields):
        self.send_response(status)
        for name, value in {**fields, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Release:
    """Makes the release in `place`: its files come into `published`, the names of its images into `published`/images. `check_out` copies the
    sources to where it is told; `environment` has the stand-ins in PATH. Raises RuntimeError where a step fails."""

    def __init__(self, place, published, check_out, environment):
        self.clone = place / "gantry"
        published.mkdir(parents=True, exist_ok=True)
        check_out(self.clone)
        version = re.search(r"^project\(gantry VERSION ([0-9.]+)", (self.clone / "CMakeLists.txt").read_text(), re.M)[1]
        self.environment = {**environment, "GITHUB_REF_NAME": f"v{version}", "GITHUB_REPOSITORY": REPOSITORY, "GITHUB_ACTOR": "me", "GH_TOKEN": "secret",
                            "GITHUB_WORKSPACE": str(self.clone), "GIT_AUTHOR_NAME": "me", "GIT_AUTHOR_EMAIL": "me@example.com", "GIT_COMMITTER_NAME": "me",
                            "GIT_COMMITTER_EMAIL": "me@example.com"}
        self.run("git init -q && git add -A && git commit -q -m sources")
        for job in yaml.safe_load(WORKFLOW.read_text())["jobs"].values():
            for step in job["steps"]:
                if "run" in step:
                    self.run(step["run"])
        handler = type("Handler", (Files,), {"published": published, "version": version})
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def run(self, script):
        done = subprocess.run(["bash", "-e", "-o", "pipefail", "-c", script], cwd=self.clone, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=300)
        if done.returncode:
            raise RuntimeError(f"{script}: ended with {done.returncode}: {done.stderr[-2000:]}")

    def rewrite(self, command):
        """Clones come from the clone, all else that GitHub would be asked for from this server."""
        command = re.sub(rf'git clone "?https://github\.com/{REPOSITORY}(?![/\w])"?', f"git clone -q file://{self.clone}", command)
        return command.replace(f"https://github.com/{REPOSITORY}/", f"http://127.0.0.1:{self.server.server_port}/{REPOSITORY}/")

    def stop(self):
        self.server.shutdown()
