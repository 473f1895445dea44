// Scaled dot-product attention (Vaswani et al. 2017), over named axes.
//
//   Tensor o = attention(q, k, v, {.query = time, .key = key, .depth = depth, .mask = causal()});
//
// q [.. query depth], k [.. key depth], v [.. key depth'] -> [.. query depth']: axes besides these are batch axes; q may
// have some that k and v lack (grouped queries: q [batch time group head depth], k [batch key group depth]), and what k has of
// them and q lacks (queries that are parameters) q is broadcast over.
// `score` and `mask` see one score and the indices of its query and its key (i32), and may use any tensors of the program
// that are elementwise over query x key, looked up in tables by the indices too: a learned bias gets its gradient. A fully masked
// row gives 0. Kernels never store the scores, and give a captured tensor its gradient in the same pass: one with some of the axes
// of the scores (of both query and key, a batch axis such as heads too), or a table by distance. What no kernel computes runs from the body, and CompileReport::refused_attention tells why.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include <uwaga/ir/ops.h>

namespace uwaga {

struct Score {
  Tensor score;         // [.. query key], scaled
  Tensor query, key;    // i32 [query key], both
};
// (score, query, key) -> the score to use.
using ScoreFunction = std::function<Tensor(const Score&)>;
// (query, key) -> bool: may this query see this key? Empty: yes.
using MaskFunction = std::function<Tensor(Tensor query, Tensor key)>;

MaskFunction causal(Here where = Here::current());                        // key <= query
MaskFunction sliding_window(std::int64_t w, Here where = Here::current());  // query - w < key <= query
// Keys whose `real` [.. key] (i32 or bool) is not 0, besides what `mask` asks for.
MaskFunction padded(Tensor real, MaskFunction mask = {}, Here where = Here::current());
// Keys of the query's own document, besides what `mask` asks for: ids [.. query], i32.
MaskFunction same_document(Tensor ids, MaskFunction mask = causal(), Here where = Here::current());

// Of the probabilities: each dropped with probability `rate` and the others divided by 1 - rate. Bits are drawn for scope.name.
struct AttentionDropout {
  Scope scope;
  double rate = 0;
  std::string name = "probabilities";
};

struct AttentionOptions {
  Axis query{"time"}, key{"key"}, depth{"depth"};
  std::optional<double> scale = std::nullopt;  // 1 / sqrt(depth) unless given
  ScoreFunction score = {};
  MaskFunction mask = {};
  std::optional<AttentionDropout> dropout = std::nullopt;
};
Tensor attention(Operand q, Operand k, Operand v, const AttentionOptions& options);

// Rotary position embedding (Su et al. 2021), half layout: pairs (i, i + d/2) turn by position * theta^(-2i/d). Positions
// are the indices along `time` unless given (i32, axes of x). Angles are f64 where x is, else f32. `interleaved` pairs (2i, 2i + 1).
struct RopeOptions {
  double theta = 10000;
  bool interleaved = false;
  std::optional<Tensor> positions = std::nullopt;
  std::optional<std::vector<double>> inverse_frequencies = std::nullopt;  // d/2 of them: scaled variants
  double attention_factor = 1;  // multiplies sine and cosine
};
Tensor rope(Operand x, const Axis& time, const Axis& depth, const RopeOptions& options = {});

}  // namespace uwaga
