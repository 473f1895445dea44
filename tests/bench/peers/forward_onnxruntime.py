"""Milliseconds of the loss of a batch in ONNX Runtime, beside `uwaga bench forward`: the PyTorch model, exported. One JSON line."""
import os
import tempfile
import time

import onnxruntime
import torch

from models import standard
from options import MODELS, print_step, step_options

o = step_options()


class Loss(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, tokens, targets):
        return self.model(tokens, targets)


model = standard(o.model, o.layers).eval()
tokens, targets = (torch.randint(0, MODELS[o.model], (o.batch, o.time)) for _ in range(2))
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "model.onnx")
    torch.onnx.export(Loss(model), (tokens, targets), path, input_names=["tokens", "targets"], output_names=["loss"], verbose=False)
    session_options = onnxruntime.SessionOptions()
    session_options.intra_op_num_threads = o.threads
    session_options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = onnxruntime.InferenceSession(path, session_options, providers=["CPUExecutionProvider"])
inputs = {"tokens": tokens.numpy(), "targets": targets.numpy()}
times = []
for _ in range(-2, o.runs):
    start = time.perf_counter()
    session.run(["loss"], inputs)
    times.append(time.perf_counter() - start)
print_step(f"onnxruntime {onnxruntime.__version__} forward", o, times)
