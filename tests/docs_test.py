"""The documents against the program: commands and options exist, links lead somewhere.
Usage: docs_test.py SOURCE_DIR GANTRY"""
import pathlib
import re
import shlex
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import docs_sentences  # noqa: E402
import links  # noqa: E402
from toolbox import check, finish, program, run  # noqa: E402

source = pathlib.Path(sys.argv[1])
gantry = program(sys.argv[2])


def documents():
    return [source / "README.md", source / "README.zh-CN.md", source / "CONTRIBUTING.md", source / "CHANGELOG.md", *sorted((source / "docs").glob("*.md"))]


def known_options():
    """The options of each command, out of the completion script."""
    script = run(gantry, "completion", "bash").stdout
    return {verb: set(names.split()) for verb, names in re.findall(r"^    ([a-z]+)(?: \| [a-z]+)?\) echo '(-[^']*)' ;;$", script, re.M)}


def commands_in(text):
    for block in re.findall(r"^```sh\n(.*?)^```", text, re.S | re.M):
        for line in block.splitlines():
            for part in re.split(r"\s\|\s", re.sub(r"\s#.*", "", line)):
                words = shlex.split(part)
                while words and re.match(r"[A-Z_]+=", words[0]):
                    words.pop(0)
                if words[:1] == ["gantry"] and len(words) > 1:
                    yield line, words[1:]


def check_commands():
    options = known_options()
    check(len(options) > 15, "options are known")
    seen = 0
    for document in documents():
        for line, words in commands_in(document.read_text()):
            seen += 1
            verb = {"import": "extract"}.get(words[0], words[0])
            if verb in ("help", "--version"):
                continue
            check(verb in options, f"{document.name}: no such command: {line}")
            for word in words[1:]:
                if re.match(r"-[a-zA-Z-]", word):
                    name = word.split("=")[0] if word.startswith("--") else word[:2]
                    check(name in options.get(verb, set()), f"{document.name}: {verb} has no {name}: {line}")
    check(seen > 30, "commands are found")


# What a block may be, and who looks at it: docs_commands.py, json_test.py, examples/CMakeLists.txt, check_consumer, settings_test.py. Those without
# a kind are pictures.
KINDS = {"sh": None, "yaml": {"CI.md"}, "groovy": {"CI.md"}, "shell": {"JSON.md"}, "json": {"JSON.md", "CONFIG.md", "SYNC.md"},
         "cpp": {"README.md", "README.zh-CN.md", "EMBEDDING.md"}, "cmake": {"README.md", "README.zh-CN.md", "EMBEDDING.md"}, "": {"DESIGN.md"}}


def check_blocks():
    """No block is of a kind that no test reads; each is closed, and none of commands stands inside a list, where it would be passed over."""
    for document in documents():
        fences = re.findall(r"^( *)```(.*)$", document.read_text(), re.M)
        check(len(fences) % 2 == 0 and all(not kind for _, kind in fences[1::2]), f"{document.name}: a block is not closed")
        for indent, kind in fences[::2]:
            known = kind in KINDS and (KINDS[kind] is None or document.name in KINDS[kind])
            check(known, f"{document.name}: no test reads a block of the kind '{kind}'")
            check(not indent or kind == "cpp", f"{document.name}: no test reads a block of the kind '{kind}' inside a list")
    # A part of a program, inside a list, is that of an example.
    programs = "".join(file.read_text() for file in sorted((source / "examples").glob("*.cpp")))
    page = (source / "docs" / "EMBEDDING.md").read_text()
    parts = [line.strip() for block in re.findall(r"^ +```cpp\n(.*?)^ +```", page, re.S | re.M) for line in block.splitlines()]
    check(len(parts) > 3, "EMBEDDING.md shows settings")
    for line in parts:
        check(f" {line}\n" in programs, f"EMBEDDING.md: no example has the line {line}")


def check_sentences():
    """Commands inside sentences, which stand for many: what they name exists."""
    options = known_options()
    seen = 0
    for document in documents():
        text = re.sub(r"^```.*?^```", "", document.read_text(), flags=re.S | re.M)
        for line in re.findall(r"`gantry ([^`]+)`", text):
            words = line.split(" | ")[0].split()
            seen += 1
            verb = {"import": "extract"}.get(words[0], words[0])
            if verb in ("help", "--version", "--help") or not re.match(r"[a-z]", verb):
                continue
            check(verb in options, f"{document.name}: no such command: gantry {line}")
            for word in words[1:]:
                name = word.split("=")[0] if word.startswith("--") else word[:2]
                check(not re.match(r"-[a-zA-Z-]", word) or name in options.get(verb, set()), f"{document.name}: {verb} has no {name}: gantry {line}")
    check(seen > 30, f"commands are found in sentences: {seen}")


def check_other_programs():
    """Commands of other programs and of scripts inside sentences: each is run by a test, or it is told why not."""
    in_blocks = [line.strip() for document in documents() for block in blocks(document.relative_to(source), "sh") for line in block.splitlines()]
    seen = 0
    for document in documents():
        for span in filter(docs_sentences.is_command, docs_sentences.spans(document.read_text())):
            seen += 1
            why = docs_sentences.why_unknown(span, in_blocks, source)
            check(not why, f"{document.name}: `{span}`: {why}")
    check(seen > 30, f"commands of other programs are found in sentences: {seen}")
    for span in ("skopeo copy nowhere", "./test.sh --none", "tools/none.sh --quick", "GANTRY_NONE=1 build/dev/tests/fuzz_corpora"):
        check(docs_sentences.is_command(span) and docs_sentences.why_unknown(span, in_blocks, source), f"{span} is no known command")


def check_owner():
    """A block that names whoever publishes gantry can be pasted: it says once, at its beginning, who that is."""
    for document in documents():
        for block in blocks(document.relative_to(source), "sh"):
            check("OWNER/" not in block.replace("$OWNER/", ""), f"{document.name}: OWNER stands inside a command")
            check("$OWNER" not in block or block.startswith("OWNER=ACCOUNT "), f"{document.name}: a block does not begin with OWNER=")


def check_links():
    more = [source / page for page in ("bench/RESULTS.md", "packaging/README.md", "tests/vectors/DECISIONS.md")]
    for document in [*documents(), *more]:
        for text in links.broken(document, source):
            check(False, text)


def check_index():
    """The index has every page."""
    page = (source / "docs" / "README.md").read_text()
    for file in sorted((source / "docs").glob("*.md")):
        check(file.name == "README.md" or f"]({file.name})" in page, f"docs/README.md does not name {file.name}")


def check_link_rules():
    """What is no link, what leads nowhere, and what GitHub calls a heading."""
    with tempfile.TemporaryDirectory() as place:
        root = pathlib.Path(place)
        (root / "docs").mkdir()
        (root / "docs" / "OTHER.md").write_text("# A `few` words, *here*\n## Twice\n## Twice\n## 中文 标题\n```sh\n# no heading\n```\n")
        page = root / "README.md"

        def said(text):
            page.write_text("# Title\n" + text)
            return [line.removeprefix("README.md: ") for line in links.broken(page, root)]
        good = "[a](docs/OTHER.md) [b](#title) [c](docs/OTHER.md#a-few-words-here) [d](docs/OTHER.md#twice-1) [e](docs/OTHER.md#中文-标题) [f] [g][f] [h](docs)"
        check(said(good + " `[x](nothing)` `engine/src/MODULE`\n\n[f]: https://example.com/\n") == [], f"links that are right: {said(good)}")
        for text, why in {
            "[a](docs/NONE.md)": "docs/NONE.md is not there",
            "[a](#nowhere)": "#nowhere has no such heading",
            "[a](docs/OTHER.md#no-heading)": "docs/OTHER.md#no-heading has no such heading",
            "[a](docs/OTHER.md#twice-2)": "docs/OTHER.md#twice-2 has no such heading",
            "[a](http://example.com)": "http://example.com is no https address",
            "[a][b]": "the link [b] is defined nowhere",
            "text\n\n[b]: docs\n": "nothing uses the link [b]",
            "`tools/none.sh`": "there is no tools/none.sh",
        }.items():
            check(said(text) == [why], f"{text} is said to be {said(text)}")


def check_versions():
    """One place has the version; the changes begin with it, and the program tells it."""
    version = re.search(r"^project\(gantry VERSION ([0-9.]+) ", (source / "CMakeLists.txt").read_text(), re.M)[1]
    newest = re.search(r"^## ([0-9.]+) \((?:unreleased|\d{4}-\d\d-\d\d)\)$", (source / "CHANGELOG.md").read_text(), re.M)
    check(newest and newest[1] == version, f"the newest entry of CHANGELOG.md is not {version}")
    told = run(gantry, "--version").stdout.splitlines()
    check(told and told[0] == f"gantry {version}", f"--version says {told[:1]}")
    for file in (source / "packaging").rglob("*"):
        if file.is_file():
            check(version not in file.read_text(), f"{file.name} repeats the version")


def blocks(document, language):
    return re.findall(rf"^```{language}\n(.*?)^```", (source / document).read_text(), re.S | re.M)


def outline(document):
    """Levels of the headings, and of each table the columns and what is code or a number in each row, in order."""
    text = re.sub(r"^```.*?^```", "", (source / document).read_text(), flags=re.S | re.M)
    found = []
    for line in text.splitlines():
        if heading := re.match(r"#+(?= )", line):
            found.append(heading[0])
        elif line.startswith("|") and not re.match(r"\|[ |-]*\|$", line):
            found.append((line.count("|"), sorted(re.findall(r"`[^`]*`|\d[\d.]* (?:s|MiB)\b", line))))
    return found


def check_translation():
    """The Chinese README has the sections, tables, links, commands, programs and exit codes of the other."""
    english, chinese = outline("README.md"), outline("README.zh-CN.md")
    for one, other in zip(english, chinese):
        check(one == other, f"README.zh-CN.md has {other} where README.md has {one}")
    check(len(english) == len(chinese) > 40, f"README.zh-CN.md has {len(chinese)} headings and rows, README.md {len(english)}")

    def links(document):
        return set(re.findall(r"\]\(([^)]+)\)|^\[[^]]+\]: (\S+)", (source / document).read_text(), re.M))

    differ = {link for pair in links("README.md") ^ links("README.zh-CN.md") for link in pair if link} - {"README.md", "README.zh-CN.md"}
    check(not differ, f"only one README links {sorted(differ)}")

    def commands(document):
        lines = "".join(blocks(document, "sh")).splitlines()
        return {stripped for line in lines if (stripped := re.sub(r"\s*(^|\s)#.*", "", line))}

    check(len(commands("README.md")) > 10, "README.md has commands")
    for one in sorted(commands("README.md") ^ commands("README.zh-CN.md")):
        check(False, f"only one README has the command {one}")
    check(blocks("README.md", "cpp") == blocks("README.zh-CN.md", "cpp") != [], "both have the same program")
    codes = [re.findall(r"^\| (\d[\d, ]*) \|", (source / document).read_text(), re.M) for document in ("README.md", "README.zh-CN.md", "docs/COMMANDS.md")]
    check(codes[0] == codes[1] == codes[2] != [], f"both name the same exit codes: {codes}")


def check_consumer():
    """What README and EMBEDDING.md say to CMake is what tests/consumer does; the latter says all of it."""
    recipe = (source / "tests" / "consumer" / "find_package" / "CMakeLists.txt").read_text().splitlines()
    for line in "".join(blocks("README.md", "cmake")).splitlines():
        line = re.sub(r"\s*#.*", "", line).replace("(program ", "(consumer ")
        check(line in recipe, f"tests/consumer does not say {line}")
    whole = "".join(blocks("docs/EMBEDDING.md", "cmake")).replace("main.cpp", "../main.cpp")
    check(re.sub(r"\bprogram\b", "consumer", whole).splitlines() == recipe, f"EMBEDDING.md has another CMakeLists.txt than tests/consumer: {whole}")


def check_examples():
    """EMBEDDING.md says something of each example, and its first program is short."""
    page = (source / "docs" / "EMBEDDING.md").read_text()
    for file in sorted((source / "examples").glob("*.cpp")):
        check(f"\n- [{file.name}](../examples/{file.name}) " in page, f"EMBEDDING.md does not tell what {file.name} does")
    lengths = [len(one.splitlines()) for one in blocks("docs/EMBEDDING.md", "cpp")]
    check(lengths and lengths[0] <= 30, f"the programs of EMBEDDING.md have {lengths} lines")


def check_modules():
    """The picture and the table of DESIGN.md have every module."""
    modules = re.search(r"^set\(GANTRY_MODULES ([a-z ]+)\)$", (source / "engine" / "CMakeLists.txt").read_text(), re.M)[1].split()
    picture, page = (source / "docs" / "modules.svg").read_text(), (source / "docs" / "DESIGN.md").read_text()
    for name in modules:
        check(re.search(rf"<text[^>]*>[^<]*\b{name}\b", picture), f"modules.svg lacks {name}")
        check(re.search(rf"^\|[^|]*`{name}`", page, re.M), f"the table of DESIGN.md lacks {name}")


def check_plot():
    """The plots beside the results are made of them, and have every line that they are to have."""
    for name, words in {"RESULTS.svg": [], "RESULTS-connections.svg": ["connections"]}.items():
        made = run(sys.executable, source / "bench" / "e2e" / "plot.py", source / "bench" / "RESULTS.md", *words).stdout
        check(made == (source / "bench" / name).read_text(), f"bench/{name} is not what bench/e2e/plot.py {' '.join(words)} makes of RESULTS.md")
    sys.path.insert(0, str(source / "bench" / "e2e"))
    import plot
    for *_, name, colour in plot.LINES:
        check(f'fill="{colour}">{name}</text>' in made, f"the plot of connections has no line {name}")
    table = "| gantry -j 1 | 2.00 | 1 | 300.0 |\n| gantry -j auto | 4.00 | 1 | 200.0 |\n| gantry to store -j 1 | 1.00 | 1 | 250.0 |\n| curl (floor) | 1.00 | 1 | 9.0 |\n"
    check(plot.rates(table, "") == {"1": 100, "auto": 50} and plot.rates(table, "to store") == {"1": 200}, "rates are those of the bytes that are wanted")
    check(plot.rates("- bytes per second, to disk: 1 2000000, auto 3000000", "to disk") == {"1": 2, "auto": 3}, "rates that are listed are taken")


def check_header_costs():
    """What bench/headers.sh prints becomes a section of the results that comes once, stays, and disturbs neither plot nor figures."""
    sys.path.insert(0, str(source / "bench" / "e2e"))
    import headers
    import plot
    import readme
    page = (source / "bench" / "RESULTS.md").read_text()
    bare = headers.with_section(page, "")
    printed = "boost/asio/any_completion_handler.hpp 900\ngantry/engine.hpp  1200   1.33\ngantry/error.hpp   400   0.44\nworst 1.33, allowed 1.5\n"
    made = headers.section(printed, "bench/run.sh --headers --write-results", "c++ 12", "abc", "2026-11-27 10:00 UTC")
    check("| `gantry/engine.hpp` | 1200 | 1.33 |" in made and "the worst is 1.33: met" in made, f"the costs of headers are told: {made}")
    whole = headers.with_section(bare, made)
    check(headers.section_of(whole) == made and headers.section_of(bare) == "", "the section is found again")
    check(headers.with_section(whole, made) == whole and headers.with_section(whole, "") == bare, "the section comes once")
    check(plot.page_svg(whole) == plot.page_svg(bare) and readme.figures(whole) == readme.figures(bare), "plot and figures are not of headers")


def check_figures():
    """The figures of both READMEs are those of the results that they name; of results that are newer they are off by half at most."""
    sys.path.insert(0, str(source / "bench" / "e2e"))
    import readme
    page = (source / "bench" / "RESULTS.md").read_text()
    check(len(readme.figures(page)) >= 4, f"the results have too little of what README shows: {readme.figures(page)}")
    revision = re.search(r", revision (\w+),", page)[1]
    for name in readme.WORDS:
        text = (source / name).read_text()
        check(readme.BEGIN in text and readme.END in text, f"{name} has a place for figures")
        shown = text.partition(readme.BEGIN)[2].partition(readme.END)[0]
        fresh = readme.block(page, name)
        if revision in shown:
            check(shown.strip() == fresh.removeprefix(readme.BEGIN).removesuffix(readme.END).strip(), f"{name}: bench/e2e/readme.py makes other figures of RESULTS.md")
            continue
        print(f"{name} has figures of an older revision: python3 bench/e2e/readme.py bench/RESULTS.md {name}")

        def seconds(block):
            rows = (line.split("|")[1:-1] for line in block.splitlines() if line.startswith("| "))
            return {row[0].strip(): [float(found[1]) if (found := re.match(r" ([\d.]+) s,", cell)) else None for cell in row[1:]] for row in rows}
        old, new = seconds(shown), seconds(fresh)
        for title in old.keys() & new.keys():
            for before, now in zip(old[title], new[title]):
                if before and now:
                    check(before / 2 - 0.2 <= now <= before * 2 + 0.2, f"{name}: {title}: {before} s are {now} s now; bench/e2e/readme.py brings the figures up to date")


check_commands()
check_blocks()
check_sentences()
check_other_programs()
check_owner()
check_links()
check_index()
check_link_rules()
check_versions()
check_translation()
check_consumer()
check_examples()
check_modules()
check_plot()
check_header_costs()
check_figures()
finish()
