#!/usr/bin/env python3
"""uwaga beside its peers: every program of a row in turns, several rounds, one table; the whole as JSON with --out.

    tests/bench/compare.py --python ~/peers/bin/python [--rounds 3] [--threads 2] [--out FILE] [ROW ...]

Rows: step, step-bf16, long, long-bf16 (training steps of GPT-2 124M at B4 T64 and B1 T1024), forward, forward-bf16,
forward-long (its loss alone, at B4 T64 and B1 T512), gemm. Peers whose framework is not installed are left out, and said.
A figure is the median over the rounds of each round's median; the ratio is that of the best peer to uwaga: above 1, uwaga
is faster.
"""
import argparse
import json
import os
import platform
import subprocess
import sys
from statistics import median

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
GEMM = [(256, 768, 768, ""), (256, 3072, 768, ""), (256, 768, 3072, "b"), (768, 3072, 256, "a"), (3072, 768, 256, "a"),
        (512, 512, 512, ""), (1024, 1024, 1024, ""), (2048, 2048, 2048, "")]

p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
p.add_argument("rows", nargs="*", metavar="ROW")
p.add_argument("--python", default=sys.executable, help="the interpreter that has the peers")
p.add_argument("--uwaga", default=os.path.join(ROOT, "build/release/bin/uwaga"))
p.add_argument("--rounds", type=int, default=3)
p.add_argument("--runs", type=int, default=3, help="timed runs in a round")
p.add_argument("--threads", type=int, default=2)
p.add_argument("--out", help="write everything measured here")
o = p.parse_args()
KNOWN = ["step", "step-bf16", "long", "long-bf16", "forward", "forward-bf16", "forward-long", "gemm"]
for row in o.rows:
    if row not in KNOWN:
        p.error(f"there is no row '{row}': {', '.join(KNOWN)}")


def lines(command):
    """The JSON lines that a command prints, or why there are none."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        return None, (done.stderr.strip().splitlines() or ["no output"])[-1]
    return [json.loads(l) for l in done.stdout.splitlines() if l.startswith("{")], None


def step_commands(batch, time, bf16, forward=False):
    size = ["--batch", str(batch), "--time", str(time), "--threads", str(o.threads), "--runs", str(o.runs)]
    kind = (["--bf16"] if bf16 else []) + (["--forward"] if forward else [])
    peer = lambda name, *more: [o.python, os.path.join(HERE, "peers", name), *size, *kind, *more]
    work = "forward" if forward else "step"
    return {"uwaga": [o.uwaga, "bench", work, "--model", "gpt2-124m", "--json", *size, "--precision", "bf16" if bf16 else "f32"],
            "torch eager": peer("gpt2_step.py"), "torch compiled": peer("gpt2_step.py", "--compile"),
            "jax": peer("gpt2_step_jax.py")}


def gemm_command(m, n, k, transposed):
    flags = {"": [], "a": ["--transpose-a"], "b": ["--transpose-b"]}[transposed]
    return [o.uwaga, "bench", "gemm", "-m", str(m), "-n", str(n), "-k", str(k), "--json", "--threads", str(o.threads),
            "--runs", "15", *flags]


results, missing = [], {}


def measure(row, commands):
    """Rounds of all commands in turns."""
    seen = {name: [] for name in commands}
    for _ in range(o.rounds):
        for name, command in commands.items():
            if name in missing:
                continue
            found, why = lines(command)
            if found:
                seen[name].append(found[-1])
            else:
                missing[name] = why
    results.append({"row": row, "programs": seen})
    figures = {name: median(r["milliseconds"] for r in runs) for name, runs in seen.items() if runs}
    if "uwaga" not in figures:
        sys.exit(f"uwaga: {missing['uwaga']}")
    peers = {name: f for name, f in figures.items() if name != "uwaga"}
    share = median(r["roofline_share"] for r in seen["uwaga"])
    print(f"{row:22} {figures['uwaga']:10.1f} ms  of roofline {share:4.2f}" +
          "".join(f"  {name} {f:.1f}" for name, f in peers.items()) +
          (f"  best peer / uwaga {min(peers.values()) / figures['uwaga']:.2f}" if peers else ""), flush=True)


def gemm():
    ours, theirs = {}, {}
    for _ in range(o.rounds):
        for shape in GEMM:
            found, why = lines(gemm_command(*shape))
            if not found:
                sys.exit(f"uwaga: {why}")
            ours.setdefault(shape, []).append(found[-1])
        found, why = lines([o.python, os.path.join(HERE, "peers", "matmul.py"), "--threads", str(o.threads)])
        for r in found or []:
            theirs.setdefault((r["m"], r["n"], r["k"], r["transposed"]), []).append(r)
        if why:
            missing["torch"] = why
    for shape in GEMM:
        mine = median(r["gflops"] for r in ours[shape])
        peak = median(r["peak_gflops"] for r in ours[shape])
        results.append({"row": "gemm", "shape": shape, "programs": {"uwaga": ours[shape], "torch": theirs.get(shape, [])}})
        row = "x".join(map(str, shape[:3])) + (" " + shape[3] + "^T" if shape[3] else "")
        peer = median(r["gflops"] for r in theirs[shape]) if shape in theirs else None
        print(f"{row:22} {mine:10.1f} GFLOP/s  of peak {mine / peak:4.2f}" +
              (f"  torch {peer:.1f}  uwaga / peer {mine / peer:.2f}" if peer else ""), flush=True)


machine, why = lines([o.uwaga, "bench", "machine", "--json"])
if why:
    sys.exit(f"uwaga: {why}")
for m in machine:
    print(f"{m['cpu']}, {m['threads']} threads: " + ", ".join(f"{k} {v:.1f}" for k, v in m.items() if isinstance(v, float)))
sizes = {"step": (4, 64, False), "step-bf16": (4, 64, True), "long": (1, 1024, False), "long-bf16": (1, 1024, True),
         "forward": (4, 64, False, True), "forward-bf16": (4, 64, True, True), "forward-long": (1, 512, False, True)}
for row in o.rows or KNOWN:
    if row == "gemm":
        gemm()
    else:
        measure(row, step_commands(*sizes[row]))
for name, why in missing.items():
    print(f"left out {name}: {why}")
if o.out:
    with open(o.out, "w", encoding="utf-8") as f:
        json.dump({"system": platform.platform(), "threads": o.threads, "rounds": o.rounds, "machine": machine,
                   "missing": missing, "results": results}, f, indent=1)
        f.write("\n")
