"""The tables: on the screen, as bench/results.json, and one plot each."""

import datetime
import json
import math
import os
import pathlib
import platform
import re
import subprocess

import plot
from figures import BROKEN, MISSING, UNSAID, WITHIN, ratio, summary
from measure import verdicts
from row import METRICS
from stage import PG_BIN, ROOT, Weir


def shown(value, metric, unit=True):
    if value is None or math.isnan(value):
        return "-"
    _, suffix, decimals, _ = METRICS[metric]
    return f"{value:,.{decimals}f}" + (f" {suffix}" if unit and suffix else "")


def spread(figures):
    """Half the distance of the quartiles, in percent of the median."""
    if figures["rounds"] < 2 or not figures["median"]:
        return ""
    return f" ±{(figures['q3'] - figures['q1']) / 2 / abs(figures['median']) * 100:.1f}%"


def groups_of(measured):
    out = {}
    for entry in measured:
        out.setdefault(entry[0].group, []).append(entry)
    return out


def base_of(row, samples):
    """Whom the others are compared with."""
    if len(samples) < 2:
        return None
    return next((name for name in ("relay", "pgbouncer", "direct", "libpg_query", *row.who) if name in samples), None)


def row_lines(row, samples, judged=True):
    """One line for each contestant, one for each bound."""
    base = base_of(row, samples)
    lines = [f"{row.name:<30}" + "".join(f"{METRICS[m][0]:>21}" for m in row.shows) + (f"{'x ' + base:>13}" if base else "")]
    for name in row.who:
        if name not in samples:
            continue
        line = f"  {name:<28}"
        for metric in row.shows:
            figures = summary(samples[name], metric)
            line += f"{shown(figures['median'], metric) + spread(figures) if figures else '-':>21}"
        compared = ratio(samples, row.shows[0], name, base) if base and name != base else None
        lines.append(line + (f"{compared:>13.2f}" if compared is not None else ""))
    if judged:
        lines += ["    " + verdict_words(bound, verdict) for bound, verdict in zip(row.bounds, verdicts(row, samples))]
    if row.note:
        lines.append(f"    ({row.note})")
    return lines


def verdict_words(bound, verdict):
    what = f"{bound.whom}: {METRICS[bound.metric][0]} {bound.words()}"
    if verdict.outcome == MISSING:
        return f"{what:<46} not measured"
    value = f"{verdict.value:.3g}" if bound.of else shown(verdict.value, bound.metric)
    seen = f"{value} ({verdict.low:.4g} to {verdict.high:.4g}, {verdict.rounds} round{'s' if verdict.rounds > 1 else ''})"
    return f"{what:<46} {seen:<40} {verdict.outcome}"


def text(measured, judged=True):
    lines, count = [], {WITHIN: 0, BROKEN: 0, UNSAID: 0, MISSING: 0}
    for group, entries in groups_of(measured).items():
        lines += ["", f"== {group}", ""]
        for row, samples, _ in entries:
            lines += row_lines(row, samples, judged)
            for verdict in verdicts(row, samples):
                count[verdict.outcome] += 1
    if judged:
        lines += ["", "bounds: " + ", ".join(f"{n} {name}" for name, n in count.items() if n)]
    return "\n".join(lines)


def said(*command):
    try:
        return subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=20, cwd=ROOT).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""


def surroundings():
    """Where, with what and when."""
    cpu = re.search(r"model name\s*:\s*(.*)", pathlib.Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text())
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "commit": said("git", "rev-parse", "--short=12", "HEAD"),
        "changed": bool(said("git", "status", "--porcelain", "--untracked-files=no")),
        "machine": {"processor": cpu[1] if cpu else platform.machine(), "cores": os.cpu_count(),
                    "memory_mib": int(memory[1]) // 1024 if memory else 0, "kernel": platform.release(),
                    "load_before": [round(n, 2) for n in os.getloadavg()]},
        "versions": {"weir": said(Weir.binary, "--version"), "postgresql": said(PG_BIN / "postgres", "--version"),
                     "pgbouncer": said("/usr/sbin/pgbouncer", "--version").split("\n")[0]},
    }


def machine_words(where):
    m, v = where["machine"], where["versions"]
    return (f"{m['processor']}, {m['cores']} cores, Linux {m['kernel']}; {v['weir']}, {v['postgresql']}, {v['pgbouncer']}; "
            f"commit {where['commit']}{' and changes' if where['changed'] else ''}; {where['date']}; "
            f"load average before {m['load_before'][0]}")


def as_json(measured, where):
    rows = []
    for row, samples, problems in measured:
        rows.append({
            "group": row.group, "row": row.name, "note": row.note,
            "figures": {name: {metric: summary(rounds, metric) for metric in METRICS if summary(rounds, metric)}
                        for name, rounds in samples.items()},
            "bounds": [{"what": f"{b.whom}: {b.metric} {b.words()}", "outcome": v.outcome}
                       | ({} if v.outcome == MISSING else {"value": v.value, "low": v.low, "high": v.high, "rounds": v.rounds})
                       for b, v in zip(row.bounds, verdicts(row, samples))],
            "problems": problems})
    return where | {"rows": rows}


def panel(row, samples):
    """The first of the figures that a row shows."""
    metric = row.shows[0]
    name, unit, _, more = METRICS[metric]
    bars = [plot.Bar(who, f["median"], f["q1"], f["q3"], shown(f["median"], metric))
            for who in row.who if who in samples and (f := summary(samples[who], metric))]
    return plot.Panel(f"{row.name}: {name}" + (f" ({unit})" if unit else ""), bars, "more is better" if more else "less is better")


RISE = 0.02  # of instructions, from one run of all to the next, that needs no reason


def more_instructions(old, new):
    """[words] for what needs more instructions than in an older results.json, or fewer, by more than RISE."""
    def counts(results):
        return {(row["row"], who): figures["instructions"]["median"] for row in results.get("rows", [])
                for who, figures in row["figures"].items() if "instructions" in figures}

    before, out = counts(old), []
    for key, now in counts(new).items():
        change = now / before[key] - 1 if before.get(key) else 0
        if abs(change) > RISE:
            out.append(f"{key[0]}, {key[1]}: {before[key]:,.0f} -> {now:,.0f} instructions ({change:+.1%})")
    return out


def last_results():
    """Of the last run of all rows; nothing if there was none."""
    try:
        return json.loads((ROOT / "bench" / "results.json").read_text())
    except (OSError, ValueError):
        return {}


def file_name(group):
    return re.sub(r"[^a-z0-9]+", "-", group.lower()).strip("-") + ".svg"


def write(measured, where, folder):
    """results.json and plots/*.svg in `folder`."""
    (folder / "plots").mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(json.dumps(as_json(measured, where), indent=1) + "\n")
    for group, entries in groups_of(measured).items():
        panels = [panel(row, samples) for row, samples, _ in entries]
        (folder / "plots" / file_name(group)).write_text(plot.bars(group, machine_words(where), panels))
