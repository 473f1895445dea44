"""Milliseconds a token of decoding in llama.cpp, batch 1, beside `uwaga bench decode`: a GGUF of the same architecture with
random weights and no vocabulary is written, loaded, given a prompt, and then one token after the other. One JSON line."""
import ctypes
import json
import os
import tempfile
import time

import gguf
import numpy as np

from options import MODELS, options

o = options({"prompt": 64, "tokens": 64, "layers": 12}, "bf16")
WIDTH, HEADS, CONTEXT, VOCAB = 768, 12, 1024, MODELS[o.model]
KIND = gguf.GGMLQuantizationType.BF16 if o.bf16 else gguf.GGMLQuantizationType.F32
random = np.random.default_rng(1)


def write(path):
    """The file, and the bytes of its weights that a token reads: of an embedding that is not the head too, one row."""
    gpt = o.model == "gpt2-124m"
    kv_heads, hidden = (HEADS, 4 * WIDTH) if gpt else (4, 2048)
    kv = kv_heads * WIDTH // HEADS
    w = gguf.GGUFWriter(path, "gpt2" if gpt else "llama")
    w.add_context_length(CONTEXT)
    w.add_embedding_length(WIDTH)
    w.add_feed_forward_length(hidden)
    w.add_block_count(o.layers)
    w.add_head_count(HEADS)
    w.add_head_count_kv(kv_heads)
    w.add_vocab_size(VOCAB)
    w.add_tokenizer_model("no_vocab")
    if gpt:
        w.add_layer_norm_eps(1e-5)
    else:
        w.add_layer_norm_rms_eps(1e-5)
        w.add_rope_dimension_count(WIDTH // HEADS)
    read = 0

    def matrix(name, rows, columns, is_read=True):
        nonlocal read
        data = gguf.quants.quantize((0.02 * random.standard_normal((rows, columns), dtype=np.float32)), KIND)
        w.add_tensor(name + ".weight", data, raw_dtype=KIND)
        read += data.nbytes * is_read

    def vector(name, size, value):
        nonlocal read
        w.add_tensor(name, np.full(size, value, np.float32))
        read += 4 * size

    def norm(name):
        vector(name + ".weight", WIDTH, 1)
        if gpt:
            vector(name + ".bias", WIDTH, 0)

    def linear(name, rows, columns):
        matrix(name, rows, columns)
        if gpt:
            vector(name + ".bias", rows, 0)

    matrix("token_embd", VOCAB, WIDTH, is_read=gpt)
    if gpt:
        matrix("position_embd", CONTEXT, WIDTH, is_read=False)
    else:
        matrix("output", VOCAB, WIDTH)
    norm("output_norm")
    for i in range(o.layers):
        at = f"blk.{i}."
        norm(at + "attn_norm")
        norm(at + "ffn_norm")
        if gpt:
            linear(at + "attn_qkv", 3 * WIDTH, WIDTH)
        else:
            linear(at + "attn_q", WIDTH, WIDTH)
            linear(at + "attn_k", kv, WIDTH)
            linear(at + "attn_v", kv, WIDTH)
            linear(at + "ffn_gate", hidden, WIDTH)
        linear(at + "attn_output", WIDTH, WIDTH)
        linear(at + "ffn_up", hidden, WIDTH)
        linear(at + "ffn_down", WIDTH, hidden)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()
    return read


def measure(path):
    import llama_cpp as llama

    quiet = llama.llama_log_callback(lambda level, text, data: None)
    llama.llama_log_set(quiet, ctypes.c_void_p(0))
    llama.llama_backend_init()
    model_options = llama.llama_model_default_params()
    model_options.n_gpu_layers = 0
    model = llama.llama_model_load_from_file(path.encode(), model_options)
    assert model, "llama.cpp refuses the file"
    run_options = llama.llama_context_default_params()
    run_options.n_ctx = run_options.n_batch = CONTEXT
    run_options.n_threads = run_options.n_threads_batch = o.threads
    context = llama.llama_init_from_model(model, run_options)

    def decode(ids):
        tokens = (llama.llama_token * len(ids))(*ids)
        assert llama.llama_decode(context, llama.llama_batch_get_one(tokens, len(ids))) == 0
        llama.llama_get_logits(context)  # waits for them

    decode(random.integers(0, VOCAB, o.prompt).tolist())
    times = []
    for id_ in random.integers(0, VOCAB, o.tokens + 2).tolist():
        start = time.perf_counter()
        decode([id_])
        times.append(time.perf_counter() - start)
    llama.llama_free(context)
    llama.llama_model_free(model)
    return llama.__version__, sorted(times[2:])


with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "model.gguf")
    weight_bytes = write(path)
    version, measured = measure(path)
print(json.dumps({"peer": "llama.cpp", "version": f"llama-cpp-python {version}", "model": o.model, "weights": "bf16" if o.bf16 else "f32",
                  "threads": o.threads, "milliseconds": measured[len(measured) // 2] * 1e3, "milliseconds_least": measured[0] * 1e3,
                  "weight_bytes": weight_bytes}))
