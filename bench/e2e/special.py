"""Cells that are no plain comparison of programs: each is a function that returns its checks and figures."""

import json
import shutil
import statistics

import ahead
import cells
import images
import measure
import programs
import servers

PIECE = 4 << 20


def resume(bench):
    """Kills a pull at several points and runs it again, into the store and in place. Returns checks and figures."""
    image, jobs, rate = bench.image("wide"), 8, 10_000_000
    whole = image.size / (jobs * rate)
    checks, figures = [], {}
    for way, name in (("store", "store"), ("no-cache", "--no-cache")):
        program = programs.Gantry(bench.gantry, way)
        for part in (0.25, 0.5, 0.75):
            directory = measure.fresh(bench.directory / "run")
            # One port for both runs: an archive names its image, registry and port included.
            with servers.Relay(bench.relay, bench.servers, "registry", ["--rate", rate]) as relay:
                target = programs.Target(f"127.0.0.1:{relay.port}", image, None, jobs)
                measure.run(program.command(target, directory), directory, kill_after=whole * part)
                measure.run(program.command(target, directory), directory)
            received = relay.counters["bytes_down"]
            measure.verify(program.output(directory), image)
            extra = max(received - image.size - (64 << 10), 0)
            figures[f"{name}, killed at {part:.0%}"] = {"bytes_down": received, "size": image.size}
            checks.append(cells.Check("resume after SIGKILL at any point", f"{name}, bytes fetched again, killed at {part:.0%}, 1 piece x {jobs}",
                                      extra / 2**20, PIECE * jobs / 2**20, "MiB"))
            shutil.rmtree(directory)
    return checks, figures


def limit_rate(bench):
    """A pull of a known size under --limit-rate: within 5 % of the rate."""
    image, rate = bench.image("wide"), 40_000_000
    directory = measure.fresh(bench.directory / "run")
    command = programs.Gantry(bench.gantry, "store").command(programs.Target(bench.host("registry"), image, None, 4), directory)
    cost = measure.run([*command, "--limit-rate", rate], directory)
    shutil.rmtree(directory)
    error = abs(image.size / cost.wall / rate - 1) * 100
    return [cells.Check("--limit-rate", "deviation from 40 MB/s", error, 5, "%")], {"wall": cost.wall}


def counted_syncs(bench, image, tags, jobs, directory):
    """What a list of 1,000 tags sends and takes the first time and again, counted by a relay in front of both ends."""
    figures = {}
    for again in (False, True):
        with servers.Relay(bench.relay, bench.servers, "registry", []) as counting:
            host = f"127.0.0.1:{counting.port}"
            listed = directory / "counted.json"
            listed.write_text(json.dumps([{"source": f"{host}/{image.name}", "target": "counted", "tags": tags}]))
            command = [bench.gantry, "sync", listed, "--to", host, "--plain-http", "-q", "-j", jobs, "--cache-dir", directory / "store"]
            cost = measure.run(command, directory)
        figures["1000 images, again, counted" if again else "1000 images, first time, counted"] = {
            "wall": cost.wall, "rss": cost.rss, **{name: counting.counters[name] for name in ("requests", "bytes_down", "bytes_up")}}
    return figures


def sync(bench):
    """1,000 tags that the target has already: as many HEADs, and memory that does not grow with the list."""
    tags, jobs, host = [f"t{i}" for i in range(1000)], 8, bench.host("registry")
    image = bench.image("multi")
    images.Pusher(host, image.name).tag(image, tags)
    checks, figures, costs = [], {}, {}
    directory = measure.fresh(bench.directory / "run")
    for count in (100, 1000):
        listed = directory / f"{count}.json"
        listed.write_text(json.dumps([{"source": f"{host}/{image.name}", "target": "mirrored", "tags": tags[:count]}]))
        command = [bench.gantry, "sync", listed, "--to", host, "--plain-http", "-q", "-j", jobs, "--cache-dir", directory / "store"]
        measure.run(command, directory)  # brings everything there
        costs[count] = [measure.run(command, directory) for _ in range(bench.runs)]
        figures[f"{count} images"] = {name: measure.median(costs[count], name) for name in ("wall", "cpu", "rss")}
    figures |= counted_syncs(bench, image, tags, jobs, directory)
    # skopeo has no notion of what it has synced: it asks for each manifest and compares.
    repository = directory / "skopeo.yaml"
    repository.write_text(json.dumps({host: {"tls-verify": False, "images": {image.name: tags}}}))
    skopeo = [programs.found("skopeo"), "sync", "--insecure-policy", "--all", "--dest-tls-verify=false", "--src", "yaml", "--dest", "docker", repository,
              f"{host}/skopeo"]
    figures["skopeo sync, all there"] = {name: getattr(measure.run(skopeo, directory), name) for name in ("wall", "cpu", "rss")}
    config = directory / "heads"
    config.write_text("".join(f'url = "http://{host}/v2/{image.name}/manifests/{tag}"\noutput = "/dev/null"\n' for tag in tags))
    heads = [programs.found("curl"), "-sSI", "-H", f"Accept: {images.ACCEPT}", "--parallel", "--parallel-max", jobs, "-K", config]
    floor = measure.median([measure.run(heads, directory) for _ in range(bench.runs)], "wall")
    figures["curl, 1000 HEADs"] = {"wall": floor}
    row = "sync of 1,000 images already there"
    checks.append(cells.Check(row, "wall, 1,000 HEADs x 1.2", figures["1000 images"]["wall"], floor * 1.2, "s"))
    checks.append(cells.Check(row, "peak RSS, that of 100 images + 2 MiB", figures["1000 images"]["rss"] / 2**20,
                              figures["100 images"]["rss"] / 2**20 + 2, "MiB"))
    shutil.rmtree(directory)
    return checks, figures


def jobs_table(bench):
    """`gantry bench` against a line of 10 MB/s per connection: what it recommends must be as fast as the line allows."""
    image, rate = bench.image("mid"), 10_000_000
    directory = measure.fresh(bench.directory / "run")
    with servers.Relay(bench.relay, bench.servers, "registry", ["--rate", rate]) as relay:
        command = [bench.gantry, "bench", "-q", "--json", "--plain-http", "--try", "1,4,8,auto", "--time", "3s",
                   f"127.0.0.1:{relay.port}/{image.name}:1"]
        found = json.loads(measure.output_of(command, directory))
    runs = {str(run["jobs"]): run["bytes_per_second"] for run in found["runs"]}
    shutil.rmtree(directory)
    best = max(runs.values())
    return [cells.Check("gantry bench", "MB/s that the best other setting has, over the recommended one's", best / 1e6,
                        runs[str(found["recommended"])] / 1e6 / 0.9, "MB/s")], {"bytes per second": runs, "recommended": found["recommended"]}


def request_ahead(bench):
    """The most that requests ahead could gain over a long line: many small blobs, and one large blob in segments of twenty round trips."""
    jobs, figures = 8, {}
    for name, shape, network, segment in (("60 x 0.7 MiB, RTT 100 ms", "small60", ["--delay", 50], None),
                                          ("one fat layer, RTT 40 ms, 10 MB/s per connection", "wide", ["--delay", 20, "--rate", 10_000_000], 8_000_000)):
        image = bench.image(shape)
        blobs = [blob for blob, _ in image.layers]
        path = lambda blob: f"/v2/{image.name}/blobs/{blob.digest}"
        wanted = [(path(blob), None) for blob in blobs] if segment is None else [
            (path(image.largest), (begin, min(begin + segment, image.largest.size) - 1)) for begin in range(0, image.largest.size, segment)]
        walls = {depth: [] for depth in (1, 2, 3)}
        for _ in range(bench.runs):
            for depth, found in walls.items():
                with servers.Relay(bench.relay, bench.servers, "registry", network) as relay:
                    found.append(ahead.fetch(relay.port, wanted, jobs, depth))
        figures[name] = {f"depth {depth}": statistics.median(found) for depth, found in walls.items()}
    return [], figures


SPECIAL = [
    ("request-ahead", "Requests ahead: seconds for the same bodies by the number of requests under way on a connection", request_ahead, lambda has: ""),
    ("resume", "Resume after SIGKILL", resume, lambda has: ""),
    ("bench", "gantry bench, 10 MB/s per connection", jobs_table, lambda has: ""),
    ("limit-rate", "--limit-rate 40 MB/s", limit_rate, lambda has: "" if has("pull", "--limit-rate") else "gantry pull has no --limit-rate yet"),
    ("sync", "sync of 1,000 images already there", sync, lambda has: "" if has("sync", "--to") else "gantry has no command sync yet"),
]
