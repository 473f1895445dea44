// Attention in the ways people write it, for the tests of every target's kernels.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include <uwaga/autodiff/autodiff.h>
#include <uwaga/codegen/attention.h>
#include <uwaga/ir/attributes.h>
#include <uwaga/ir/composites/attention.h>
#include <uwaga/ir/ops.h>
#include <uwaga/ir/passes/passes.h>

#include "tests/catch.h"

namespace uwaga::test {

struct Variant {
  std::string what;
  bool group = false, gradient = false, bias = false, real = false, table = false, narrow = false;  // narrow: comes in as bf16
  std::vector<std::string> bias_axes = {"head"};
  bool host_only = false;  // its gradient
  bool one_key = false;    // for all heads, whose values are their own
  double dropout = 0;
  int depth = 8, value_depth = 8, queries = 0;  // 0: the symbol `time`
  std::function<void(AttentionOptions&, const Tensor& bias, const Tensor& real)> set = {};
};

inline const Axis kBatch("batch"), kTime("time"), kKey("key"), kHead("head", 2), kGroup("group", 3);

inline Graph attend(const Variant& v) {
  Graph g;
  const Axis depth("depth", v.depth), value("value", v.value_depth);
  const Axis time = v.queries > 0 ? Axis("time", v.queries) : kTime;
  const Axes rows = v.group ? Axes{kBatch, time, kHead, kGroup} : Axes{kBatch, time, kHead};
  Axes query = rows, out = rows;
  query.push_back(depth);
  out.push_back(value);
  const auto input = [&](const char* name, const Axes& axes) {
    const Tensor x = g.input(name, v.narrow ? DType::bf16 : DType::f32, axes);
    return v.narrow ? cast(x, DType::f32) : x;
  };
  const Tensor q = input("q", query), k = input("k", v.one_key ? Axes{kBatch, kKey, depth} : Axes{kBatch, kKey, kHead, depth}), x = input("v", {kBatch, kKey, kHead, value});
  std::vector<Tensor> wrt{q, k, x};
  Tensor bias = q, real = q;  // unless the variant has one
  if (v.bias) {
    Axes axes;
    for (const std::string& name : v.bias_axes) axes.push_back(name == "head" ? kHead : name == "bucket" ? Axis("bucket", 9) : name == "time" ? time : Axis(name));
    wrt.push_back(bias = g.input("bias", DType::f32, axes));
  }
  if (v.table) bias = g.input("table", DType::f32, {{"bucket", 9}, kHead});
  if (v.real) real = g.input("real", DType::i32, {kBatch, kKey});
  AttentionOptions options{.query = time, .key = kKey, .depth = depth};
  if (v.set) v.set(options, bias, real);
  if (v.dropout > 0) options.dropout = AttentionDropout{g.scope(), v.dropout};
  const Tensor o = attention(q, k, x, options);
  g->add_output("o", o.value());
  if (!v.gradient) return g;
  const Tensor w = g.input("w", DType::f32, out);
  Axes all = out;
  const std::vector<Tensor> gradients = grad(sum(o * w, all), wrt);
  for (std::size_t i = 0; i < gradients.size(); ++i) g->add_output("g" + std::to_string(i), gradients[i].value());
  return g;
}

inline Graph lowered(const Graph& g, AttentionClaims* claims = nullptr) {
  const AttentionClaims found = find_attention(g);
  if (claims) *claims = found;
  return dce(cse(simplify(strip(expand(g, [&](const CallAttrs& c) { return found.keeps(c); })))));
}

inline std::vector<Variant> variants() {
  const auto soft_cap = [](const Tensor& bias) {
    return [bias](const Score& s) {
      const Tensor distance = broadcast_like(cast(s.query - s.key, DType::f32), s.score);
      return tanh((s.score - broadcast_like(bias, s.score) * distance * 0.05) * 0.2) * 5.0;
    };
  };
  return {
      {.what = "no mask"},
      {.what = "causal", .set = [](AttentionOptions& o, const Tensor&, const Tensor&) { o.mask = causal(); }},
      {.what = "a window, odd depths", .depth = 7, .value_depth = 19,
       .set = [](AttentionOptions& o, const Tensor&, const Tensor&) { o.mask = sliding_window(5); }},
      {.what = "grouped queries", .group = true, .set = [](AttentionOptions& o, const Tensor&, const Tensor&) { o.mask = causal(); }},
      {.what = "keys that all heads share", .one_key = true, .set = [](AttentionOptions& o, const Tensor&, const Tensor&) { o.mask = causal(); }},
      {.what = "padded", .real = true, .set = [](AttentionOptions& o, const Tensor&, const Tensor& real) { o.mask = padded(real, causal()); }},
      {.what = "a learned bias, a soft cap and a window", .bias = true,
       .set = [soft_cap](AttentionOptions& o, const Tensor& bias, const Tensor&) {
         o.score = soft_cap(bias);
         o.mask = sliding_window(70);
       }},
      // The gradient of the bias sums the batch first, then query and key, with the distance between them.
      {.what = "a learned slope as an outer product", .bias = true,
       .set = [](AttentionOptions& o, const Tensor& bias, const Tensor&) {
         o.score = [bias](const Score& s) { return s.score - outer(bias, cast(s.query - s.key, DType::f32) * 0.05) / 3.0; };
         o.mask = causal();
       }},
      {.what = "a bias by distance, from a table", .table = true,
       .set = [](AttentionOptions& o, const Tensor& table, const Tensor&) {
         o.score = [table](const Score& s) { return s.score + gather(table, min(max(s.query - s.key, 0), 8), "bucket"); };
         o.mask = causal();
       }},
      {.what = "with dropout", .dropout = 0.3, .set = [](AttentionOptions& o, const Tensor&, const Tensor&) { o.mask = causal(); }},
      {.what = "documents, looked up by both indices", .real = true,
       .set = [](AttentionOptions& o, const Tensor&, const Tensor& real) {
         const Tensor documents = rename(real, kKey, "place");
         o.mask = [documents](const Tensor& query, const Tensor& key) {
           return logical_and(equal(gather(documents, query, "place"), gather(documents, key, "place")), key <= query);
         };
       }},
  };
}

// Scores that read tensors whose gradients are sums of scores in every other way.
inline std::vector<Variant> learned_variants() {
  const auto added = [](AttentionOptions& o, const Tensor& bias, const Tensor&) {
    o.score = [bias](const Score& s) { return s.score - broadcast_like(bias, s.score) * 0.3; };
    o.mask = sliding_window(70);
  };
  const auto looked_up = [](AttentionOptions& o, const Tensor& table, const Tensor&) {
    o.score = [table](const Score& s) { return s.score + broadcast_like(gather(table, min(abs(s.query - s.key), 8), "bucket"), s.score); };
    o.mask = causal();
  };
  std::vector<Variant> out = {
      {.what = "a temperature", .bias = true, .bias_axes = {}, .host_only = false,
       .set = [](AttentionOptions& o, const Tensor& bias, const Tensor&) {
         o.score = [bias](const Score& s) { return s.score * broadcast_like(bias, s.score); };
         o.mask = causal();
       }},
      {.what = "a table by distance for each head", .bias = true, .bias_axes = {"bucket", "head"}, .set = looked_up},
      {.what = "a table by distance for all heads", .bias = true, .bias_axes = {"bucket"}, .set = looked_up},
      {.what = "a table by distance, of the batch's own", .bias = true, .bias_axes = {"bucket", "batch"}, .set = looked_up},
      {.what = "tables by the query and by the key", .bias = true, .bias_axes = {"bucket", "head"},
       .set = [](AttentionOptions& o, const Tensor& table, const Tensor&) {
         o.score = [table](const Score& s) {
           return s.score + gather(table, min(s.query, 8), "bucket") - gather(table * 0.5, rem(s.key, 9), "bucket");
         };
       }},
      // The distance is in the scores and in the places; what is dear is kept for the one and not for the other.
      {.what = "a table by logarithms of the distance that scores read too", .bias = true, .bias_axes = {"bucket", "head"},
       .set = [](AttentionOptions& o, const Tensor& table, const Tensor&) {
         o.score = [table](const Score& s) {
           const Tensor far = log(cast(abs(s.query - s.key), DType::f32) + 1.0);
           return s.score + gather(table, min(cast(far * 2.0, DType::i32), 8), "bucket") - broadcast_like(far * 0.3, s.score);
         };
         o.mask = causal();
       }},
      {.what = "a number for each query, key and head", .bias = true, .bias_axes = {"key", "head", "time"}, .set = added},
      {.what = "a number for each key", .bias = true, .bias_axes = {"key"}, .set = added},
      {.what = "a number for each query of the batch", .bias = true, .bias_axes = {"time", "batch"}, .set = added},
      {.what = "a number for each query and head", .bias = true, .bias_axes = {"head", "batch", "time"}, .set = added},
  };
  for (Variant& v : out) v.gradient = true, v.host_only = v.what != "a temperature";
  return out;
}

// Within a part of the largest element.
inline void check_close(const Arrays& have, const Arrays& want, double part) {
  for (const auto& [name, array] : want) {
    const Array& mine = have.at(name);
    double largest = 1, worst = 0;
    for (std::int64_t i = 0; i < array.elements(); ++i) {
      largest = std::max(largest, std::abs(array.at(i)));
      const double difference = std::abs(array.at(i) - mine.at(i));
      worst = difference <= worst ? worst : difference;  // NaN stays
    }
    INFO("output " << name << ": worst " << worst << " of " << largest);
    CHECK(worst <= part * largest);
  }
}

}  // namespace uwaga::test
