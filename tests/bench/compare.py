#!/usr/bin/env python3
"""uwaga beside its peers: every program of a row in turns, several rounds, one table; the whole as JSON with --out.

    tests/bench/compare.py --python ~/peers/bin/python [--rounds 3] [--threads 2] [--out FILE] [ROW ...]

Rows: training steps of GPT-2 124M and of a LLaMA of 110M at B4 T64 (step, llama) and B1 T1024 (long, llama-long), and the same whose
gradients are not clipped (step-unclipped, llama-unclipped, long-unclipped, llama-long-unclipped); the loss alone at B4
T64 and B1 T512 (forward, forward-long, llama-forward, llama-forward-long); one token after the other, behind 64 and 896 (decode,
decode-long, llama-decode, llama-decode-long); each of these with -bf16 behind too. gemm and gemm-bf16: the matrix products of those
steps, squares and odd sizes. kernels: what is no matrix product, beside the bandwidth of the level its data is in. machine: what it
could do. All of them unless named.

Peers whose framework is not installed are left out, and said. A figure is the median over the rounds of each round's
median. The ratio is that of the best peer to uwaga, above 1 where uwaga is faster: of each peer the median over the rounds of
its figure over uwaga's in the same round, as machines drift. Two shares of the roofline (of a product: of the peak): that of the
machine at its best, and that of what it did just before and after each run, where others may use the same cores. --out adds to
what FILE holds already, in place of the rows measured again.
"""
import argparse
import json
import os
import platform
import subprocess
import sys
import time
from statistics import median

from gemm_shapes import SHAPES

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
STEPS = {"step": ("gpt2-124m", "step", 4, 64), "long": ("gpt2-124m", "step", 1, 1024),
         "llama": ("llama-110m", "step", 4, 64), "llama-long": ("llama-110m", "step", 1, 1024),
         "forward": ("gpt2-124m", "forward", 4, 64), "forward-long": ("gpt2-124m", "forward", 1, 512),
         "llama-forward": ("llama-110m", "forward", 4, 64), "llama-forward-long": ("llama-110m", "forward", 1, 512)}
UNCLIPPED = "-unclipped"
STEPS.update({row + UNCLIPPED: shape for row, shape in STEPS.items() if shape[1] == "step"})
DECODE = {"decode": ("gpt2-124m", 64), "decode-long": ("gpt2-124m", 896), "llama-decode": ("llama-110m", 64), "llama-decode-long": ("llama-110m", 896)}
KNOWN = ["machine"] + [name + kind for name in [*STEPS, *DECODE, "gemm"] for kind in ("", "-bf16")] + ["kernels"]

p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
p.add_argument("rows", nargs="*", metavar="ROW")
p.add_argument("--python", default=sys.executable, help="the interpreter that has the peers")
p.add_argument("--uwaga", default=os.path.join(ROOT, "build/release/bin/uwaga"))
p.add_argument("--rounds", type=int, default=3)
p.add_argument("--runs", type=int, default=3, help="timed runs in a round")
p.add_argument("--threads", type=int, default=2)
p.add_argument("--prefix", default="", help="a command to run each program with, as taskset -c 0,1")
p.add_argument("--out", help="write everything measured here")
o = p.parse_args()
for row in o.rows:
    if row not in KNOWN:
        p.error(f"there is no row '{row}': {', '.join(KNOWN)}")

results, missing = [], {}


def peer(script, *arguments):
    return [*o.prefix.split(), o.python, os.path.join(HERE, "peers", script), "--threads", str(o.threads), *arguments]


def ours(work, *arguments):
    return [*o.prefix.split(), o.uwaga, "bench", work, "--json", *arguments]


def at(precision):
    return ["--threads", str(o.threads), "--precision", precision]


def lines(command):
    """The JSON lines that a command prints, or why there are none."""
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError as error:
        return None, str(error)
    if done.returncode != 0:
        return None, (done.stderr.strip().splitlines() or ["no output"])[-1]
    return [json.loads(l) for l in done.stdout.splitlines() if l.startswith("{")], None


def step_commands(row, precision):
    model, work, batch, length = STEPS[row]
    size = ["--model", model, "--batch", str(batch), "--time", str(length), "--runs", str(o.runs)]
    kind = (["--bf16"] if precision == "bf16" else []) + (["--forward"] if work == "forward" else [])
    clip = []
    if row.endswith(UNCLIPPED):
        clip, kind = ["--clip", "0"], [*kind, "--unclipped"]
    commands = {"uwaga": ours(work, *at(precision), *size, *clip), "torch eager": peer("step.py", *size, *kind),
                "torch compiled": peer("step.py", *size, *kind, "--compile"), "jax": peer("step_jax.py", *size, *kind)}
    if work == "forward" and precision == "f32":
        commands["onnxruntime"] = peer("forward_onnxruntime.py", *size)
    return commands


def decode_commands(row, precision):
    model, prompt = DECODE[row]
    size = ["--model", model, "--prompt", str(prompt), "--tokens", "64"]
    kind = ["--bf16"] if precision == "bf16" else []
    return {"uwaga": ours("decode", *at(precision), *size), "llama.cpp": peer("decode_llama_cpp.py", *size, *kind),
            "torch eager": peer("decode.py", *size, *kind)}


def measure(row, commands):
    """Rounds of all commands in turns."""
    seen = {name: [] for name in commands}
    for _ in range(o.rounds):
        for name, command in commands.items():
            if (row, name) in missing:
                continue
            found, why = lines(command)
            if found:
                seen[name].append(found[-1])
            else:
                missing[row, name] = why
    results.append({"row": row, "programs": seen})
    figures = {name: median(r["milliseconds"] for r in runs) for name, runs in seen.items() if runs}
    peers = {name: f for name, f in figures.items() if name != "uwaga"}
    told = "".join(f"  {name} {f:.1f}" for name, f in peers.items())
    if "uwaga" not in figures:
        return print(f"{row:22} uwaga: {missing[row, 'uwaga']} {told}", flush=True)
    print(f"{row:22} {figures['uwaga']:10.1f} ms  of roofline {reached(seen['uwaga'])}{told}" +
          (f"  best peer / uwaga {ahead(seen, peers, lambda r: r['milliseconds']):.2f}" if peers else ""), flush=True)


def reached(runs):
    """The share of the roofline of the machine at its best and, where it was measured beside the runs, of that of their moments."""
    shares = (median(r[key] for r in runs) for key in ("roofline_share", "roofline_share_beside") if key in runs[0])
    return " / ".join(f"{share:4.2f}" for share in shares)


def ahead(seen, peers, cost):
    """By how much uwaga is ahead of the best peer, its neighbour in every round."""
    return min(median(cost(theirs) / cost(own) for own, theirs in zip(seen["uwaga"], seen[name])) for name in peers)


class Session:
    """A program that times a shape a line, each when it is asked for it."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.why = None

    def ask(self, shape):
        """The answer, or why there is none."""
        if self.why:
            return None, self.why
        time.sleep(0.05)  # threads of the last program that still wait for work go to sleep
        try:
            self.process.stdin.write(shape + "\n")
            self.process.stdin.flush()
            while line := self.process.stdout.readline():
                if line.startswith("{"):
                    return json.loads(line), None
        except BrokenPipeError:
            pass
        self.why = (self.process.stderr.read().strip().splitlines() or ["no output"])[-1]
        return None, self.why

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def gemm(row, precision):
    """Every shape by every program in turns, all of them in one process each."""
    commands = {"uwaga": ours("gemm", *at(precision), "--shape", "-", "--runs", "15")}
    for name in ["mkl", "openblas", "onednn"] if precision == "f32" else ["mkl"]:
        commands[name] = peer("matmul.py", "--peer", name, "--precision", precision)
    try:
        sessions = {name: Session(command) for name, command in commands.items()}
    except OSError as error:
        return print(f"{row:22} {error}")
    for session in sessions.values():  # not counted: the others still load what they need, on the same cores
        session.ask(SHAPES[0])
    for shape in SHAPES:
        seen = {name: [] for name in commands}
        for _ in range(o.rounds):
            for name, session in sessions.items():
                if (row, name) in missing:
                    continue
                answer, why = session.ask(shape)
                if answer:
                    seen[name].append(answer)
                else:
                    missing[row, name] = why
        results.append({"row": row, "shape": shape, "programs": seen})
        figures = {name: median(r["gflops"] for r in runs) for name, runs in seen.items() if runs}
        if "uwaga" not in figures:
            return print(f"{row:22} uwaga: {missing[row, 'uwaga']}", flush=True)
        peers = {name: f for name, f in figures.items() if name != "uwaga"}
        print(f"{row:9} {shape:16} {figures['uwaga']:8.1f} GFLOP/s  of peak {reached(seen['uwaga'])}" +
              "".join(f"  {name} {f:.1f}" for name, f in peers.items()) +
              (f"  uwaga / best peer {ahead(seen, peers, lambda r: 1 / r['gflops']):.2f}" if peers else ""), flush=True)
    for session in sessions.values():
        session.close()


def kernels(row):
    found, why = lines(ours("kernels", "--threads", str(o.threads)))
    if why:
        return print(f"{row:22} uwaga: {why}")
    results.append({"row": row, "programs": {"uwaga": found}})
    for r in found:
        print(f"{row:9} {r['kernel']:26} {r['level']:8} {r['milliseconds'] * 1e3:10.1f} us  {r['gbps']:6.1f} GB/s  of bandwidth "
              f"{r['bandwidth_share']:4.2f}", flush=True)


def machine(row):
    found, why = lines(ours("machine"))
    if why:
        return print(f"{row:22} uwaga: {why}")
    results.append({"row": row, "programs": {"uwaga": found}})
    for m in found:
        print(f"{m['cpu']}, {m['threads']} threads: " + ", ".join(f"{k} {v:.2f}" for k, v in m.items() if isinstance(v, float)), flush=True)


def write():
    """What is measured so far, beside what the file holds of other rows and thread counts."""
    kept = []
    if os.path.exists(o.out):
        with open(o.out, encoding="utf-8") as f:
            again = {r["row"] for r in results}
            kept = [r for r in json.load(f)["results"] if r["row"] not in again or r["threads"] != o.threads]
    for r in results:
        r.update({"threads": o.threads, "rounds": o.rounds})
    with open(o.out, "w", encoding="utf-8") as f:
        json.dump({"system": platform.platform(), "results": kept + results}, f, indent=1)
        f.write("\n")


for row in o.rows or KNOWN:
    work, precision = (row[:-5], "bf16") if row.endswith("-bf16") else (row, "f32")
    if work == "gemm":
        gemm(row, precision)
    elif row == "kernels":
        kernels(row)
    elif row == "machine":
        machine(row)
    else:
        measure(row, decode_commands(work, precision) if work in DECODE else step_commands(work, precision))
    if o.out:
        write()
for (row, name), why in missing.items():
    print(f"left out of {row}: {name}: {why}")
