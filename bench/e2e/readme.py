"""The figures of README.md and README.zh-CN.md, out of a page of results. Usage: readme.py RESULTS.md README...
Writes them between the marks of each README; `bench/run.sh --write-results` does it, too."""
import pathlib
import re
import sys

BEGIN, END = "<!-- figures: made by bench/e2e/readme.py, not to be edited -->", "<!-- end of figures -->"
# The beginning of a section's title in RESULTS.md, and what it is in words, English and Chinese.
SECTIONS = [
    ("Loopback HTTP, 1 x", "one large layer, loopback", "一个大层，本机回环"),
    ("Loopback HTTP, 60 x", "60 small layers, loopback", "60 个小层，本机回环"),
    ("RTT 40 ms, 10 MB/s per connection", "RTT 40 ms, 10 MB/s per connection, one layer is most of it", "RTT 40 ms，每条连接 10 MB/s，一个层占大部分"),
    ("RTT 50 ms, 1 Gbit/s", "RTT 50 ms, 1 Gbit/s in all, one large layer", "RTT 50 ms，总带宽 1 Gbit/s，一个大层"),
    ("RTT 100 ms, 4 layers of 3.3 MB in all, plain", "RTT 100 ms, 4 layers of 3.3 MB in all", "RTT 100 ms，4 个层共 3.3 MB"),
    ("RTT 100 ms, 60 x", "RTT 100 ms, 60 small layers", "RTT 100 ms，60 个小层"),
]
WORDS = {
    "README.md": {
        "column": 1, "copy": "registry to registry, 60 small layers, loopback", "head": "| what is fetched: seconds it takes, most memory in use | gantry, fastest of its settings | skopeo copy | ctr content fetch | curl: the bytes alone |",
        "note": "Measured on {date}, revision {revision}, {cpu}, {cores} cores, by `{command}`. RTT: time to the server and back. gantry was measured "
                "with several settings, and the fastest is shown, its options in brackets; the others as `bench/e2e/programs.py` calls them. Of the {budgets} budgets that gantry sets itself "
                "it missed {missed} in this run.",
    },
    "README.zh-CN.md": {
        "column": 2, "copy": "仓库到仓库，60 个小层，本机回环", "head": "| 拉取的内容：耗时与最大内存 | gantry（最快的设置） | skopeo copy | ctr content fetch | curl（只下载字节） |",
        "note": "测量于 {date}，版本 {revision}，{cpu}，{cores} 核，命令 `{command}`。RTT：到服务器的往返时间。gantry 用多种设置测量，显示其中最快的一种，括号内为其选项；其他程序的调用方式见 `bench/e2e/programs.py`。gantry 自定的 {budgets} 项指标中，本次有 {missed} 项未达到。",
    },
}


def programs_of(section):
    """Label, seconds and MiB of each row of a section's table."""
    head, *rows = [[text.strip() for text in line.strip("|").split("|")] for line in re.findall(r"^\|(.+)\|$", section, re.M)] or [[]]
    wall, memory = (head.index(name) if name in head else None for name in ("wall s", "RSS MiB"))
    if wall is None or memory is None:
        return []
    return [(row[0], float(row[wall]), float(row[memory])) for row in rows if row[wall][:1].isdigit() and row[memory][:1].isdigit()]


def cell(rows, begin):
    """The fastest of the programs whose label begins so."""
    mine = [row for row in rows if row[0].startswith(begin) and "blob only" not in row[0]]
    return min(mine, key=lambda row: row[1]) if mine else None


def copies_of(page):
    found = {program: (float(wall), int(memory) / 2**20)
             for program, wall, memory in re.findall(r"^- (gantry|skopeo) copy, small60: wall ([0-9.]+), cpu [0-9.]+, rss (\d+)", page, re.M)}
    return [("gantry copy", *found["gantry"]), ("skopeo copy", *found["skopeo"])] if len(found) == 2 else []


def figures(page):
    """For each section that the page has: its place in SECTIONS, or None for the copy, and (label, seconds, MiB) or None for each column."""
    made = []
    sections = {text.partition("\n")[0]: text for text in re.split(r"^### ", page.split("## Figures")[-1], flags=re.M)[1:]}
    for number, (begin, *_) in enumerate(SECTIONS):
        text = next((text for title, text in sections.items() if title.startswith(begin)), None)
        rows = programs_of(text) if text else []
        if cell(rows, "gantry"):
            made.append((number, [cell(rows, "gantry"), cell(rows, "skopeo"), cell(rows, "ctr"), cell(rows, "curl")]))
    if copies := copies_of(page):
        made.append((None, [*copies, None, None]))
    return made


def shown(value, with_label):
    if value is None:
        return "-"
    label, wall, memory = value
    how = re.sub(r" \([^)]*\)", "", label).removeprefix("gantry ").replace("to store", "--store-only")
    return f"{wall:.2f} s, {memory:.0f} MiB" + (f" (`{how}`)" if with_label and how != "copy" else "")


def block(page, name):
    words = WORDS[name]
    lines = [words["head"], "| --- | --- | --- | --- | --- |"]
    for number, values in figures(page):
        title = words["copy"] if number is None else SECTIONS[number][words["column"]]
        lines.append(f"| {title} | " + " | ".join(shown(value, column == 0) for column, value in enumerate(values)) + " |")
    date = re.search(r"^- Date: (\S+) [^,]*, revision (\S+),", page, re.M)
    machine = re.search(r"^- Machine: ([^,]+), (\d+) cores", page, re.M)
    command = re.search(r"^- Command: `([^`]+)`", page, re.M)
    outcome = re.findall(r"\| (met|\*\*missed\*\*) \|$", page, re.M)
    note = words["note"].format(date=date[1], revision=date[2], cpu=re.sub(r"\(R\)", "", machine[1]), cores=machine[2], command=command[1],
                                budgets=len(outcome), missed=sum(one != "met" for one in outcome))
    return "\n".join([BEGIN, *lines, "", note, END])


def with_figures(text, page, name):
    return re.sub(re.escape(BEGIN) + ".*?" + re.escape(END), lambda _: block(page, name), text, flags=re.S)


def write(results, readmes):
    page = pathlib.Path(results).read_text(encoding="utf-8")
    for readme in map(pathlib.Path, readmes):
        readme.write_text(with_figures(readme.read_text(encoding="utf-8"), page, readme.name), encoding="utf-8")


if __name__ == "__main__":
    write(sys.argv[1], sys.argv[2:])
