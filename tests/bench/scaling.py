#!/usr/bin/env python3
"""How uwaga scales: compile time against depth, graph passes against nodes, step time against batch and time.

    tests/bench/scaling.py [--threads 2] [depth] [nodes] [sizes]      # all three unless named

depth: a GPT-2 training step of 12 to 96 layers, compiled on one thread with no kernel kept and then with all of them kept.
nodes: the passes over that graph up to 100,000 nodes. sizes: a step of GPT-2 124M cut to --layers, at even and at odd sizes: a
cliff shows in the milliseconds a token, and in the share of the roofline, which counts attention's growth too.
"""
import argparse
import json
import os
import re
import subprocess
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SIZES = [(1, 64), (2, 64), (3, 64), (4, 63), (4, 64), (4, 65), (5, 64), (8, 64), (2, 127), (2, 128), (1, 1000), (1, 1024)]

p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
p.add_argument("what", nargs="*", metavar="WHAT")
p.add_argument("--bin", default=os.path.join(ROOT, "build/release/bin"))
p.add_argument("--threads", type=int, default=2)
p.add_argument("--layers", type=int, default=4)
p.add_argument("--runs", type=int, default=5)
o = p.parse_args()
for what in o.what:
    if what not in ("depth", "nodes", "sizes"):
        p.error(f"there is no '{what}': depth, nodes, sizes")


def compile_stages(layers, repetitions, cache):
    """Milliseconds by stage, and the counts of nodes and kernels."""
    done = subprocess.run([os.path.join(o.bin, "bench_compile"), str(layers), str(repetitions)], check=True, capture_output=True, text=True,
                          env={**os.environ, "UWAGA_CACHE": cache})
    stages = {m[1].strip(): float(m[2]) for m in re.finditer(r"^(.+?) +(\d+\.\d+)$", done.stdout, re.M)}
    nodes, kernels = map(int, re.search(r"(\d+) nodes, (\d+) kernels", done.stdout).groups())
    return stages, nodes, kernels


def depth():
    print(f"{'layers':>6} {'nodes':>7} {'kernels':>7} {'cold ms':>9} {'warm ms':>9} {'warm us a node':>15}")
    for layers in (12, 24, 48, 96):
        with tempfile.TemporaryDirectory() as cache:
            cold, nodes, kernels = compile_stages(layers, 1, cache)
            warm, _, _ = compile_stages(layers, 3, cache)
        print(f"{layers:6} {nodes:7} {kernels:7} {cold['in all']:9.1f} {warm['in all']:9.1f} {1e3 * warm['in all'] / nodes:15.2f}", flush=True)


def nodes():
    print(f"{'layers':>6} {'nodes':>7} {'build ms':>9} {'passes ms':>10} {'fuse ms':>9} {'us a node':>10}")
    with tempfile.TemporaryDirectory() as cache:
        for layers in (12, 48, 192, 384):
            s, n, _ = compile_stages(layers, 1, cache)
            build = s["forward"] + s["derivative and optimiser"]
            passes = s["all passes, verified"]
            print(f"{layers:6} {n:7} {build:9.1f} {passes:10.1f} {s['fuse']:9.1f} {1e3 * (build + passes + s['fuse']) / n:10.2f}", flush=True)


def sizes():
    print(f"{'batch':>6} {'time':>6} {'ms':>9} {'ms a token':>11} {'of roofline':>12}")
    for batch, time in SIZES:
        done = subprocess.run([os.path.join(o.bin, "uwaga"), "bench", "step", "--layers", str(o.layers), "--batch", str(batch), "--time", str(time),
                               "--runs", str(o.runs), "--threads", str(o.threads), "--json"], check=True, capture_output=True, text=True)
        r = json.loads(done.stdout)
        print(f"{batch:6} {time:6} {r['milliseconds']:9.1f} {r['milliseconds'] / batch / time:11.3f} {r.get('roofline_share_beside', 0):12.2f}", flush=True)


for what in o.what or ["depth", "nodes", "sizes"]:
    {"depth": depth, "nodes": nodes, "sizes": sizes}[what]()
