"""The section of RESULTS.md about the public headers. Usage: headers.py RESULTS.md COMMAND COMPILER REVISION < what bench/headers.sh prints
It replaces the section, or adds it; the runs that write the rest of the page keep it."""
import datetime
import pathlib
import re
import sys

TITLE = "## Public headers"


def section_of(page):
    """The section with its title; empty when there is none. It is the last of the page."""
    at = page.find(f"\n{TITLE}\n")
    return page[at + 1:] if at >= 0 else ""


def with_section(page, section):
    """The page with this section in place of the one it has."""
    old = section_of(page)
    rest = page[:len(page) - len(old)] if old else page
    return rest.rstrip("\n") + "\n" + ("\n" + section if section else "")


def section(printed, command, compiler, revision, date):
    rows = re.findall(r"^(\S+)\s+([0-9.]+)(?:\s+([0-9.]+))?$", printed, re.M)
    if len(rows) < 2:
        raise SystemExit("headers.py: nothing was measured")
    worst = max(float(ratio) for _, _, ratio in rows[1:])
    lines = [TITLE, "", f"What each costs the compiler alone: millions of its instructions, as valgrind counts them, beside `<{rows[0][0]}>`. At most 1.5 times as much is allowed; "
             f"the worst is {worst:.2f}: {'met' if worst <= 1.5 else '**missed**'}.", "",
             f"- Date: {date}, revision {revision}; {compiler}", f"- Command: `{command}`", "", "| header | million instructions | times |", "|---|---|---|"]
    lines += [f"| `{name}` | {count} | {ratio or '1.00'} |" for name, count, ratio in rows]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    file = pathlib.Path(sys.argv[1])
    date = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    made = section(sys.stdin.read(), sys.argv[2], sys.argv[3], sys.argv[4], date)
    file.write_text(with_section(file.read_text(), made))
