"""Cells that are no plain comparison of programs: each is a function that returns its checks and figures."""

import json
import shutil
import statistics

import ahead
import budgets
import images
import line_rate
import measure
import programs
import servers

PIECE = 4 << 20


def resume(bench):
    """Kills a pull at several points and runs it again, into the store and in place. Returns checks and figures."""
    image, rate = bench.image("wide" if bench.arguments.full else "mid"), 10_000_000
    checks, figures = [], {}
    for way, name in (("store", "store"), ("no-cache", "--no-cache")):
        program = programs.Gantry(bench.gantry, way)
        for jobs in (8, 16, 0) if bench.arguments.full else (8,):
            # auto comes to sixteen: what was over before the kill would be fetched as a whole.
            most = jobs or 16
            whole = image.size / (most * rate)
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
                setting = f"{name}, -j {jobs or 'auto'}"
                figures[f"{setting}, killed at {part:.0%}"] = {"bytes_down": received, "size": image.size}
                checks.append(budgets.Check("resume after SIGKILL at any point", f"{setting}, bytes fetched again, killed at {part:.0%}, 1 piece x {most}",
                                          extra / 2**20, PIECE * most / 2**20, "MiB"))
                shutil.rmtree(directory)
    return checks, figures


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


def counted_shards(bench, image, tags, jobs, directory, shards=4):
    """The same 1,000 tags in 40 repositories and in parts, one after the other: what the largest part costs."""
    figures, port = {}, 0
    repositories, each = 40, len(tags) // 40
    for again in (False, True):
        costs = []
        for part in range(1, shards + 1):
            # One port for all: a repository belongs to a part by its whole name.
            with servers.Relay(bench.relay, bench.servers, "registry", [], port) as counting:
                port = counting.port
                host = f"127.0.0.1:{port}"
                listed = directory / "sharded.json"
                listed.write_text(json.dumps([{"source": f"{host}/{image.name}", "target": f"sharded{i}", "tags": tags[i * each:(i + 1) * each]}
                                              for i in range(repositories)]))
                command = [bench.gantry, "sync", listed, "--to", host, "--plain-http", "-q", "--json", "-j", jobs, "--cache-dir", directory / "store",
                           "--shard", f"{part}/{shards}", "--lock", directory / f"sharded.{part}.lock"]
                cost = measure.run(command, directory)
            costs.append({"wall": cost.wall, "rss": cost.rss, **{name: counting.counters[name] for name in ("requests", "bytes_down", "bytes_up")}})
        name = f"1000 images in {shards} parts, {'again' if again else 'first time'}, largest part"
        figures[name] = {what: max(cost[what] for cost in costs) for what in costs[0]}
    return figures


def distant_sync(bench, image, tags, jobs, directory):
    """1,000 tags that are there already, from one registry to another, both 20 ms away; and as many HEADs to one of them by curl."""
    network = ["--delay", 10]
    with servers.Relay(bench.relay, bench.servers, "registry", network) as near, servers.Relay(bench.relay, bench.servers, "registry", network) as far:
        listed = directory / "distant.json"
        listed.write_text(json.dumps([{"source": f"127.0.0.1:{near.port}/{image.name}", "target": "mirrored", "tags": tags}]))
        command = [bench.gantry, "sync", listed, "--to", f"127.0.0.1:{far.port}", "--plain-http", "-q", "-j", jobs, "--cache-dir", directory / "store"]
        cost = measure.run(command, directory)
        floor = measure.run(heads(f"127.0.0.1:{near.port}", image, tags, jobs, directory), directory)
    return cost.wall, floor.wall


def heads(host, image, tags, jobs, directory):
    """The command that asks for each of \p tags by one HEAD."""
    config = directory / "heads"
    config.write_text("".join(f'url = "http://{host}/v2/{image.name}/manifests/{tag}"\noutput = "/dev/null"\n' for tag in tags))
    return [programs.found("curl"), "-sSI", "-H", f"Accept: {images.ACCEPT}", "--parallel", "--parallel-max", jobs, "-K", config]


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
    figures |= counted_shards(bench, image, tags, jobs, directory)
    # skopeo has no notion of what it has synced: it asks for each manifest and compares. A part of the list is enough for the short form.
    asked = tags if bench.arguments.full else tags[:100]
    repository = directory / "skopeo.yaml"
    repository.write_text(json.dumps({host: {"tls-verify": False, "images": {image.name: asked}}}))
    skopeo = [programs.found("skopeo"), "sync", "--insecure-policy", "--all", "--dest-tls-verify=false", "--src", "yaml", "--dest", "docker", repository,
              f"{host}/skopeo"]
    figures[f"skopeo sync, {len(asked)} images"] = {name: getattr(measure.run(skopeo, directory), name) for name in ("wall", "cpu", "rss")}
    asking = heads(host, image, tags, jobs, directory)
    floor = measure.median([measure.run(asking, directory) for _ in range(bench.runs)], "wall")
    figures["curl, 1000 HEADs"] = {"wall": floor}
    distant, distant_floor = distant_sync(bench, image, tags, jobs, directory)
    figures["1000 images, both registries 20 ms away"] = {"wall": distant}
    figures["curl, 1000 HEADs, 20 ms away"] = {"wall": distant_floor}
    row = "sync of 1,000 images already there"
    checks.append(budgets.Check(row, "wall, 1,000 HEADs x 1.2", figures["1000 images"]["wall"], floor * 1.2, "s"))
    checks.append(budgets.Check(row, "wall, both registries 20 ms away, 1,000 HEADs x 1.2", distant, distant_floor * 1.2, "s"))
    checks.append(budgets.Check(row, "peak RSS, that of 100 images + 2 MiB", figures["1000 images"]["rss"] / 2**20,
                              figures["100 images"]["rss"] / 2**20 + 2, "MiB"))
    shutil.rmtree(directory)
    return checks, figures


def copy(bench):
    """An image from one registry into an empty one, by copy and by sync, beside skopeo copy; memory must not follow its size."""
    row, checks, figures = "copy between registries", [], {}
    source, jobs = bench.host("registry"), 8
    skopeo = programs.found("skopeo")
    for shape in ("small60", "wide", "huge") if bench.arguments.full else ("small60", "wide"):
        image, costs = bench.image(shape), {"gantry copy": [], "gantry sync": [], "skopeo copy": []}
        for run in range(bench.runs):
            for name, found in costs.items():
                directory = measure.fresh(bench.directory / "run")
                with servers.EmptyRegistry(directory / "target") as target:
                    taken, given = f"{source}/{image.name}:1", f"{target.host}/{image.name}:1"
                    if name == "gantry copy":
                        command = [bench.gantry, "copy", "-q", "-j", jobs, "--plain-http", "--cache-dir", directory / "store", taken, given]
                    elif name == "gantry sync":
                        listed = directory / "list.json"
                        listed.write_text(json.dumps([{"source": taken}]))
                        command = [bench.gantry, "sync", "-q", "-j", jobs, "--plain-http", "--cache-dir", directory / "store", listed, "--to", target.host]
                    elif skopeo:
                        command = [skopeo, "copy", "-q", "--insecure-policy", "--all", "--src-tls-verify=false", "--dest-tls-verify=false",
                                   f"docker://{taken}", f"docker://{given}"]
                    else:
                        continue
                    found.append(measure.run(command, directory))
                    if run == bench.runs - 1 and images.manifest_digest(target.host, image.name) != image.manifest.digest:
                        raise RuntimeError(f"{name} wrote another manifest than it read")
                shutil.rmtree(directory)
        figures |= {f"{name}, {shape}": {what: measure.median(found, what) for what in ("wall", "cpu", "rss")} for name, found in costs.items() if found}
        if skopeo:
            checks.append(budgets.Check(row, f"wall, {shape}, skopeo copy's", figures[f"gantry copy, {shape}"]["wall"],
                                      figures[f"skopeo copy, {shape}"]["wall"], "s"))
        for name in ("gantry copy", "gantry sync"):
            checks.append(budgets.Check(row, f"peak RSS, {name}, {shape}", figures[f"{name}, {shape}"]["rss"] / 2**20, 24, "MiB"))
    return checks, figures


def jobs_table(bench):
    """`gantry bench` against a line of 10 MB/s per connection: what it recommends must be as fast as the line allows."""
    image, rate, checks, figures = bench.image("mid"), 10_000_000, [], {}
    tried = "1,2,4,8,16,auto" if bench.arguments.full else "1,4,8,auto"
    directory = measure.fresh(bench.directory / "run")
    for place, words in (("to nowhere", []), ("to disk", ["--to-disk", directory])):
        with servers.Relay(bench.relay, bench.servers, "registry", ["--rate", rate]) as relay:
            command = [bench.gantry, "bench", "-q", "--json", "--plain-http", "--try", tried, "--time", "2s", *words,
                       f"127.0.0.1:{relay.port}/{image.name}:1"]
            found = json.loads(measure.output_of(command, directory))
        runs = {str(run["jobs"]): run["bytes_per_second"] for run in found["runs"]}
        figures |= {f"bytes per second, {place}": runs, f"recommended, {place}": found["recommended"]}
        checks.append(budgets.Check("gantry bench", f"{place}, MB/s that the best other setting has, over the recommended one's", max(runs.values()) / 1e6,
                                  runs[str(found["recommended"])] / 1e6 / 0.9, "MB/s"))
        if not bench.arguments.full:
            break
    shutil.rmtree(directory)
    return checks, figures


def request_ahead(bench):
    """The most that requests ahead could gain over a long line: many small blobs, and one large blob in segments of twenty round trips."""
    jobs, figures = 8, {}
    for name, shape, network, segment in (("60 x 0.7 MiB, RTT 100 ms", "small60", ["--delay", 50], None),
                                          ("one fat layer, RTT 40 ms, 10 MB/s per connection", "mid", ["--delay", 20, "--rate", 10_000_000], 8_000_000)):
        image = bench.image(shape)
        blobs = [blob for blob, _ in image.layers]
        path = lambda blob: f"/v2/{image.name}/blobs/{blob.digest}"
        wanted = [(path(blob), None) for blob in blobs] if segment is None else [
            (path(image.largest), (begin, min(begin + segment, image.largest.size) - 1)) for begin in range(0, image.largest.size, segment)]
        walls = {depth: [] for depth in (1, 2, 3)}
        # A line without a budget that takes long: once is enough for its short form.
        for _ in range(bench.runs if bench.arguments.full or segment is None else 1):
            for depth, found in walls.items():
                with servers.Relay(bench.relay, bench.servers, "registry", network) as relay:
                    found.append(ahead.fetch(relay.port, wanted, jobs, depth))
        figures[name] = {f"depth {depth}": statistics.median(found) for depth, found in walls.items()}
    return [], figures


SPECIAL = [
    ("request-ahead", "Requests ahead: seconds for the same bodies by the number of requests under way on a connection", request_ahead, lambda has: ""),
    ("resume", "Resume after SIGKILL", resume, lambda has: ""),
    ("bench", "gantry bench, 10 MB/s per connection", jobs_table, lambda has: ""),
    ("limit-rate", "--limit-rate, in all and on the line", line_rate.limit_rate, lambda has: "" if has("pull", "--limit-rate") else "gantry pull has no --limit-rate yet"),
    ("copy", "Copy between registries", copy, lambda has: ""),
    ("sync", "sync of 1,000 images already there", sync, lambda has: "" if has("sync", "--to") else "gantry has no command sync yet"),
]
