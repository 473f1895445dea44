"""The options all the peers of `uwaga bench step` take."""
import argparse


def step_options(*switches):
    p = argparse.ArgumentParser()
    for name, value in {"threads": 2, "batch": 4, "time": 64, "layers": 12, "runs": 5}.items():
        p.add_argument(f"--{name}", type=int, default=value)
    for name in switches:
        p.add_argument(f"--{name}", action="store_true")
    return p.parse_args()
