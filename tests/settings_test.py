"""The settings file: where it is, what it may say, who wins, and that docs/CONFIG.md tells the truth. Usage: settings_test.py SOURCE_DIR GANTRY"""
import json
import os
import pathlib
import re
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from small_image import make_layout  # noqa: E402
from toolbox import check, finish, program, run, serve  # noqa: E402

source = pathlib.Path(sys.argv[1])
gantry = program(sys.argv[2])
VARIABLES = ("GANTRY_CACHE_DIR", "REGISTRY_AUTH_FILE", "IMAGE_REF", "PLATFORM", "GITHUB_ACTIONS", "GITHUB_OUTPUT",
             *(name for base in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY") for name in (base, base.lower())))


class Home:
    """A home with a settings file."""

    def __init__(self, place):
        self.place = place
        self.file = place / ".config" / "gantry" / "config.json"
        self.file.parent.mkdir(parents=True)

    def environment(self, **more):
        kept = {name: value for name, value in os.environ.items() if name not in VARIABLES and not name.startswith("XDG_")}
        return {**kept, "HOME": str(self.place), "GANTRY_CONFIG": "", **more}

    def says(self, text):
        self.file.write_text(text if isinstance(text, str) else json.dumps(text, indent=1))

    def run(self, *words, **more):
        return run(gantry, *words, env=self.environment(**more), cwd=self.place)

    def option(self, name, *words, **more):
        """Value and origin of an option, as explain tells."""
        done = self.run("explain", "localhost:1/app", "--json", *words, **more)
        check(done.returncode == 0, done.stderr)
        told = json.loads(done.stdout)["options"][name] if done.returncode == 0 else {"value": "", "origin": ""}
        return told["value"], told["origin"]


def check_precedence(home):
    home.says('{\n  "jobs": 7,\n  "cache-dir": "~/mine",\n  "proxy": "http://proxy.example:1"\n}\n')
    check(home.option("jobs") == ("7", f"{home.file}, line 2"), f"the file counts: {home.option('jobs')}")
    check(home.option("jobs", "-j", "3") == ("3", "command line"), "the command line wins")
    check(home.option("retries") == ("5", "default"), "what nobody says is the default")
    check(home.option("cache-dir") == (str(home.place / "mine"), f"{home.file}, line 3"), "~ is the home")
    check(home.option("cache-dir", GANTRY_CACHE_DIR="/v") == ("/v", "GANTRY_CACHE_DIR"), "a variable wins over the file")
    check(home.option("cache-dir", "--cache-dir", "/c", GANTRY_CACHE_DIR="/v") == ("/c", "command line"), "and the command line over both")
    check(home.option("proxy", https_proxy="http://other.example:1") == ("given", "https_proxy"), "proxies, too")
    beside = home.run("explain", "example.com/app", HTTP_PROXY="http://plain.example:1").stdout
    check(f"http://proxy.example:1 ({home.file}, line 4)" in beside, f"a variable for clear text leaves the proxy for TLS: {beside}")
    plain = home.run("explain", "example.com/app", "--plain-http", HTTP_PROXY="http://plain.example:1").stdout
    check("http://plain.example:1 (HTTP_PROXY)" in plain, f"and wins for clear text: {plain}")
    daemon = home.place / ".config" / "docker" / "daemon.json"
    daemon.parent.mkdir()
    daemon.write_text('{"proxies": {"http-proxy": "http://d.example:1", "https-proxy": "http://d.example:2", "no-proxy": "near.example"}}')
    home.says({})
    docker = home.run("explain", "example.com/app", HTTP_PROXY="http://plain.example:1").stdout
    check("http://d.example:2 (docker's daemon.json)" in docker, f"docker's proxy counts for what no variable says: {docker}")
    check("d.example" not in home.run("explain", "near.example/app").stdout, "and its exceptions")
    check("d.example" not in home.run("explain", "example.com/app", HTTPS_PROXY="http://v.example:1").stdout, "a variable wins")
    check("d.example" not in home.run("explain", "example.com/app", "--proxy", "http://o.example:1").stdout, "and the option")
    check("d.example" not in home.run("explain", "example.com/app", "--no-host-config").stdout, "it is left aside when asked to")
    daemon.unlink()
    home.says('{\n  "jobs": 7,\n  "cache-dir": "~/mine",\n  "proxy": "http://proxy.example:1"\n}\n')
    every = home.run("explain", "example.com/app", all_proxy="http://all.example:1").stdout
    check("http://all.example:1 (all_proxy)" in every and "proxy.example:1" not in every, f"ALL_PROXY speaks for both: {every}")
    home.says({"progress": "bar", "max-per-host": 3})
    check(home.option("progress") == ("bar", f"{home.file}, line 2"), f"what the file says is told as it stands there: {home.option('progress')}")
    check(re.search(r"^max-per-host +3 ", home.run("explain", "localhost:1/app").stdout, re.M), "and under the name that it has there")
    home.says('{\n  "jobs": 7,\n  "cache-dir": "~/mine",\n  "proxy": "http://proxy.example:1"\n}\n')
    text = home.run("explain", "localhost:1/app").stdout
    check(f"connections         7 ({home.file}, line 2)" in text and f"mine ({home.file}, line 3)" in text, f"explain names lines: {text}")
    check(f"http://proxy.example:1 ({home.file}, line 4)" in home.run("explain", "example.com/app").stdout, "also for proxies")


def check_places(home):
    home.says({"jobs": 7})
    other = home.place / "xdg" / "gantry"
    other.mkdir(parents=True)
    (other / "config.json").write_text('{"jobs": 9}')
    check(home.option("jobs", XDG_CONFIG_HOME=str(home.place / "xdg"))[0] == "9", "XDG_CONFIG_HOME is respected")
    (home.place / "named.json").write_text('{"jobs": 11}')
    check(home.option("jobs", GANTRY_CONFIG=str(home.place / "named.json"))[0] == "11", "GANTRY_CONFIG names a file")
    check(home.option("jobs", GANTRY_CONFIG="/dev/null") == ("auto", "default"), "or none")
    check(home.option("jobs", "--no-host-config")[0] == "7", "--no-host-config is about other programs")
    missing = home.run("list", GANTRY_CONFIG=str(home.place / "none.json"))
    check(missing.returncode == 4 and "none.json" in missing.stderr, f"a file that is named is there: {missing.stderr}")
    directory = home.run("list", GANTRY_CONFIG=str(home.place))
    check(directory.returncode != 0 and str(home.place) in directory.stderr, f"a directory is no file: {directory.stderr}")
    home.file.unlink()
    check(home.option("jobs") == ("auto", "default"), "no file is no mistake")


def check_mistakes(home):
    for text, line, words in [('{\n "job": 8\n}', 2, "did you mean 'jobs'?"), ('{\n "jobs": 8,\n "output": "x"\n}', 3, "cannot have a default"),
                              ('{"password": "opensesame"}', 1, "gantry login"), ('{"jobs": 0}', 1, "--jobs takes"), ('{"jobs"\n 8}', 2, "not JSON"),
                              ('{"insecure": true}', 1, "a list of hosts"), ('{"quiet": 1}', 1, "true or false"), ('{"progress": "loud"}', 1, "loud")]:
        home.says(text)
        done = home.run("explain", "localhost:1/app")
        check(done.returncode == 2 and f"{home.file}, line {line}: " in done.stderr and words in done.stderr, f"{text}: {done.returncode} {done.stderr}")
        check("opensesame" not in done.stderr, "secrets are not repeated")
        for harmless in (["--version"], ["help"], ["help", "pull"], ["pull", "--help"], ["completion", "bash"]):
            check(home.run(*harmless).returncode == 0, f"{harmless} does without the file")


def check_use(home):
    """A pull without options does what the file says."""
    make_layout(home.place / "layout", layers=1)
    store = home.environment(GANTRY_CACHE_DIR=str(home.place / "store"))
    home.says({})
    run(gantry, "extract", home.place / "layout", "local.example/app:1", env=store)
    with serve(gantry, store) as server:
        image = f"localhost:{server.port}/local.example/app:1"
        home.says({"cache-dir": "~/mine", "format": "oci", "gzip": True, "quiet": True, "arch": "amd64", "log-file": "~/log.txt"})
        done = home.run("pull", image)
        check(done.returncode == 0 and ".tar.gz" in done.stdout and not done.stderr, f"{done.stdout} {done.stderr}")
        check((home.place / "mine" / "blobs").is_dir() and (home.place / "log.txt").exists(), "store and log are where the file says")
        check(home.run("pull", image, "--store-only", "-v").returncode == 0, "settings give way to options that exclude them")
        spoken = home.run("pull", image, "-v", "-o", "x.tar")
        check(spoken.stderr, "--verbose wins over quiet in the file")
        home.says({"cache-dir": "~/mine", "arch": "s390x"})
        check(home.run("pull", image, "-o", "y.tar").returncode == 4, "the file's architecture is asked for")
        check(home.run("pull", image, "--platform", "linux/amd64", "-o", "y.tar").returncode == 0, "--platform takes its place")
        home.says({"cache-dir": "~/env", "jobs": 2})
        mode = run(gantry, env=home.environment(IMAGE_REF=image, PLATFORM="linux/amd64"), cwd=home.place)
        check(mode.returncode == 0 and (home.place / "env" / "blobs").is_dir(), f"without arguments as well: {mode.stderr}")


def check_page(home):
    page = (source / "docs" / "CONFIG.md").read_text()
    told = set(re.findall(r"`([a-z-]+)`", " ".join(re.findall(r"^\| (`[^|]+) \|", page, re.M))))
    home.says({})
    known = set(json.loads(home.run("explain", "localhost:1/app", "--json").stdout)["options"])
    check(told == known, f"the page has each setting: {told ^ known}")
    home.says(re.search(r"^```json\n(.*?)^```", page, re.S | re.M).group(1))
    done = home.run("list")
    check(done.returncode == 0, f"the example works: {done.stderr}")


with tempfile.TemporaryDirectory() as name:
    home = Home(pathlib.Path(name).resolve())
    for part in (check_precedence, check_places, check_mistakes, check_use, check_page):
        part(home)
finish()
