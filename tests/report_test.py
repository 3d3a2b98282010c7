"""The page of --report, from a real pull, in a browser when there is one. Usage: report_test.py GANTRY"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from small_image import make_layout  # noqa: E402

gantry = str(pathlib.Path(sys.argv[1]).resolve())
failures = []


def check(holds, what):
    if not holds:
        failures.append(what)


def run(*words, **more):
    return subprocess.run(words, capture_output=True, text=True, timeout=300, **more)


def data_of(page):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S).group(1))


def open_in_browser(browser, page, directory):
    """The document after its scripts ran, and what was said on the console."""
    done = run(browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--enable-logging=stderr",
               f"--user-data-dir={directory / 'profile'}", "--virtual-time-budget=10000", "--dump-dom", page.as_uri())
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


def large(page):
    """The same page with 10,000 blobs."""
    data = data_of(page)
    one = {"digest": "sha256:" + "a" * 64, "role": "layer", "size": 1000, "resumed": 0, "start": 0, "end": 50, "reused": False, "points": [[10, 400], [20, 800]]}
    data["blobs"] = [dict(one, digest="sha256:%064x" % i, start=i // 10, end=i // 10 + 50) for i in range(10000)]
    data["elapsed_ms"] = 1100
    text = json.dumps(data)
    return re.sub(r'(<script type="application/json" id="data">).*?(</script>)', lambda m: m.group(1) + text + m.group(2), page, flags=re.S)


with tempfile.TemporaryDirectory() as name:
    place = pathlib.Path(name)
    environment = dict(os.environ, GANTRY_CACHE_DIR=str(place / "store"))
    make_layout(place / "layout")
    file = place / "report.html"
    made = run(gantry, "extract", str(place / "layout"), "local.example/app:1", "--report", str(file), env=environment)
    check(made.returncode == 0, made.stderr)
    page = file.read_text()
    check(len(page) < 200_000, "the page is small")
    check(not re.search(r'(src|href)="(?!data:)', page) and "http://" not in page and "https://" not in page, "the page needs no network")
    data = data_of(page)
    check(len(data["blobs"]) == 2 and all(blob["end"] >= blob["start"] for blob in data["blobs"]), "both blobs are in it")
    refused = run(gantry, "extract", str(place / "layout"), "local.example/app:1", "--report", str(place / "none" / "x.html"), env=environment)
    check(refused.returncode == 7, "a page that cannot be written is a failure of the storage")
    browser = shutil.which("chromium")
    if browser:
        big = place / "big.html"
        big.write_text(large(page))
        for shown in (file, big):
            document, said = open_in_browser(browser, shown, place)
            check('data-drawn="yes"' in document, f"{shown.name} is drawn")
            check(not said, f"{shown.name}: {said}")
for text in failures:
    print("failed:", text)
sys.exit(1 if failures else 0)
