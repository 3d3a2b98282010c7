"""Data as the page of --report holds them, of a transfer that never was."""
import random

KINDS = ["whole", "probe", "segment", "steal", "hedge", "upload"]
ENDS = ["complete", "overtaken", "slow", "failed", "stopped"]


def blobs_of(dice, number):
    made = []
    for i in range(number):
        size = dice.choice([1500, 30_000_000, 120_000_000, 4_000_000])
        made.append({"digest": "sha256:%064x" % dice.getrandbits(256), "role": "layer" if i else "config", "size": size,
                     "resumed": size // 3 if i == 2 else 0, "start": 0, "end": 0, "reused": i in (3, 5), "points": []})
    return made


def requests_of(dice, blobs, number, lines):
    """Rows as in the page, and the retries that follow from those that failed."""
    free = [dice.randint(0, 60) for _ in range(lines)]
    connections = list(range(1, lines + 1))
    rows, retries = [], []
    for _ in range(number):
        line = min(range(lines), key=lambda k: free[k])
        blob = dice.choice([k for k in range(len(blobs)) if not blobs[k]["reused"]])
        took, wait, got = int(dice.expovariate(1 / 400)) + 40, dice.randint(10, 60), dice.randint(200_000, 4_000_000)
        kind, end, host, why, chance = dice.choice([1, 2, 2, 2, 3]), 0, dice.choice([0, 0, 1, 1, 1, 2]), None, dice.random()
        if chance < .005:
            end, host, got, wait, why = 3, 3, 0, took, "mirror.example:5000 refused the connection"
        elif chance < .015:
            end, got, why = 3, got // 3, "https://mirror.example:5000/v2/app/blobs/ closed the connection 123 bytes before the end of the answer"
        elif chance < .025:
            end, got, took = 2, got // 8, took * 3
        elif chance < .06:
            end, kind = 1, 4
        begin = free[line]
        rows.append([blob, kind, end, 0 if host == 3 else connections[line], host, dice.randint(0, 9) << 22, 1 << 22, got, begin, begin + min(wait, took), begin + took])
        if why:
            rows[-1].append(why)
            retries.append({"at": begin + took, "object": blobs[blob]["digest"][:19], "attempt": 1, "delay_ms": 500, "message": why})
        if end in (2, 3):
            connections[line] = max(connections) + 1
        free[line] = begin + took + dice.randint(0, 8)
    return rows, retries


def rate_of(rows, total):
    bins = {}
    for row in rows:
        for at in range(row[9], row[10], 100):
            bins[at // 100] = bins.get(at // 100, 0) + row[7] * min(100, row[10] - at) / max(1, row[10] - row[9])
    got, samples = 0, []
    for i in range(total // 100 + 1):
        got += bins.get(i, 0)
        samples.append([i * 100 + 50, int(got), 4 if i % 7 else 3])
    return samples[::max(1, len(samples) // 3000)]


def fill_in(blobs, rows):
    for number, blob in enumerate(blobs):
        mine = sorted((row for row in rows if row[0] == number), key=lambda row: row[10])
        if not mine:
            blob["reused"] = True
            continue
        blob["start"], blob["end"], done = min(row[8] for row in mine), mine[-1][10], blob["resumed"]
        for row in mine[::max(1, len(mine) // 60)]:
            done += (blob["size"] - blob["resumed"]) * row[7] / max(1, sum(other[7] for other in mine))
            blob["points"].append([row[10], int(min(done, blob["size"]))])


def report_data(requests):
    dice = random.Random(3)
    blobs = blobs_of(dice, 7 if requests <= 10 else 40)
    rows, retries = requests_of(dice, blobs, requests, 4 if requests <= 10 else 16)
    fill_in(blobs, rows)
    total = max(row[10] for row in rows)
    decisions = [{"at": int(total * part), "before": before, "after": after, "reason": why, "rate": rate} for part, before, after, why, rate in
                 [(.08, 4, 8, "faster", 8_000_000), (.16, 8, 16, "faster", 14_000_000), (.4, 16, 8, "no_faster", 14_100_000), (.6, 8, 4, "refused", 0)]]
    return {"version": 1, "about": "gantry", "elapsed_ms": total, "error": "", "images": [
        {"reference": "nginx:1.25", "digest": blobs[0]["digest"], "asked": 0, "told": total // 20, "failed": False},
        {"reference": "none:1", "digest": "", "asked": 0, "told": total // 15, "failed": True}],
            "archives": [[total * 9 // 10, total]], "blobs": blobs, "rate": rate_of(rows, total), "retries": retries,
            "notes": [
                {"at": 5, "kind": "warning", "text": "something to know"},
                {"at": 6, "kind": "warning", "text": "the mirror passed.example (named by hosts.toml) is passed over: it refused the connection; registry.example is asked in its place"},
                {"at": 7, "kind": "error", "text": "none:1 was not found"}], "kinds": KINDS, "ends": ENDS, "hosts": [
                {"name": "registry.example", "mirror": False}, {"name": "mirror.example:5000", "mirror": True}, {"name": "other.example", "mirror": True},
                {"name": "", "mirror": False}, {"name": "idle.example", "mirror": True}], "segments": rows, "segments_left_out": 0, "decisions": decisions}
