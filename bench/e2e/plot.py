"""The plots beside a page of results, from the page's own tables. Usage: plot.py RESULTS.md [connections] > RESULTS.svg
connections: bytes per second by the number of connections, RESULTS-connections.svg; else bars of all times"""
import html
import math
import re
import sys

import report

# What is drawn by the number of connections: the beginning of a section's title, what stands between "gantry" and "-j N", a name, a colour.
LINES = [
    ("Loopback HTTP, 1 x", "--no-cache", "loopback", "#1b7837"),
    ("Loopback TLS, one fat layer", "", "loopback, TLS, with the store", "#762a83"),
    ("RTT 50 ms, 1 Gbit/s in all", "to store", "RTT 50 ms, 1 Gbit/s in all", "#2166ac"),
    ("gantry bench, 10 MB/s per connection", "to nowhere", "10 MB/s per connection", "#d6604d"),
]


def sections(page):
    """Titles and texts of what begins with "### "."""
    for section in re.split(r"^### ", page.split("\n## Figures")[-1].split("\n## ")[0], flags=re.M)[1:]:
        title, _, rest = section.partition("\n")
        yield title, rest


def cells_of(page):
    """Titles and wall times of the sections that have a table of programs."""
    for title, rest in sections(page):
        medians = {}
        for label, wall in re.findall(r"^\| ([^|]+) \| ([0-9.]+) \|", rest, re.M):
            role = "gantry" if label.startswith("gantry") else "floor" if "(floor)" in label else "part" if "(blob only)" in label else "other"
            medians[label] = {"wall": float(wall), "walls": [float(wall)], "role": role}
        if medians and not title.startswith("Peak memory"):  # there the times are not the point
            yield {"title": title, "medians": medians}


def origin(page):
    """Processor, number of cores and time of the measurement."""
    machine = re.search(r"^- Machine: ([^,]+), (\d+) cores", page, re.M)
    return machine[1], machine[2], re.search(r"^- Date: ([^,]+),", page, re.M)[1]


def page_svg(page):
    cpu, cores, date = origin(page)
    return report.svg({"cells": list(cells_of(page)), "cpu": cpu, "cores": cores, "date": date})


def rates(rest, variant):
    """MB/s by what -j was given, "auto" included: of a section's table, with the bytes of the row that took the fewest; or of a list of such rates."""
    if listed := re.search(rf"^- bytes per second, {re.escape(variant)}: (.*)$", rest, re.M):
        return {setting: float(rate) / 1e6 for setting, rate in (pair.split() for pair in listed[1].split(", "))}
    rows = re.findall(r"^\| ([^|]+) \| ([0-9.]+) \|.*\| ([0-9.]+) \|$", rest, re.M)
    words = " ".join(["gantry", *variant.split(), "-j"])
    size = min((float(down) for label, _, down in rows if label.startswith("gantry")), default=0)
    return {label.removeprefix(words).strip(): size / float(wall) for label, wall, _ in rows if re.fullmatch(rf"{re.escape(words)} (\d+|auto)", label)}


def connections_svg(page):
    """Bytes per second over the number of connections, both in powers; what -j auto came to stands at the right."""
    found = [(name, colour, rates(rest, variant)) for begin, variant, name, colour in LINES for title, rest in sections(page) if title.startswith(begin)]
    found = [(name, colour, rate) for name, colour, rate in found if rate]
    every = [rate for _, _, line in found for rate in line.values()]
    width, height, left, right, top, bottom = 760, 420, 70, 690, 60, 370
    marks = [base * 10**power for power in range(-2, 6) for base in (1, 2, 5)]
    low, high = max(mark for mark in marks if mark < 0.99 * min(every)), min(mark for mark in marks if mark >= max(every))
    settings = ["1", "2", "4", "8", "16"]
    step = (right - left - 40) / len(settings)

    def across(setting):
        return left + 20 + step * (len(settings) if setting == "auto" else math.log2(int(setting)))

    def up(rate):
        return bottom - (bottom - top) * math.log(rate / low) / math.log(high / low)

    cpu, cores, date = origin(page)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" font-size="11">',
             '<rect width="100%" height="100%" fill="white"/>',
             f'<text x="10" y="16">MB/s of gantry by the number of connections (-j), one large image, {html.escape(cpu)}, {cores} cores, {html.escape(date)}.</text>',
             '<text x="10" y="31">Both axes are logarithmic. At the right what -j auto came to, with up to 16 connections.</text>']
    for rate in (mark for mark in marks if low <= mark <= high):
        parts.append(f'<path d="M{left} {up(rate):.1f}H{right}" stroke="#dddddd"/><text x="{left - 8}" y="{up(rate) + 4:.1f}" text-anchor="end">{rate:g} MB/s</text>')
    for setting in [*settings, "auto"]:
        parts.append(f'<text x="{across(setting):.1f}" y="{bottom + 18}" text-anchor="middle">{"-j " * (setting == "auto")}{setting}</text>')
    parts.append(f'<text x="{(left + right) / 2:.1f}" y="{bottom + 36}" text-anchor="middle">connections</text>')
    for name, colour, line in found:
        fixed = sorted((int(setting), rate) for setting, rate in line.items() if setting != "auto")
        parts.append(f'<path d="M{"L".join(f"{across(str(number)):.1f} {up(rate):.1f}" for number, rate in fixed)}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for setting, rate in line.items():
            parts.append(f'<circle cx="{across(setting):.1f}" cy="{up(rate):.1f}" r="4" fill="{colour}"><title>{html.escape(name)}, -j {setting}: {rate:.0f} MB/s</title></circle>')
        number, rate = fixed[0]
        # Below a line that rises, above any other.
        away = 16 if fixed[-1][1] > 1.5 * rate else -9
        parts.append(f'<text x="{across(str(number)) + (away > 0) * 12:.1f}" y="{up(rate) + away:.1f}" fill="{colour}">{html.escape(name)}</text>')
    return "\n".join(parts) + "\n</svg>\n"


# What stands beside NAME.md, by the end of its name.
PICTURES = {".svg": page_svg, "-connections.svg": connections_svg}


def write(page, beside):
    """Writes the pictures of a page beside the file that has it."""
    for end, picture in PICTURES.items():
        beside.with_name(beside.stem + end).write_text(picture(page))


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        sys.stdout.write((connections_svg if sys.argv[2:] == ["connections"] else page_svg)(file.read()))
