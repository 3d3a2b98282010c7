"""What a cell is made of, the medians that it comes to, and how these are judged."""

import dataclasses

REFERENCE_HASH = 0.73  # CPU seconds per GB of `openssl dgst -sha256` where the limits were taken
GANTRY, OTHER, PART, FLOOR = "gantry", "other", "part", "floor"  # part: moves one blob, and does not verify it
EXTRA = 3  # percent of an image that may come twice or for nothing


@dataclasses.dataclass
class Entry:
    """One program in one setting. relay: arguments of the network, None for a direct connection."""

    label: str
    program: object
    role: str
    jobs: int = 0
    relay: list = None
    to: str = "registry"
    warm: bool = False  # its store holds everything already
    once: bool = False  # long and the same every time, or nothing depends on it
    disk: bool = False  # writes to a disk in place of the working directory, which is memory where there is room
    faulty: bool = False  # its line or server fails on purpose


@dataclasses.dataclass
class Check:
    """One budget: measured against limit, both in `unit`."""

    row: str
    what: str
    measured: float
    limit: float
    unit: str

    @property
    def met(self):
        return self.measured <= self.limit


@dataclasses.dataclass
class Cell:
    name: str
    title: str
    shape: str
    entries: list
    checks: object  # function of Results
    missing: str = ""  # why it cannot run yet
    runs: int = 0  # instead of the usual number


class Results:
    """Medians of a cell, by label."""

    def __init__(self, image, medians, sha_seconds_per_gb):
        self.image, self.medians, self.sha = image, medians, sha_seconds_per_gb

    def of(self, label, name="wall"):
        return self.medians[label][name]

    def other(self, but=()):
        """The other program that is fastest, by label, and its time; None where there is none. but: labels that do not count."""
        walls = {label: each["wall"] for label, each in self.medians.items() if each["role"] == OTHER and label not in but}
        return min(walls.items(), key=lambda item: item[1]) if walls else None

    def judged(self, name="wall", prefix="gantry"):
        """Of gantry's settings whose label starts with prefix the best median and that of the default, each with its setting in words."""
        medians = {label: each[name] for label, each in self.medians.items() if each["role"] == GANTRY and label.startswith(prefix)}
        default = f"{prefix.removesuffix(' -j')} -j auto"
        return [(f"best of {in_words(medians)}", min(medians.values())), (in_words([default]), medians[default])]

    @property
    def cpu_scale(self):
        """CPU limits of PERFORMANCE were taken where reading a file and hashing it costs 0.09 + 0.64 s per GB; here it costs `sha`."""
        return self.sha / REFERENCE_HASH if self.sha else 1.0


def in_words(labels):
    """Settings of gantry as one writes them: the numbers of connections after each way to pull."""
    ways = {}
    for label in labels:
        way, _, jobs = label.removeprefix("gantry").strip().rpartition("-j ")
        ways.setdefault(way, []).append(jobs)
    return " and ".join(f"{way}-j {', '.join(jobs)}" for way, jobs in ways.items())


def for_each(row, judged, what, budget, limit, unit="s"):
    """The same limit for each of `judged`, pairs of words and a median."""
    return [Check(row, f"{what}, {words}, {budget}", measured, limit, unit) for words, measured in judged]


def against_others(row, judged, results, factor, but=()):
    """but: labels of programs that the row does not compare with."""
    best = results.other(but)
    return for_each(row, judged, "wall", f"best other tool ({best[0]}) x {factor:g}", best[1] * factor) if best else []


def extra_bytes(cells):
    """What gantry received beyond the images where nothing fails on purpose, out of the records of cells: the worst setting, and all of them."""
    found = [(each["bytes_down"], cell["size"], f"{cell['name']}, {label.removeprefix('gantry ')}") for cell in cells
             for label, each in cell.get("medians", {}).items() if each["role"] == GANTRY and each["bytes_down"] and not each.get("faulty")]
    if not found:
        return []
    percent = lambda received, size: max(received / size - 1, 0) * 100
    received, size, worst = max(found, key=lambda each: percent(*each[:2]))
    row = "extra bytes, cells without faults"
    return [Check(row, f"bytes beyond the image, the worst setting ({worst})", percent(received, size), EXTRA, "%"),
            Check(row, f"bytes beyond the images, {len(found)} settings together", percent(*map(sum, zip(*(each[:2] for each in found)))), EXTRA, "%")]
