"""The options that the peers share, and the line that those of `uwaga bench step` print."""
import argparse
import json
import resource

MODELS = {"gpt2-124m": 50257, "llama-110m": 32000}  # words


def options(numbers, *switches):
    p = argparse.ArgumentParser()
    p.add_argument("--model", choices=MODELS, default="gpt2-124m")
    for name, value in {"threads": 2, **numbers}.items():
        p.add_argument(f"--{name}", type=int, default=value)
    for name in switches:
        p.add_argument(f"--{name}", action="store_true")
    return p.parse_args()


def step_options(*switches):
    return options({"batch": 4, "time": 64, "layers": 12, "runs": 5}, *switches)


def print_step(peer, o, times):
    """Seconds of all runs, the first two of which do not count."""
    measured = sorted(times[2:])
    print(json.dumps({
        "peer": peer, "model": o.model, "batch": o.batch, "time": o.time, "threads": o.threads,
        "milliseconds": measured[len(measured) // 2] * 1e3, "milliseconds_least": measured[0] * 1e3,
        "first_seconds": times[0], "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))
