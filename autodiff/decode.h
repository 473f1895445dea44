// Derived decode: from a graph over a whole text, one that goes on from where a text was left.
//
//   Graph step = derive_decode(logits, Axis("time"), {.capacity = 1024, .sizes = {{"batch", 1}}});
//   Program p = compile(step, Target::host(), state);
//   p.run({{"tokens", prompt}}, {{"past", 0}});                   // the first 12 positions, at once
//   p.run({{"tokens", next}}, {{"past", 12}});                    // one more
//
// Along the axis `time` a run computes `new` positions after `past` others. What crosses the renaming of `time` to another
// axis (keys and values, whatever attention was written) is kept in state slots, `h.3.attn.cache.0` and so on: the rename
// becomes what the slot holds of `past` with the new positions behind it, which the run appends. Indices along `time` begin
// at `past`, parameters and tables over `time` are read there. Everything else is as it was, and so are its bits.
//
// It holds for graphs in which no position sees a later one. That is proved from the masks: where a sum or a maximum runs over
// keys, its terms must be neutral wherever key > time: scores of -inf, or weights of 0, selected by comparisons of the two indices,
// their differences among them. A large negative score rules no key out. Refused, with the op and its line, is whatever else mixes
// positions: scan, cond and random numbers over them; sum, mean, softmax or dot along `time` itself; pad, slice (and so a convolution
// by slices), concat, reverse, cumsum, argmax, top_k and gather along it or along keys; split of it, and merge into it. An axis that
// `time` is renamed to is one of positions wherever it occurs: keys of an encoder need a name of their own.
//
// What is renamed is what is kept. Of latent attention (DeepSeek-AI 2024) rename the latent before it is projected up to keys and
// values, and the latent alone is cached. An encoder inside the graph, and the keys and values made of it, are computed again for
// every token: make them inputs of the decoder, the encoder a graph of its own.
#pragma once

#include <optional>

#include <uwaga/ir/ops.h>

namespace uwaga {

struct DecodeOptions {
  std::int64_t capacity = 0;                       // positions that the caches hold; 0: the bound of the axis
  std::optional<std::int64_t> count = std::nullopt;  // of new positions: fixed, or the symbol `new`
  Sizes sizes = {};                                // of the graph's other symbols: caches need all of theirs
};

// Inputs over `time` have `new` positions there; the symbol `past` is given to `run`, and together they are at most the capacity,
// or the Error says which cache is full. Errors here: no input has the axis, updates (a training step is no text), positions that
// mix, a later one seen, a cache whose size is not known.
Graph derive_decode(const Graph& graph, const Axis& time, const DecodeOptions& options = {}, Here where = Here::current());

// The symbols of a derived graph.
inline constexpr const char *kPastPositions = "past", *kNewPositions = "new";

}  // namespace uwaga
