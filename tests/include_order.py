#!/usr/bin/env python3
"""Checks which way the includes of this project go (a module includes only itself and the modules before it).

Usage: include_order.py SOURCE_DIR [--self-test]
"""

import pathlib
import re
import sys

MODULES = "base model config runtime net http registry store archive transfer jobs serve facade".split()
# What public headers may include besides <gantry/...>: the standard library and these.
PUBLIC_THIRD_PARTY = ("boost/asio/", "boost/system/")
# Parts of Asio that pull in OpenSSL or that belong to one platform.
PUBLIC_FORBIDDEN = ("boost/asio/ssl", "boost/asio/posix/", "boost/asio/windows/", "boost/asio/local/")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(<[^>]+>|"[^"]+")', re.MULTILINE)


def is_standard(name):
    """Standard headers have neither directory nor suffix."""
    return "/" not in name and "." not in name


def complaint(path, include):
    """Says what is wrong with an include of a file, given relative to the source directory; None when nothing is."""
    name = include[1:-1]
    parts = path.parts
    if name.startswith(("..", "./")):
        return "relative includes hide the module that is meant"
    if parts[:2] == ("engine", "include"):
        if include[0] == '"':
            return "a public header includes <gantry/...> only"
        if name.startswith(PUBLIC_FORBIDDEN):
            return "a heavy or platform header in a public header"
        if not (name.startswith("gantry/") or name.startswith(PUBLIC_THIRD_PARTY) or is_standard(name)):
            return "a public header includes the standard library, Boost.Asio and Boost.System only"
    if parts[:2] == ("engine", "src") and include[0] == '"':
        target = name.split("/")[0]
        if target not in MODULES:
            return 'private includes are written "module/file.hpp"'
        if parts[2] not in MODULES:
            return f"unknown module {parts[2]}"
        if MODULES.index(target) > MODULES.index(parts[2]):
            return f"{parts[2]} comes before {target}"
    if parts[0] == "apps":
        if include[0] == '"' and name.split("/")[0] in MODULES:
            return "an app includes public headers of the engine only"
        if name.startswith(("boost/beast", "openssl/", "archive.h", "zlib.h")):
            return "protocols and formats are the engine's"
    return None


def violations(root):
    """Yields `file:line: include: reason` for every include that is against the rules."""
    for top in ("engine", "apps"):
        for file in sorted((root / top).rglob("*")):
            if file.suffix not in (".hpp", ".cpp", ".h") or not file.is_file():
                continue
            text = file.read_text(encoding="utf-8")
            path = file.relative_to(root)
            for match in INCLUDE.finditer(text):
                reason = complaint(path, match.group(1))
                if reason:
                    yield f"{path}:{text.count(chr(10), 0, match.start()) + 1}: {match.group(1)}: {reason}"


def self_test():
    """The rules find what they are made for and let the rest pass."""
    bad = [
        ("engine/src/base/a.cpp", '"model/digest.hpp"'),
        ("engine/src/http/a.hpp", '"registry/challenge.hpp"'),
        ("engine/src/http/a.hpp", '"url.hpp"'),
        ("engine/src/http/a.hpp", '"../net/stream.hpp"'),
        ("engine/src/odd/a.hpp", '"base/failure.hpp"'),
        ("engine/include/gantry/engine.hpp", "<boost/beast/http.hpp>"),
        ("engine/include/gantry/engine.hpp", "<boost/asio/ssl.hpp>"),
        ("engine/include/gantry/engine.hpp", "<openssl/evp.h>"),
        ("engine/include/gantry/engine.hpp", "<unistd.h>"),
        ("engine/include/gantry/engine.hpp", '"base/failure.hpp"'),
        ("apps/gantry/main.cpp", '"base/failure.hpp"'),
        ("apps/gantry/main.cpp", "<boost/beast/core.hpp>"),
    ]
    good = [
        ("engine/src/http/a.cpp", '"base/failure.hpp"'),
        ("engine/src/http/a.cpp", '"http/url.hpp"'),
        ("engine/src/http/a.cpp", "<boost/beast/http.hpp>"),
        ("engine/src/facade/engine.cpp", '"jobs/pull.hpp"'),
        ("engine/include/gantry/engine.hpp", "<boost/asio/any_io_executor.hpp>"),
        ("engine/include/gantry/engine.hpp", "<memory>"),
        ("apps/gantry/main.cpp", "<gantry/engine.hpp>"),
        ("apps/gantry/terminal.cpp", "<sys/ioctl.h>"),
    ]
    missed = [row for row in bad if not complaint(pathlib.PurePath(row[0]), row[1])]
    refused = [row for row in good if complaint(pathlib.PurePath(row[0]), row[1])]
    found = [m.group(1) for m in INCLUDE.finditer('  #  include "a/b.hpp" // why\n#include <c>\n// #include <d>\n')]
    if missed or refused or found != ['"a/b.hpp"', "<c>"]:
        sys.exit(f"missed: {missed}\nrefused: {refused}\nfound: {found}")


def main():
    if "--self-test" in sys.argv[2:]:
        self_test()
        return
    lines = list(violations(pathlib.Path(sys.argv[1])))
    sys.exit("\n".join(lines) if lines else 0)


main()
