"""The benchmark matrix: which programs run side by side over which network, and what the budgets of the result are."""

import programs
from budgets import FLOOR, GANTRY, OTHER, PART, Cell, Check, Entry, against_others, for_each

GB = 1e9


class Matrix:
    """Builds the cells. has(command, option): whether gantry has it by now."""

    def __init__(self, gantry, has, servers, full):
        self.gantry, self.has, self.servers, self.full = gantry, has, servers, full

    def pull(self, way, jobs, **rest):
        label = {"tar": "gantry", "store": "gantry to store", "no-cache": "gantry --no-cache", "gzip": "gantry tar.gz",
                 "synology": "gantry synology"}[way]
        network = rest.pop("suffix", "")
        return Entry(f"{label} -j {jobs or 'auto'}{network}", programs.Gantry(self.gantry, way), GANTRY, jobs, **rest)

    def others(self, names, jobs=0, compared=False, **rest):
        """Those of the other programs that are installed. compared: a budget depends on the best of them, so that one run does not do."""
        rest.setdefault("once", not self.full and not compared)
        makers = {"skopeo oci": programs.Skopeo("oci"), "skopeo docker-archive": programs.Skopeo("archive"), "crane tar": programs.Crane("tar"),
                  "crane oci": programs.Crane("oci"), "oras layout": programs.Oras(), "regctl ocidir": programs.Regctl(), "ctr fetch": programs.Ctr(self.servers.containerd)}
        there = lambda name: self.servers.containerd is not None if name == "ctr fetch" else programs.found(name.split()[0]) is not None
        return [Entry(name, makers[name], OTHER, jobs, **rest) for name in names if there(name)]

    def floor(self, label, program, jobs=0, **rest):
        return [Entry(label, program, FLOOR, jobs, **rest)]

    def aria2(self, jobs, **rest):
        return [Entry(f"aria2c -x{jobs}", programs.Aria2(), PART, jobs, **rest)] if programs.found("aria2c") else []

    everyone = ("skopeo oci", "crane tar", "crane oci", "oras layout", "regctl ocidir", "ctr fetch")

    def compared_others(self):
        """All of them for a budget over loopback, where containerd takes twice as long as the best."""
        slow = "ctr fetch"
        return [*self.others([name for name in self.everyone if name != slow], compared=True), *self.others([slow])]

    def cells(self):
        stall = self.faulty("stall", "one connection in 8 stalls", "one in eight goes silent", "--stall-one-in", 8)
        # The other faults have no budget of their own: what holds for a stall holds for them. The short form has no time for them.
        # A connection that never answers is met by asking again after some seconds, which is most of the time of so short a transfer.
        # There is no line that loses packets here (no netem): pauses are what loss comes to where only a timer of TCP notices it, a tenth of the time.
        # A request that is refused for a second has to wait for it, while the others go on; the last of a transfer may be refused again.
        more = [self.faulty("mute", "one connection in 8 never answers", "one in eight never answers", "--stall-one-in", 8, "--fault-after", 0, longest=8),
                self.faulty("reset", "one connection in 4 is reset", "one in four is reset", "--reset-one-in", 4),
                self.faulty("crawl", "one connection in 8 falls to 10 KiB/s", "one in eight falls to 10 KiB/s", "--crawl-one-in", 8),
                self.faulty("pauses", "pauses as of lost packets", "each pauses for 0.2 to 1 s every 6 s, as after lost packets", "--pause-every", 6000),
                self.faulty("refusals", "one request in 8 is refused (429, Retry-After: 1)", "one request in eight is answered by 429", sound="direct",
                            bad="refusing", longest=2, shape="wide"), self.disk()]
        return [self.fat(), self.equal(), self.tls(), *(self.small(count) for count in (60, 120)), self.capped(), self.ocean(), self.wan(),
                self.first_bytes("registry"), self.first_bytes("front"), self.far_small(), stall, *(more if self.full else []), self.warm(),
                self.rss(), self.rss_many(), self.synology()]

    def fat(self):
        counts = (1, 4, 8) if self.full else (1, 4)
        entries = [*(self.pull(way, jobs) for way in ("no-cache", "tar") for jobs in (*counts, 0)),
                   self.pull("store", 4), *self.compared_others(), *(self.others(["skopeo docker-archive"]) if self.full else []),
                   *self.aria2(8), *self.floor("curl 4 ranges", programs.Curl(), 4),
                   *self.floor("sha256 of the file", programs.Hash(self.servers.storage))]

        def checks(results):
            size = results.image.size / GB
            row, store_row = "loopback HTTP, one fat layer, --no-cache to tar", "the same with the store (store + tar)"
            wall_floor = max(results.of("curl 4 ranges"), results.of("sha256 of the file"))
            walls, cpu_floor = results.judged(prefix="gantry --no-cache"), 1.09 * size * results.cpu_scale
            return [*for_each(row, results.judged("cpu", "gantry --no-cache"), "CPU", "1.09 s/GB x 1.25", cpu_floor * 1.25),
                    *for_each(row, walls, "wall", "floor x 1.3", wall_floor * 1.3),
                    *against_others(row, walls, results, 0.55),
                    *for_each(store_row, results.judged(prefix="gantry -j"), "wall", "the best without it x 1.6", walls[0][1] * 1.6)]

        return Cell("fat", *(("Loopback HTTP, 1 x 724 MiB", "fat") if self.full else ("Loopback HTTP, 1 x 192 MiB", "wide")), entries, checks)

    def equal(self):
        entries = [self.pull("no-cache", 8), *(self.pull("tar", jobs) for jobs in ((4, 8, 0) if self.full else (8, 0))),
                   *self.compared_others(), *self.floor("curl 8 at once", programs.Curl(), 8)]

        def checks(results):
            return against_others("loopback HTTP, 8 equal layers", results.judged(), results, 0.5)

        return Cell("equal", *(("Loopback HTTP, 8 x 90 MiB", "equal") if self.full else ("Loopback HTTP, 8 x 32 MiB", "equal-short")), entries, checks)

    def tls(self):
        entries = [self.pull("no-cache", 4, to="tls"), *(self.pull("tar", jobs, to="tls") for jobs in (1, 4, 0)),
                   *self.others(("skopeo oci", "crane oci", "oras layout"), to="tls"),
                   *self.floor("curl 4 ranges", programs.Curl(), 4, to="tls")]

        def checks(results):
            limit = 1.72 * results.image.size / GB * results.cpu_scale * 1.2
            return for_each("loopback TLS", results.judged("cpu"), "CPU", "1.72 s/GB x 1.2", limit)

        return Cell("tls", "Loopback TLS, one fat layer", "fat" if self.full else "wide", entries, checks)

    def small(self, count):
        entries = [self.pull("no-cache", 8), *(self.pull("tar", jobs) for jobs in (8, 0)), *self.others(self.everyone),
                   *self.floor("curl 8 at once", programs.Curl(), 8)]

        def checks(results):
            return for_each("60-120 small layers, loopback", results.judged(), f"wall, {count} layers", "parallel curl x 1.15",
                            results.of("curl 8 at once") * 1.15)

        return Cell(f"small{count}", f"Loopback HTTP, {count} x 0.7 MiB", f"small{count}", entries, checks)

    def capped(self):
        rate, shape = 10e6, "fat" if self.full else "wide"
        network = ["--rate", int(rate)]
        counts = (8, 16) if self.full else (8,)
        entries = [*(self.pull("store", jobs, relay=network) for jobs in (*counts, 0)),
                   *(entry for jobs in counts for entry in self.floor(f"curl {jobs} ranges", programs.Curl(), jobs, relay=network)),
                   *(self.aria2(8, relay=network) if self.full else [])]

        def checks(results):
            # auto begins with four and has to find out that more are faster: it is judged by eight.
            return [Check("per-connection cap c, -j n, fat layer", f"wall, -j {jobs or 'auto'}, size / ({jobs or 8} x 10 MB/s) x 1.10",
                          results.of(f"gantry to store -j {jobs or 'auto'}"), results.image.size / ((jobs or 8) * rate) * 1.10, "s") for jobs in (*counts, 0)]

        return Cell("capped", "10 MB/s per connection, one fat layer", shape, entries, checks)

    def ocean(self):
        network = ["--delay", 20, "--rate", 10_000_000]
        entries = [self.pull("no-cache", 8, relay=network), *(self.pull("tar", jobs, relay=network) for jobs in (8, 0)),
                   *self.others(self.everyone, relay=network)]
        return Cell("ocean", "RTT 40 ms, 10 MB/s per connection, 112 MiB with one layer of 62 %", "mid", entries, lambda results: [])

    def wan(self):
        network = ["--delay", 25, "--total-rate", int(125e6 * 0.94)]
        entries = [*(self.pull("store", jobs, relay=network) for jobs in ((4, 8, 0) if self.full else (8, 0))),
                   *self.others(("skopeo oci", "oras layout", "crane oci"), relay=network), *self.floor("curl 4 ranges", programs.Curl(), 4, relay=network)]

        def checks(results):
            # Connect, manifest, first byte of the layer: three round trips.
            ideal = results.image.size / (125e6 * 0.94) + 3 * 0.05
            return [Check("RTT 50 ms, 1 Gbit/s", f"wall, {entry.label.removeprefix('gantry to store ')}, (size / 0.94 B + setup) x 1.10", results.of(entry.label),
                          ideal * 1.10, "s") for entry in entries if entry.role == GANTRY]

        return Cell("wan", "RTT 50 ms, 1 Gbit/s in all, one fat layer", "fat" if self.full else "wide", entries, checks)

    def first_bytes(self, to):
        network, challenged = ["--delay", 50], to == "front"
        entries = [*(self.pull("store", jobs, relay=network, to=to) for jobs in (8, 0)), *self.others(self.everyone, relay=network, to=to),
                   *self.floor("curl replay", programs.Replay(challenged, True), relay=network, to=to)]

        def checks(results):
            row, slack = "RTT 100 ms, 4 layers, 3.3 MB", 0.08
            what, limit = ("the requests replayed by curl", results.of("curl replay")) if challenged else ("4 RTT", 0.4)
            return [Check(row, f"wall, {setting}, {what} + 0.8 RTT", results.of(f"gantry to store {setting}"), limit + slack, "s")
                    for setting in ("-j 8", "-j auto")]

        name, title = ("rtt-auth", "with token and redirect") if challenged else ("rtt", "plain")
        missing = "nginx is not installed" if challenged and not self.servers.has_nginx else ""
        return Cell(name, f"RTT 100 ms, 4 layers of 3.3 MB in all, {title}", "multi", entries, checks, missing)

    def far_small(self):
        network = ["--delay", 50]
        entries = [self.pull("store", 8, relay=network), *self.others(self.everyone, jobs=8, compared=True, relay=network),
                   *self.floor("curl 8 at once", programs.Curl(), 8, relay=network)]

        def checks(results):
            # The row is about eight connections: `ctr content fetch` cannot be held to them, and opens one a layer.
            judged = [("--store-only", results.of("gantry to store -j 8"))]
            return against_others("RTT 100 ms, 60 small layers, -j 8", judged, results, 0.65, but=("ctr fetch",))

        return Cell("far-small", "RTT 100 ms, 60 x 0.7 MiB", "small60", entries, checks)

    def faulty(self, name, row, words, *fault, sound="registry", bad="registry", longest=0, shape=None):
        """The sound server over a sound line, beside the bad one over a line with the fault. longest: seconds that the fault may take at least."""
        line, settings = ["--rate", 10_000_000, "--delay", 10], (8, 0) if self.full else (8,)
        entries = [entry for jobs in settings for entry in (self.pull("store", jobs, relay=line, to=sound, suffix=", sound"),
                                                            self.pull("store", jobs, relay=[*line, *fault], to=bad, suffix=f", {name}", faulty=True))]

        def checks(results):
            found = []
            for setting in (f"-j {jobs or 'auto'}" for jobs in settings):
                plain, bad = (results.of(f"gantry to store {setting}, {suffix}") for suffix in ("sound", name))
                limit, what = max((plain * 1.2, "x 1.2"), (plain + longest, f"+ {longest} s"))
                found.append(Check(row, f"wall, {setting}, without the fault {what}", bad, limit, "s"))
            return found

        missing = "nginx is not installed" if sound == "direct" and not self.servers.has_nginx else ""
        return Cell(name, f"10 MB/s per connection, {words}", shape or ("fat" if self.full else "wide"), entries, checks, missing)

    def disk(self):
        """The fat layer of the first cell onto a disk: gantry has it there when it ends (fdatasync), the others leave that to the system. containerd
        keeps its content elsewhere."""
        entries = [self.pull("no-cache", 4, disk=True), self.pull("tar", 4, disk=True), self.pull("store", 4, disk=True),
                   *self.others([name for name in self.everyone if name != "ctr fetch"], disk=True), *self.aria2(8, disk=True)]
        entries += [Entry(f"{entry.label}, sync", programs.Synced(entry.program), entry.role, entry.jobs, disk=True, once=entry.once)
                    for entry in entries if entry.role == OTHER]
        return Cell("disk", "Loopback HTTP, one fat layer to a disk", "fat" if self.full else "wide", entries, lambda results: [])

    def warm(self):
        entries = [self.pull("store", 0, warm=True), *self.floor("curl, the manifest", programs.ManifestOnly())]

        def checks(results):
            return [Check("everything in the store already, --store-only", "wall, one GET + 50 ms", results.of("gantry to store -j auto"),
                          results.of("curl, the manifest") + 0.05, "s")]

        return Cell("warm", "Loopback, everything in the store already", "equal" if self.full else "equal-short", entries, checks)

    def rss(self):
        ways = ("store", "tar", "gzip")
        entries = [*(self.pull(way, 16) for way in ways), self.pull("tar", 16, to="tls", suffix=", TLS"), self.pull("no-cache", 16), self.pull("store", 1)]
        shape, layer = ("huge", "one layer of 4 GiB") if self.full else ("wide", "one layer of 192 MiB")
        return Cell("rss", f"Peak memory, -j 16, {layer}", shape, entries, self.worst_memory(layer), runs=1)

    def rss_many(self):
        entries = [self.pull(way, 16, to="tls", suffix=", TLS") for way in ("store", "tar", "no-cache")]
        return Cell("rss-many", "Peak memory, -j 16, 120 x 0.7 MiB over TLS", "small120", entries, self.worst_memory("120 layers of 0.7 MiB"), runs=1)

    def worst_memory(self, layers):
        def checks(results):
            worst = max(each["rss"] for each in results.medians.values())
            return [Check("peak RSS, gzip layers of any size, -j 16", f"{layers}, worst way to pull, one run", worst / 2**20, 24, "MiB")]

        return checks

    def synology(self):
        missing = "" if self.has("pull", "synology") else "gantry pull has no format synology yet"
        entries = [self.pull("synology", 4, suffix=", first time"), self.pull("synology", 4, suffix=", again", warm=True),
                   *self.floor("gunzip and gzip -1", programs.Recompress(self.servers.storage), once=True)]

        def checks(results):
            row, floor = ".tar.gz, synology, 1 GB of gzip layers", results.of("gunzip and gzip -1")
            return [Check(row, "wall, record in meta/, inflate + gzip -1 / 10", results.of("gantry synology -j 4, again"), floor / 10, "s"),
                    Check(row, "wall, first time, inflate + gzip -1 / 3", results.of("gantry synology -j 4, first time"), floor / 3, "s")]

        title = f"{'1' if self.full else '0.3'} GB of gzip layers, synology, .tar.gz"
        return Cell("synology", title, "text" if self.full else "text-short", entries, checks, missing)
