"""Where the links of a document lead: files, headings of files, definitions of links, and paths of the tree that stand between backticks."""
import re
import urllib.parse

TREE = re.compile(r"(?:apps|bench|cmake|docs|engine|examples|packaging|tests|tools)/[\w./+-]+")


def prose(text):
    """Without code, in which brackets are no links."""
    text = re.sub(r"^```.*?^```$", "", text, flags=re.S | re.M)
    return re.sub(r"<!--.*?-->", "", text, flags=re.S)


def without_code(text):
    return re.sub(r"`[^`\n]*`", "", prose(text))


def anchors(text):
    """The names that GitHub gives to the headings."""
    names, seen = set(), {}
    for heading in re.findall(r"^#{1,6} +(.+?) *#*$", prose(text), re.M):
        heading = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading)
        name = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        count = seen[name] = seen.get(name, -1) + 1
        names.add(f"{name}-{count}" if count else name)
    return names


def targets(text):
    """What is linked, inline or by a definition."""
    plain = without_code(text)
    inline = re.findall(r"\]\(\s*<?([^)>\s]+)>?(?:\s+\"[^\"]*\")?\s*\)", plain)
    return inline + [target for _, target in definitions(plain)]


def definitions(plain):
    return re.findall(r"^\[([^]]+)\]: +(\S+)", plain, re.M)


def nowhere(document, target):
    """Why a link of a document leads nowhere; None when it leads somewhere. Pages elsewhere are looked at by their form alone."""
    if re.match(r"[a-z][a-z+.-]*:", target):
        address = urllib.parse.urlsplit(target)
        return None if address.scheme == "https" and "." in (address.hostname or "") else "is no https address"
    path, _, anchor = target.partition("#")
    page = document.parent / urllib.parse.unquote(path) if path else document
    if not page.exists():
        return "is not there"
    if anchor and (page.suffix != ".md" or anchor not in anchors(page.read_text())):
        return "has no such heading"
    return None


def broken(document, root):
    """A text for each link of a document that leads nowhere."""
    text = document.read_text()
    plain = without_code(text)
    for target in targets(text):
        if why := nowhere(document, target):
            yield f"{document.name}: {target} {why}"
    defined = [name for name, _ in definitions(plain)]
    body = re.sub(r"^\[[^]]+\]: .*$", "", plain, flags=re.M)
    for name in defined:
        if f"[{name}]" not in body:
            yield f"{document.name}: nothing uses the link [{name}]"
    for name in re.findall(r"\]\[([^]]+)\]", body):
        if name not in defined:
            yield f"{document.name}: the link [{name}] is defined nowhere"
    for path in re.findall(r"`([^`\s]+)`", prose(text)):
        named = TREE.fullmatch(path) and not any(re.fullmatch(r"[A-Z]+", part) for part in path.split("/"))
        if named and not (root / path).exists():
            yield f"{document.name}: there is no {path}"
