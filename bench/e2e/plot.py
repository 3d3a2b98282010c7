"""The plot beside a page of results, from the page's own tables. Usage: plot.py RESULTS.md > RESULTS.svg"""
import re
import sys

import report


def cells_of(page):
    """Titles and wall times of the sections "### ..." that have a table of programs."""
    for section in re.split(r"^### ", page.split("\n## Figures")[-1].split("\n## ")[0], flags=re.M)[1:]:
        title, _, rest = section.partition("\n")
        medians = {}
        for label, wall in re.findall(r"^\| ([^|]+) \| ([0-9.]+) \|", rest, re.M):
            role = "gantry" if label.startswith("gantry") else "floor" if "(floor)" in label else "part" if "(blob only)" in label else "other"
            medians[label] = {"wall": float(wall), "walls": [float(wall)], "role": role}
        if medians and not title.startswith("Peak memory"):  # there the times are not the point
            yield {"title": title, "medians": medians}


def page_svg(page):
    machine = re.search(r"^- Machine: ([^,]+), (\d+) cores", page, re.M)
    date = re.search(r"^- Date: ([^,]+),", page, re.M)
    return report.svg({"cells": list(cells_of(page)), "cpu": machine[1], "cores": machine[2], "date": date[1]})


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        sys.stdout.write(page_svg(file.read()))
