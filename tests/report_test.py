"""The page of --report, from real runs and with invented ones, in a browser when there is one. Usage: report_test.py GANTRY [PICTURES]
With a directory for PICTURES the page is drawn there at 10 and 10,000 requests, light and dark."""
import html
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from report_data import report_data  # noqa: E402
from small_image import make_layout  # noqa: E402
from toolbox import check, docker_registry, finish, program, run, serve  # noqa: E402

gantry = program(sys.argv[1])
browser = shutil.which("chromium")

# Looks at what was drawn and uses the page as a person would.
VISITOR = """<script>
{ const seen = { colours: {}, rows: {} };
for (const id of ["rate", "lanes", "fall"]) {
  const c = document.getElementById(id), p = c.getContext("2d").getImageData(0, 0, c.width, Math.min(c.height, 600)).data, all = new Set();
  for (let i = 0; i < p.length; i += 4) if (p[i + 3] > 200) all.add((p[i] << 16) | (p[i + 1] << 8) | p[i + 2]);
  seen.colours[id] = all.size;
}
const rows = () => document.querySelectorAll("#rows tr").length, use = (id, name, value) => { const e = document.getElementById(id); e[name] = value; e.dispatchEvent(new Event("input")); e.dispatchEvent(new Event("change")); };
seen.rows.all = rows(); seen.wide = document.documentElement.scrollWidth > innerWidth;
use("trouble", "checked", true); seen.rows.trouble = rows(); use("trouble", "checked", false);
use("kind", "value", "connections"); seen.rows.decisions = rows(); use("kind", "value", "");
use("filter", "value", "no such thing"); seen.rows.none = rows(); use("filter", "value", "");
for (const by of ["kind", "host", "blob", "end"]) use("paint", "value", by);
const c = document.getElementById("lanes"), box = c.getBoundingClientRect(), at = (kind, x) => c.dispatchEvent(new PointerEvent(kind, { clientX: box.left + x, clientY: box.top + 30, bubbles: true }));
at("pointerdown", 400); at("pointermove", 500); at("pointerup", 500); seen.range = document.getElementById("range").textContent; at("pointermove", 300); seen.tip = document.getElementById("tip").textContent;
document.getElementById("whole").click(); seen.whole = document.getElementById("range").textContent; document.getElementById("theme").click();
document.body.dataset.seen = JSON.stringify(seen); }
</script></body>"""


# What is drawn above the ground line of the first chart before the first request, and whether anything is after it; and text that has to be scrolled for.
SURVEYOR = """<script>
{ const c = document.getElementById("rate"), pen = c.getContext("2d"), first = data.rate.length ? data.rate[0][0] : 0, x = gutter + first / end * (c.clientWidth - gutter - 8);
const seen = { before: 0, after: 0 };
const near = (p, i, hex) => [1, 3, 5].every((k, n) => Math.abs(p[i + n] - parseInt(hex.slice(k, k + 2), 16)) < 24);
const scale = c.width / c.clientWidth, p = pen.getImageData(0, 0, c.width, Math.floor((c.clientHeight - foot - 4) * scale)), wide = p.width;
for (let i = 0; i < p.data.length; i += 4) { const at = (i / 4 % wide) / scale; if (at > gutter + 2 && (near(p.data, i, colors.rate) || near(p.data, i, colors.count))) ++seen[at < x - 2 ? "before" : "after"]; }
seen.hidden = [...document.querySelectorAll("td.w")].filter(td => td.textContent && td.getBoundingClientRect().right > innerWidth).length;
document.body.dataset.survey = JSON.stringify(seen); }
</script></body>"""


def data_of(page):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S).group(1))


def with_data(page, data):
    text = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    return re.sub(r'(<script type="application/json" id="data">).*?(</script>)', lambda m: m.group(1) + text + m.group(2), page, flags=re.S)


def browse(page, directory, *words, theme="light", width=1300):
    """What the browser prints, and what was said on the console."""
    done = run(browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--enable-logging=stderr",
               f"--user-data-dir={directory / 'profile'}", "--virtual-time-budget=10000", f"--window-size={width},1600", *words, f"{page.as_uri()}#{theme}")
    # What the browser says of how this test looks at pictures is not said of the page.
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line and "willReadFrequently" not in line]


def visit(page, name, place, theme, width=1300):
    shown = place / f"{name}.html"
    shown.write_text(page.replace("</body>", VISITOR))
    document, said = browse(shown, place, "--dump-dom", theme=theme, width=width)
    check(not said, f"{name}, {theme}: {said}")
    check('data-drawn="yes"' in document, f"{name}, {theme}: is drawn")
    found = re.search(r'data-seen="([^"]*)"', document)
    check(found, f"{name}, {theme}: can be used")
    return json.loads(html.unescape(found.group(1))) if found else None


def check_offered(place):
    """A command has the option just where it writes a page."""
    environment = dict(os.environ, GANTRY_CACHE_DIR=str(place / "offered"), HOME=str(place))
    make_layout(place / "small", layers=1)
    run(gantry, "extract", place / "small", "local.example/app:1", env=environment)
    nowhere = "localhost:1"  # nobody listens there: a failed run has a page, too
    words = {
        "pull": [f"{nowhere}/app:1", "--retries", "0", "--store-only"], "save": ["local.example/app:1", "-o", place / "offered.tar"],
        "extract": [place / "small", "local.example/app:2"], "convert": [place / "small", "-o", place / "converted.tar"],
        "push": ["local.example/app:1", f"{nowhere}/app:1", "--retries", "0"], "copy": [f"{nowhere}/app:1", f"{nowhere}/app:2", "--retries", "0"],
        "sync": [place / "sync.json", "--to", f"{nowhere}/mirror", "--no-lock", "--retries", "0"], "delete": [f"{nowhere}/app:1"], "inspect": [place / "small"],
        "digest": [place / "small"], "tags": [f"{nowhere}/app"], "repos": [nowhere], "explain": [f"{nowhere}/app:1"],
        "bench": [f"{nowhere}/app:1", "--retries", "0"], "list": [], "clean": ["--dry-run"], "verify": [], "serve": ["--listen", "127.0.0.1:0", "--timeout", "1s"],
        "login": [nowhere], "logout": [nowhere], "completion": ["bash"],
    }
    (place / "sync.json").write_text(json.dumps([{"source": f"{nowhere}/app", "target": "app", "tags": ["1"]}]))
    known = run(gantry, "completion", "bash").stdout.split("_gantry_commands() { echo '")[1].split("'")[0].split()
    known = [verb for verb in known if verb != "help"]
    check(sorted(known) == sorted(words), f"every command is looked at: {sorted(set(known) ^ set(words))}")
    for verb in known:
        listed = re.search(r"^ +--report\b", run(gantry, "help", verb).stdout, re.M) is not None
        file = place / f"offered-{verb}.html"
        done = run(gantry, verb, *words.get(verb, []), "--report", file, env=environment, stdin=subprocess.DEVNULL)
        check(file.exists() == listed, f"{verb}: --report {'offered' if listed else 'not offered'}, page {'there' if file.exists() else 'missing'}: {done.stderr}")
        check(listed or (done.returncode == 2 and "--report" in done.stderr), f"{verb} does not take --report in silence: {done.returncode} {done.stderr}")


def check_part(place):
    """One of two images is missing, and so the other one is gone through again for the archive."""
    environment = dict(os.environ, GANTRY_CACHE_DIR=str(place / "store"))
    other = dict(environment, GANTRY_CACHE_DIR=str(place / "part"))
    file, events = place / "part.html", place / "part.json"
    with serve(gantry, environment) as registry:
        host = f"localhost:{registry.port}"
        with open(events, "w") as told:
            done = run(gantry, "pull", f"{host}/local.example/app:1", f"{host}/local.example/none:1", "-o", place / "part.tar", "--report", file,
                       "--mirror", f"{host}=http://localhost:1", "--progress-fd", told.fileno(), pass_fds=[told.fileno()], env=other)
    check(done.returncode == 6, f"a part of a list: {done.returncode} {done.stderr}")
    data = data_of(file.read_text())
    names = [(one["reference"], one["failed"]) for one in data["images"]]
    check(sorted(names) == [(f"{host}/local.example/app:1", False), (f"{host}/local.example/none:1", True)], f"each image once, and whether it failed: {names}")
    # The configuration may have come, untold, while the names were resolved.
    layers = [blob for blob in data["blobs"] if blob["role"] == "layer"]
    check(len(layers) == 3 and not any(blob["reused"] or blob["resumed"] for blob in layers), f"all was fetched in this run: {data['blobs']}")
    check({"name": "localhost:1", "mirror": True} in data["hosts"], f"a mirror that does not answer is named: {data['hosts']}")
    check(any(note["kind"] == "warning" and note["text"].startswith("the mirror localhost:1 ") for note in data["notes"]), f"and why: {data['notes']}")
    check(data["archives"] and data["archives"][-1][1] <= data["elapsed_ms"], f"when the archive was written: {data['archives']}")
    lines = [json.loads(line) for line in events.read_text().splitlines()]
    finished = [line["digest"] for line in lines if line["type"] == "blob_finished" and line["role"] != "manifest"]
    check(sorted(finished) == sorted(blob["digest"] for blob in data["blobs"]), f"events tell of each blob once: {finished}")
    check(sum(line["type"] == "image_resolved" for line in lines) == 1, "and of each name")
    return file


def check_lacking_mirror(place):
    """A mirror that a configuration file names and that does not have the image is in the page all the same."""
    environment = dict(os.environ, GANTRY_CACHE_DIR=str(place / "store"))
    empty = dict(environment, GANTRY_CACHE_DIR=str(place / "empty"))
    file = place / "lacking.html"
    with serve(gantry, environment) as registry, serve(gantry, empty) as mirror:
        host, other = f"localhost:{registry.port}", f"localhost:{mirror.port}"
        (place / "registries.conf").write_text(f'[[registry]]\nlocation = "{host}"\n[[registry.mirror]]\nlocation = "{other}"\n')
        done = run(gantry, "pull", f"{host}/local.example/app:1", "--store-only", "--report", file,
                   env=dict(environment, GANTRY_CACHE_DIR=str(place / "lacking"), CONTAINERS_REGISTRIES_CONF=str(place / "registries.conf")))
    check(done.returncode == 0, f"the registry has it: {done.stderr}")
    names = data_of(file.read_text())["hosts"]
    check({"name": other, "mirror": True, "lacks": True} in names and {"name": host, "mirror": False} in names, f"a mirror without the image is named: {names}")


def facts_of(document):
    return dict(re.findall(r"<span>([^<]+)</span><b>([^<]*)</b>", document))


def open_page(page, place, width=1300):
    """The page as the browser has made it, without its scripts, and what the surveyor saw."""
    shown = place / "opened.html"
    shown.write_text(page.replace("</body>", SURVEYOR))
    document, said = browse(shown, place, "--dump-dom", width=width)
    check(not said, f"nothing goes wrong: {said}")
    found = re.search(r'data-survey="([^"]*)"', document)
    check(found, "the page was looked at")
    return re.sub(r"<script.*?</script>", "", document, flags=re.DOTALL), json.loads(html.unescape(found.group(1))) if found else {}


def row_of(document, kind):
    """The text of the first row of that kind in the table."""
    found = re.search(rf"<td class=\"k\"[^>]*>{kind}</td>.*?<td class=\"w\">([^<]*)</td>", document, re.S)
    return html.unescape(found.group(1)) if found else ""


def check_words(page, place):
    """What pages say of runs that moved little, or late: with invented data."""
    blob = {"role": "layer", "size": 1000, "resumed": 0, "start": 5, "end": 6, "reused": True, "points": []}
    blobs = [dict(blob, digest="sha256:" + digit * 64) for digit in "abc"]
    still = dict(report_data(10), elapsed_ms=100, images=[], archives=[], blobs=blobs, rate=[], retries=[], segments=[], decisions=[], notes=[], hosts=[], exit_code=0)
    remark = [{"at": 9, "kind": "note", "text": "so it went"}]

    document, _ = open_page(with_data(page, dict(still, command="gantry push a b", notes=remark, blobs=[dict(blobs[0], mounted=True), dict(blobs[1], mounted=True), blobs[2]])), place)
    check("mounted from other repositories 2.0 kB" in document and "there before 1.0 kB" in document and "in the store before" not in document, "a push that mounted")
    check(facts_of(document).get("layers") == "3 (1 there, 2 mounted)" and "so it went" in document, f"with its layers: {facts_of(document)}")
    document, _ = open_page(with_data(page, dict(still, command="gantry sync list.json --to b")), place)
    check("there before 3.0 kB" in document and "in the store before" not in document, "an unchanged sync speaks of no store")
    document, _ = open_page(with_data(page, dict(still, command="gantry verify", blobs=[blobs[0], dict(blobs[1], role="config"), dict(blobs[2], role="manifest")])), place)
    facts = facts_of(document)
    check(facts.get("layers") == "1" and facts.get("checked") == "3.0 kB" and "received" not in facts and "checked in the store 3.0 kB" in document, f"verify: {facts}")
    document, _ = open_page(with_data(page, dict(still, command="gantry serve", blobs=[], notes=remark)), place)
    check("received" not in facts_of(document) and "What clients took is not drawn here" in document and "so it went" in document, f"serve: {facts_of(document)}")

    request = [0, 0, 0, 1, 0, 0, 1000, 1000, 800, 850, 990]
    late = dict(still, elapsed_ms=1000, command="gantry pull x", blobs=[dict(blobs[0], reused=False, start=800, end=990)], segments=[request],
                hosts=[{"name": "r.example", "mirror": False}, {"name": "m.example", "mirror": True, "lacks": True}],
                rate=[[800, 0, 0, 0], [870, 200, 1, 0], [930, 700, 2, 0], [990, 1000, 0, 0]],
                images=[{"reference": "r.example/app:1", "digest": "", "asked": 0, "told": 90, "failed": True}],
                notes=[{"at": 80, "kind": "error", "text": "r.example/app:1.2 is something else"}, {"at": 90, "kind": "warning", "text": "r.example/app:1 was not found " + "here " * 30}])
    document, seen = open_page(with_data(page, late), place)
    check(facts_of(document).get("mean rate") == "1.0 kB/s", f"the mean rate is of the whole time: {facts_of(document)}")
    check(seen["before"] == 0 < seen["after"], f"no curve begins before the first request: {seen}")
    check(re.search(r"<code>m.example</code></td><td>mirror</td>.*?it lacks it \(404\)", document), "the table says that a mirror lacks it")
    check(row_of(document, "failed").startswith("r.example/app:1: r.example/app:1 was not found here"), f"a failed row has its reason: {row_of(document, 'failed')}")
    _, seen = open_page(with_data(page, late), place, width=500)
    check(seen["hidden"] == 0, f"on a narrow screen no text has to be scrolled for: {seen}")


def check_store_pages(place):
    """Real pages of verify and serve."""
    environment = dict(os.environ, GANTRY_CACHE_DIR=str(place / "store"))
    checked = run(gantry, "verify", "--report", place / "verify.html", "--progress", "json", env=environment)
    check(checked.returncode == 0, checked.stderr)
    data = data_of((place / "verify.html").read_text())
    check(sorted(blob["role"] for blob in data["blobs"]) == ["config", "layer", "layer", "layer", "manifest"], f"what each file is: {data['blobs']}")
    check(all(blob["reused"] for blob in data["blobs"]), "nothing was fetched")
    lines = [json.loads(line) for line in checked.stderr.splitlines()]
    planned = [line for line in lines if line["type"] == "transfer_planned"][-1]
    check(planned["blobs"] == 4 and planned["bytes"] == sum(blob["size"] for blob in data["blobs"] if blob["role"] != "manifest"), f"the plan is that of the blobs: {planned}")
    served = run(gantry, "serve", "--listen", "127.0.0.1:0", "--timeout", "1s", "--report", place / "serve.html", env=environment)
    data = data_of((place / "serve.html").read_text())
    check(any(note["kind"] == "note" and note["text"].startswith("listening on ") for note in data["notes"]), f"what serve said is in its page: {data['notes']} {served.stderr}")


def check_no_helper(place):
    """The page costs no question to a credential helper: the registry lets everybody in, and the helper may ask the user for a passphrase."""
    environment = dict(os.environ, GANTRY_CACHE_DIR=str(place / "store"))
    home, programs, asked = place / "helped", place / "helpers", place / "asked"
    (home / ".docker").mkdir(parents=True)
    programs.mkdir()
    helper = programs / "docker-credential-curious"
    helper.write_text(f'#!/bin/sh\ntouch "{asked}"\necho "credentials not found in native keychain"\nexit 1\n')
    helper.chmod(0o755)
    helped = dict(environment, HOME=str(home), PATH=f"{programs}:{os.environ['PATH']}", GANTRY_CACHE_DIR=str(place / "helped-store"))
    for name in ("DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "DOCKER_AUTH_CONFIG", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"):
        helped.pop(name, None)
    file = place / "helped.html"
    with serve(gantry, environment) as registry:
        host = f"localhost:{registry.port}"
        (home / ".docker/config.json").write_text(json.dumps({"credHelpers": {host: "curious"}}))
        done = run(gantry, "pull", f"{host}/local.example/app:1", "--store-only", "--report", file, env=helped)
        check(done.returncode == 0 and file.exists(), f"an anonymous pull with a page: {done.stderr}")
        check(not asked.exists(), "the page asks no credential helper")
        run(gantry, "explain", f"{host}/local.example/app:1", env=helped)
    check(asked.exists(), "the helper is one that would be asked")


def check_invented(page, place):
    for requests in (10, 10_000):
        data = report_data(requests)
        for theme in ("light", "dark"):
            seen = visit(with_data(page, data), f"{requests} requests", place, theme)
            if seen is None:
                continue
            what = f"{requests} requests, {theme}: "
            check(all(n >= 4 for n in seen["colours"].values()), f"{what}something is drawn: {seen['colours']}")
            check(not seen["wide"], what + "fits the window")
            rows = seen["rows"]
            check(0 < rows["trouble"] < rows["all"] <= 500 and rows["none"] == 0 and rows["decisions"] == 4, f"{what}filters work: {rows}")
            check(seen["range"] != seen["whole"] and seen["tip"], f"{what}a part can be looked at: {seen}")


def check_real(place):
    environment = dict(os.environ, GANTRY_CACHE_DIR=str(place / "store"))
    make_layout(place / "layout", layers=3)
    run(gantry, "extract", place / "layout", "local.example/app:1", env=environment)
    file = place / "pull.html"
    other = dict(environment, GANTRY_CACHE_DIR=str(place / "other"))
    with serve(gantry, environment) as registry:
        image = f"localhost:{registry.port}/local.example/app:1"
        done = run(gantry, "pull", image, "--store-only", "--report", file, env=other)
        check(done.returncode == 0, done.stderr)
        again = run(gantry, "pull", image, "-u", "somebody", "-p", "secret", "--store-only", "--report", place / "again.html", env=other)
        check(again.returncode == 0, again.stderr)
        failed = run(gantry, "pull", image + "0", "--store-only", "--report", place / "failed.html", env=other)
        check(failed.returncode == 4, "there is no such image")
    page = file.read_text()
    data = data_of(page)
    check(len(page) - len(json.dumps(data)) < 200_000, "the page is small")
    check(not re.search(r'(src|href)="(?!data:)', page) and "http://" not in page.replace("http://127.0.0.1", "") and "@import" not in page, "the page needs no network")
    check(len(data["blobs"]) == 4 and all(blob["end"] >= blob["start"] for blob in data["blobs"]), f"all blobs are in it: {data['blobs']}")
    check(sum(row[7] for row in data["segments"]) == sum(blob["size"] for blob in data["blobs"] if blob["role"] == "layer") + data["blobs"][0]["size"]
          or len(data["segments"]) >= 3, f"so are the requests: {data['segments']}")
    check(all(data["hosts"][row[4]]["name"] == f"localhost:{registry.port}" and row[3] > 0 and row[8] <= row[9] <= row[10] for row in data["segments"]),
          f"each with host, connection and times: {data['hosts']} {data['segments']}")
    check(sorted(blob["role"] for blob in data["blobs"]) == ["config", "layer", "layer", "layer"], f"the config is none of the layers: {data['blobs']}")
    first, last = data["rate"][0], data["rate"][-1]
    check(first[0] <= min(row[8] for row in data["segments"]) and first[1:] == [0, 0, 0], f"the curve begins with the first request: {first}")
    check(last[0] >= max(row[10] for row in data["segments"]) and last[2] == 0, f"and ends with the last, with none under way: {last}")
    check("somebody" not in (place / "again.html").read_text() and "secret" not in (place / "again.html").read_text(), "but not as whom")
    check(all(blob["reused"] for blob in data_of((place / "again.html").read_text())["blobs"]), "what was there is told")
    failure = data_of((place / "failed.html").read_text())
    check("not" in failure["error"] and failure["exit_code"] == 4, "a run that failed says why")
    check(data["exit_code"] == 0 and data["command"] == f"gantry pull {image} --store-only --report {file}", f"a page says what was run: {data['command']}")
    unwritable = run(gantry, "extract", place / "layout", "local.example/app:1", "--report", place / "none" / "x.html", env=environment)
    check(unwritable.returncode == 7, "a page that cannot be written is a failure of the storage")
    return page, [file, place / "again.html", place / "failed.html"]


def requests(data, kind):
    return [row for row in data["segments"] if data["kinds"][row[1]] == kind]


def check_moved(data, source, target, image, size, what):
    """A page about a registry that was read and one that was written: both are in it, with the bytes that passed."""
    reads, writes = requests(data, "whole"), requests(data, "upload")
    names = [host["name"] for host in data["hosts"]]
    check(sum(row[7] for row in reads) == (size if source else 0) and all(names[row[4]] == source for row in reads), f"{what}: what was read: {reads} {names}")
    check(sum(row[7] for row in writes) == size and all(names[row[4]] == target for row in writes), f"{what}: what was sent: {writes} {names}")
    check(all(row[3] > 0 and row[8] <= row[9] <= row[10] and data["ends"][row[2]] == "complete" for row in reads + writes), f"{what}: connections and times")
    check(data["rate"][-1][1:4:2] == [size if source else 0, size], f"{what}: the curves end at what was moved: {data['rate'][-1]}")
    check([one["reference"] for one in data["images"]] == [image], f"{what}: the image is named: {data['images']}")
    check(sum(blob["role"] == "layer" for blob in data["blobs"]) == 3 and sum(blob["role"] == "config" for blob in data["blobs"]) == 1, f"{what}: {data['blobs']}")


def check_copies(place):
    """Real copies: \\returns their pages."""
    if not shutil.which("docker-registry"):
        return []
    environment = dict(os.environ, GANTRY_CACHE_DIR=str(place / "store"))
    pages = {name: place / f"{name}.html" for name in ("copy", "sync", "push", "again", "refused")}
    with serve(gantry, environment) as from_here, docker_registry(place) as registry:
        source, target = f"localhost:{from_here.port}", f"localhost:{registry.port}"
        image = f"{source}/local.example/app:1"
        manifest = json.loads(run(gantry, "inspect", image, "--raw", env=environment).stdout)
        size = sum(blob["size"] for blob in [manifest["config"], *manifest["layers"]])
        (place / "list.json").write_text(json.dumps([{"source": image, "target": "synced/app", "tags": ["1"]}]))
        done = {
            "copy": run(gantry, "copy", image, f"{target}/app:1", "--force-upload", "--report", pages["copy"], env=environment),
            "sync": run(gantry, "sync", place / "list.json", "--to", target, "--force-upload", "--no-lock", "--report", pages["sync"], env=environment),
            "push": run(gantry, "push", "local.example/app:1", f"{target}/pushed/app:1", "--force-upload", "--report", pages["push"], env=environment),
            "again": run(gantry, "copy", image, f"{target}/app:1", "--report", pages["again"], env=environment),
        }
        refused = run(gantry, "copy", image, f"localhost:{registry.port}/UPPER:1", "--report", pages["refused"], env=environment)
        missing = run(gantry, "copy", image + "0", f"{target}/app:2", "--report", pages["refused"], env=environment)
    for name, one in done.items():
        check(one.returncode == 0, f"{name}: {one.stderr}")
    check(refused.returncode == 2 and missing.returncode == 4, f"what cannot be: {refused.stderr} {missing.stderr}")
    data = {name: data_of(page.read_text()) for name, page in pages.items()}
    check_moved(data["copy"], source, target, image, size, "copy")
    check_moved(data["sync"], source, target, f"{target}/synced/app:1", size, "sync")
    check_moved(data["push"], "", target, f"{target}/pushed/app:1", size, "push")
    check(not data["again"]["segments"] and [one["reference"] for one in data["again"]["images"]] == [image], f"nothing to do: {data['again']}")
    check(data["refused"]["title"] and not data["refused"]["rate"], f"a failed one says what it was about: {data['refused']['title']}")
    return list(pages.values())


def draw(page, pictures):
    pictures.mkdir(parents=True, exist_ok=True)
    for requests in (10, 10_000):
        shown = pictures / f"{requests}.html"
        shown.write_text(with_data(page, report_data(requests)))
        for theme in ("light", "dark"):
            browse(shown, pictures, f"--screenshot={pictures / f'{requests}-{theme}.png'}", "--hide-scrollbars", theme=theme)


with tempfile.TemporaryDirectory() as name:
    place = pathlib.Path(name)
    page, real = check_real(place)
    copies = check_copies(place)
    part = check_part(place)
    check_lacking_mirror(place)
    check_no_helper(place)
    check_store_pages(place)
    check_offered(place)
    if browser:
        for file in real + copies:
            visit(file.read_text(), file.stem, place, "light")
        document, _ = browse(real[0], place, "--dump-dom", width=420)
        check('class="wide"' in document, "tables that are too wide for a narrow page are scrolled")
        labels = re.search(r'data-labels="(\d+)"', document)
        check(labels and int(labels[1]) >= 2, f"a narrow page has times: {labels}")
        document = re.sub(r"<script.*?</script>", "", browse(real[2], place, "--dump-dom")[0], flags=re.DOTALL)
        check(re.search(r'id="subtitle">gantry pull [^<]* · exit code 4, not found · ', document), "the page of a failed run has command and exit code")
        for file in copies[:3]:
            document = re.sub(r"<script.*?</script>", "", browse(file, place, "--dump-dom")[0], flags=re.DOTALL)
            check(re.search(rf'id="subtitle">gantry {file.stem} [^<]* localhost:\d[^<]* · done · written to localhost:\d', document), f"{file.stem}: the page names command and target")
            check("nothing came over the network" not in document and re.search(r"<span>sent</span><b>[1-9]", document), f"{file.stem}: the page tells what was sent")
        visit(part.read_text(), "part", place, "light")
        document = re.sub(r"<script.*?</script>", "", browse(part, place, "--dump-dom")[0], flags=re.DOTALL)
        check(re.search(r'id="title">localhost:\d+/local.example/app:1, localhost:\d+/local.example/none:1 \(failed\)<', document), "the page names what failed")
        check(re.search(r"in the store before (0|323) B", document) and re.search(r"<span>layers</span><b>3</b>", document), "what came in this run was not there before")
        check(re.search(r"<code>localhost:1</code></td><td>mirror</td>.*?the mirror localhost:1 \(named by --mirror\) is passed over", document), "the table says why a mirror gave nothing")
        check_words(page, place)
        check_invented(page, place)
        if len(sys.argv) > 2:
            draw(page, pathlib.Path(sys.argv[2]).resolve())
finish()
