#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Tables, charts and verdicts out of what the benchmark prints.

report.py table KERNEL QEMU FILE...   print the table, write build/bench.*
report.py record                      copy that to Documentation/
report.py check KERNEL FILE           compare ratios with the recorded ones
report.py native FILE                 print the table of a real machine, write
                                      build/bench-native.json
"""
import json
import os
import shutil
import subprocess
import sys

from rows import ROWS, WORSE

JSON = "build/bench.json"
DOCUMENT = "Documentation/performance.rst"
FOLDER = "Documentation/performance"
# The targets are for this one.
MAIN = "6.12"
QEMU_OPTIONS = "-accel tcg,thread=single -icount shift=0,sleep=off -cpu max -smp 1 -m 2G -seed 1 -rtc base=2026-01-01,clock=vm"


def read_results(paths):
    """The figures as operation -> backend -> value, and what is known of the guest."""
    operations, info = {}, {}
    for path in paths:
        with open(path, encoding="utf-8") as f:
            for line in f:
                fields = line.split()
                if fields[:1] == ["info"]:
                    info.setdefault(fields[1], " ".join(fields[2:]))
                elif fields[:1] == ["result"] and len(fields) == 5:
                    operation = operations.setdefault(fields[1], {})
                    operation["unit"] = fields[4]
                    value = float(fields[3])
                    operation[fields[2]] = int(value) if value == int(value) else round(value, 4)
    for operation in operations.values():
        for one in ("xshm", "served"):
            for other in ("sysv", "memfd"):
                if one in operation and operation.get(other):
                    operation[f"{one}/{other}"] = round(operation[one] / operation[other], 4)
    return operations, info


def baseline(name):
    """Where the figures of a kernel, by the name that scripts/kernels has for it, are kept."""
    return FOLDER + ("/baseline.json" if name == MAIN else f"/baseline-{name}.json")


def load(path):
    with open(path, encoding="utf-8") as f:
        return json.load(f)


def number(value):
    if value is None:
        return ""
    if value >= 10_000_000:
        return f"{value / 1e6:,.1f} M"
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.2f}"


def ratio(value):
    return "" if value is None else (f"{value:.3f}" if value >= 0.1 else f"{value:.4f}")


def table_rows(data):
    """Cells of each row: title, three figures, the ratios with targets, verdict."""
    for row in ROWS:
        cells = row.cells(data["operations"])
        if cells:
            yield cells


HEADER = ("operation", "System V", "xshm", "memfd", "/ System V", "target", "/ memfd", "target", "")


def cells_as_text(cells):
    out = [cells.title, number(cells.sysv), number(cells.xshm), number(cells.memfd)]
    for reached, target in ((cells.to_sysv, cells.sysv_target), (cells.to_memfd, cells.memfd_target)):
        out += [ratio(reached), "" if target is None else f"{cells.sign} {target:g}"]
    return out + [cells.verdict]


def lines_beside(data, other, name):
    """Of a kernel without targets: with the ratios of another one in their place."""
    beside = {cells.key: cells for cells in table_rows(other)}
    lines = [HEADER[:5] + (name, HEADER[6], name)]
    for cells in table_rows(data):
        line = cells_as_text(cells)
        there = beside.get(cells.key)
        line[5], line[7] = ratio(there and there.to_sysv), ratio(there and there.to_memfd)
        lines.append(line[:8])
    return lines


def print_table(data, judge=True):
    lines = [HEADER] + [cells_as_text(cells) for cells in table_rows(data)]
    if not judge:
        lines = [line[:5] + ("", line[6]) + ("", "") for line in map(tuple, lines)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEADER))]
    for line in lines:
        print("  ".join(text.ljust(widths[i]) if i in (0, 8) else text.rjust(widths[i])
                        for i, text in enumerate(line)).rstrip())


def write_chart(data, base):
    """Bars of xshm and memfd against System V = 1, for what is counted or measured."""
    rows = [c for c in table_rows(data) if c.chart]
    with open(base + ".dat", "w", encoding="utf-8") as f:
        for i, c in enumerate(reversed(rows)):
            memfd = c.memfd / c.sysv if c.memfd and c.sysv else 0
            f.write(f"{i} {c.to_sysv} {memfd} \"{c.title}\"\n")
    height = 90 + 34 * len(rows)
    for terminal, suffix in (("svg noenhanced font 'sans-serif,13'", "svg"),
                             ("pngcairo noenhanced font 'sans,11'", "png")):
        script = f"""
set terminal {terminal} size 900,{height} background 'white'
set output '{base}.{suffix}'
set title 'System V = 1, less is better; Linux {data["kernel"]}'
set xrange [0:1.5]
set yrange [-0.6:{len(rows) - 0.4}]
set xtics 0.2
set grid xtics
set style fill solid
set key below
set arrow from 1,graph 0 to 1,graph 1 nohead lw 2 lc rgb '#888888'
plot '{base}.dat' using ($2/2):($1+0.18):($2/2):(0.17):ytic(4) with boxxyerrorbars lc rgb '#1b6ca8' title 'xshm', \\
     '{base}.dat' using ($2+0.01):($1+0.18):(sprintf($2<0.1?'%.4f':'%.2f',$2)) with labels left font ',9' notitle, \\
     '{base}.dat' using ($3/2):($1-0.18):($3/2):(0.17) with boxxyerrorbars lc rgb '#c9ced6' title 'memfd'
"""
        subprocess.run(["gnuplot"], input=script, text=True, check=True)


def command_table(kernel, qemu, *paths):
    operations, info = read_results(paths)
    data = {
        "name": kernel,
        "kernel": info.get("kernel", kernel),
        "parameters": info.get("parameters", ""),
        "qemu": qemu,
        "qemu_options": QEMU_OPTIONS,
        "operations": operations,
    }
    with open(JSON, "w", encoding="utf-8") as f:
        json.dump(data, f, indent=1)
        f.write("\n")
    print_table(data, judge=kernel == MAIN)
    write_chart(data, "build/bench")
    if kernel != MAIN:
        print("\nbuild/bench.json, build/bench.svg and build/bench.png written")
        return
    missed = [c.title for c in table_rows(data) if c.verdict == "missed"]
    print(f"\n{len(missed)} target(s) missed; build/bench.json, build/bench.svg and build/bench.png written")


def command_native(path):
    """Nanoseconds; the targets are for instructions, so nothing is judged."""
    operations, info = read_results([path])
    data = {"kernel": info.get("kernel"), "processor": info.get("processor"),
            "operations": operations}
    with open("build/bench-native.json", "w", encoding="utf-8") as f:
        json.dump(data, f, indent=1)
        f.write("\n")
    print(f"Linux {data['kernel']}, {data['processor']}; nanoseconds where nothing else is said")
    print_table(data, judge=False)
    print("\nbuild/bench-native.json written")


def rst_table(lines):
    out = [".. list-table::", "   :header-rows: 1", ""]
    for line in lines:
        for i, text in enumerate(line):
            out.append(("   * - " if i == 0 else "     - ") + text.strip().replace("<=", "≤").replace(">=", "≥"))
    return [line.rstrip() for line in out]


def explanation(data):
    """What the figures say of each row that misses its target."""
    out = []
    for cells in table_rows(data):
        if cells.verdict == "missed" and cells.note:
            out += [f"{cells.title}:", f"  {cells.note}", ""]
    return out or ["Every target is reached.", ""]


def command_record():
    data = load(JSON)
    name = data["name"]
    os.makedirs(FOLDER, exist_ok=True)
    shutil.copyfile(JSON, baseline(name))
    lines = [f"Linux {data['kernel']}, {data['qemu']}, ``{data['qemu_options']}``.", ""]
    if name == MAIN:
        for suffix in ("svg", "png"):
            shutil.copyfile("build/bench." + suffix, f"{FOLDER}/chart.{suffix}")
        lines += [".. image:: performance/chart.svg",
                  "   :alt: xshm and memfd against System V", ""]
        lines += rst_table([HEADER] + [cells_as_text(cells) for cells in table_rows(data)])
        lines += ["", "What is missed", "^^^^^^^^^^^^^^", ""] + explanation(data)
    else:
        lines += rst_table(lines_beside(data, load(baseline(MAIN)), MAIN))
    write_block(name, lines)
    print(f"recorded in {baseline(name)} and {DOCUMENT}")


def write_block(name, lines):
    """Of the document, what is between the two comments with this name."""
    with open(DOCUMENT, encoding="utf-8") as f:
        text = f.read()
    begin, end = f".. begin generated {name}\n", f".. end generated {name}\n"
    before, rest = text.split(begin)
    after = rest.split(end)[1]
    with open(DOCUMENT, "w", encoding="utf-8") as f:
        f.write(before + begin + "\n" + "\n".join(lines).rstrip() + "\n\n" + end + after)


def command_check(name, path):
    data = load(baseline(name))
    recorded = data["operations"]
    operations, info = read_results([path])
    if info.get("kernel") != data["kernel"]:
        print(f"recorded on Linux {data['kernel']}, this is {info.get('kernel')}")
    passed = failed = 0
    for name, operation in operations.items():
        for key in ("xshm/sysv", "xshm/memfd", "served/sysv", "served/memfd"):
            before = recorded.get(name, {}).get(key)
            if before is None or key not in operation or operation["unit"] != "instructions":
                continue
            good = operation[key] <= before * WORSE
            passed, failed = passed + good, failed + (not good)
            print(f"{'ok' if good else 'not ok'} - {name} {key} {operation[key]:.4f}"
                  f" (recorded {before:.4f})")
    if not passed:
        print("not ok - something was compared")
        failed += 1
    print(f"{passed} passed, {failed} failed")
    return failed > 0


COMMANDS = {"table": command_table, "record": command_record, "check": command_check,
            "native": command_native}

if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in COMMANDS:
        sys.exit(__doc__)
    sys.exit(COMMANDS[sys.argv[1]](*sys.argv[2:]))
