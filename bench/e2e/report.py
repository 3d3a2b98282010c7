"""Tables, the SVG plot and the page of results, all from the document that run.py writes as JSON."""

import html
import os
import pathlib
import platform
import re

import again
import budgets
import programs


def cpu_model():
    found = re.search(r"model name\s*:\s*(.*)", pathlib.Path("/proc/cpuinfo").read_text())
    return found[1] if found else platform.machine()


def machine(bench, command):
    """What the figures belong to."""
    versions = {name: programs.version_of(name) for name in programs.VERSIONS}
    version = programs.subprocess.run([bench.gantry, "--version"], capture_output=True, text=True).stdout.strip().splitlines()
    return {
        "form": "full" if bench.arguments.full else "short",
        "runs": bench.runs,
        "command": os.environ.get("GANTRY_BENCH_COMMAND") or " ".join(command),
        "revision": os.environ.get("GANTRY_BENCH_REVISION", ""),
        "cpu": cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "kernel": platform.release(),
        "load_at_start": os.getloadavg()[0],
        "work_dir": str(bench.arguments.work_dir),
        "absent": [name for name in programs.VERSIONS if not programs.found(name)],
        "versions": {"gantry": version[0] if version else "unknown", **{name: text for name, text in versions.items() if text}},
    }


def shown(value, form="{:.2f}", scale=1.0):
    return "-" if value is None else form.format(value / scale)


def plainly(value):
    """A figure, or figures by name, as a reader wants them."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {plainly(each)}" for name, each in value.items())
    return f"{value:.3f}" if isinstance(value, float) else str(value)


COLUMNS = [("wall s", lambda each: shown(each["wall"])), ("CPU s", lambda each: shown(each["cpu"])),
           ("registry CPU s", lambda each: shown(each["server_cpu"])),
           ("RSS MiB", lambda each: shown(each["rss"], "{:.1f}", 2**20)), ("conns", lambda each: shown(each["connections"], "{:.0f}")),
           ("requests", lambda each: shown(each["requests"], "{:.0f}")), ("MB down", lambda each: shown(each["bytes_down"], "{:.1f}", 1e6))]


def table(result):
    """Rows of text of one cell, head first."""
    rows = [["program", *(name for name, _ in COLUMNS)]]
    most = max(len(each["walls"]) for each in result["medians"].values())
    for label, each in result["medians"].items():
        single = " (one run)" if len(each["walls"]) < most else ""
        rows.append([label + {"floor": " (floor)", "part": " (blob only)"}.get(each["role"], "") + single, *(show(each) for _, show in COLUMNS)])
    return rows


def print_cell(result):
    print(f"\n{result['name']}: {result['title']} ({result['seconds']} s)")
    if "medians" in result:
        rows = table(result)
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        for row in rows:
            print("  " + row[0].ljust(widths[0]) + "".join("  " + text.rjust(width) for text, width in zip(row[1:], widths[1:])))
        for label, why in result["failures"].items():
            print(f"  {label}: {why}")
    for name, figures in result.get("figures", {}).items():
        print(f"  {name}: {figures}")
    if result.get("missing"):
        print(f"  not yet: {result['missing']}")
    for check in result.get("checks", []):
        print("  " + verdict(check))
    print(end="", flush=True)


def verdict(check):
    return (f"{'met   ' if check['met'] else 'MISSED'} {check['row']}: {check['what']}: {check['measured']:.2f} of {check['limit']:.2f} {check['unit']}"
            f" ({check['measured'] / check['limit']:.2f})")


def all_checks(document):
    return [check for cell in document["cells"] for check in cell.get("checks", [])] + document.get("checks", [])


def print_checks(document):
    print("\nBudgets")
    for check in all_checks(document):
        print("  " + verdict(check))
    for cell in document["cells"]:
        if cell.get("missing"):
            print(f"  not yet {cell['name']}: {cell['missing']}")
    print(end="", flush=True)


def results_page(document):
    lines = ["# Results", "", "Written by `bench/run.sh --write-results`; not to be edited.", "",
             f"- Date: {document['date']}, revision {document['revision'] or 'unknown'}, {document['seconds']} s in all",
             f"- Command: `{document['command']}` ({document['form']} form, {document['runs']} interleaved runs, medians)",
             *again.lines_of(document),
             f"- Machine: {document['cpu']}, {document['cores']} cores, {document['memory_gib']} GiB, kernel {document['kernel']}; load before the start {document['load_at_start']:.1f}; "
             f"output to {document['work_dir']}",
             f"- SHA-256 of a file costs {shown(document['sha256_seconds_per_gb'])} CPU s/GB here; CPU limits are scaled by that over {budgets.REFERENCE_HASH}",
             "- Versions: " + "; ".join(document["versions"].values()),
             *([f"- Not on this machine: {', '.join(document['absent'])}"] if document.get("absent") else []),
             "- Where a missed budget goes, with profiles and what was tried: [PERFORMANCE.md](../docs/PERFORMANCE.md#where-missed-budgets-go)", "", "## Budgets", "",
             "| cell | budget | measured | limit | measured / limit | |", "|---|---|---|---|---|---|"]
    for check in all_checks(document):
        lines.append(f"| {check['row']} | {check['what']} | {check['measured']:.2f} {check['unit']} | {check['limit']:.2f} {check['unit']} | "
                     f"{check['measured'] / check['limit']:.2f} | {'met' if check['met'] else '**missed**'} |")
    for cell in document["cells"]:
        if cell.get("missing"):
            lines.append(f"| {cell['title']} | | | | | not yet: {cell['missing']} |")
    lines += ["", "## Figures", "", "Connections, requests and bytes are those that the relay saw; where a cell has a direct connection, in a run of its own."]
    for cell in document["cells"]:
        if cell.get("figures"):
            lines += ["", f"### {cell['title']}", ""]
            lines += [f"- {name}: {plainly(value)}" for name, value in cell["figures"].items()]
        if "medians" not in cell:
            continue
        rows = table(cell)
        lines += ["", f"### {cell['title']}", "", "| " + " | ".join(rows[0]) + " |", "|" + "---|" * len(rows[0])]
        lines += ["| " + " | ".join(row) + " |" for row in rows[1:]]
        lines += [f"\n{label} failed: {why}" for label, why in cell["failures"].items()]
    return "\n".join(lines) + "\n"


COLOURS = {"gantry": "#2166ac", "other": "#b2b2b2", "part": "#dddddd", "floor": "#5aae61"}


def svg(document):
    """Bars of the median wall time of every program, a panel per cell, whiskers from the fastest to the slowest run."""
    width, left, bar, gap = 900, 270, 14, 5
    parts, y = [], 56
    for cell in document["cells"]:
        if not cell.get("medians"):
            continue
        longest = max(max(each["walls"]) for each in cell["medians"].values())
        scale = (width - left - 80) / longest
        parts.append(f'<text x="10" y="{y}" font-weight="bold">{html.escape(cell["title"])}</text>')
        y += 10
        for label, each in cell["medians"].items():
            length, middle = each["wall"] * scale, y + bar / 2
            low, high = min(each["walls"]) * scale + left, max(each["walls"]) * scale + left
            parts.append(f'<text x="{left - 8}" y="{y + bar - 3}" text-anchor="end">{html.escape(label)}</text>')
            parts.append(f'<rect x="{left}" y="{y}" width="{max(length, 1):.1f}" height="{bar}" fill="{COLOURS[each["role"]]}"/>')
            parts.append(f'<path d="M{low:.1f} {middle}H{high:.1f}" stroke="black"/>')
            parts.append(f'<text x="{max(left + length, high) + 6:.1f}" y="{y + bar - 3}">{each["wall"]:.2f} s</text>')
            y += bar + gap
        y += 30
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{y}" font-family="sans-serif" font-size="11">'
            f'<rect width="100%" height="100%" fill="white"/>'
            f'<text x="10" y="16">Median wall time, {html.escape(document["cpu"])}, {document["cores"]} cores, {html.escape(document["date"])}.</text>'
            f'<text x="10" y="31">Blue: gantry. Grey: other programs; light grey: those that move a blob only. Green: floors.</text>')
    return head + "\n".join(parts) + "</svg>\n"
