#include <fmt/format.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/random.h>
#include <uwaga/runtime/generate/sample.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace uwaga {
namespace {

// In [0, 1), with 53 bits.
double uniform(std::int64_t seed, std::int64_t position) {
  const std::uint64_t key = random_key("generate", seed);
  const std::uint64_t high = random_word(key, position, 0), low = random_word(key, position, 1);
  return static_cast<double>((high << 32 | low) >> 11) * 0x1p-53;
}

}  // namespace

void check(const SampleOptions& o) {
  if (!(o.temperature >= 0) || std::isinf(o.temperature))
    throw Error(fmt::format("the temperature must be 0 or more, not {}", o.temperature));
  if (o.top_k < 0) throw Error(fmt::format("top-k must be 0 (all tokens) or more, not {}", o.top_k));
  if (!(o.top_p > 0 && o.top_p <= 1)) throw Error(fmt::format("top-p must be above 0 and at most 1, not {}", o.top_p));
}

std::int32_t sample(std::span<const float> logits, const SampleOptions& options, std::int64_t position) {
  check(options);
  if (logits.empty()) throw Error("there are no logits to draw a token from");
  for (std::size_t i = 0; i < logits.size(); ++i)
    if (std::isnan(logits[i])) throw Error(fmt::format("the logit of token {} at position {} is NaN", i, position));

  if (options.temperature == 0)
    return static_cast<std::int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());

  std::vector<std::int32_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  const auto before = [&](std::int32_t a, std::int32_t b) {
    const float x = logits[static_cast<std::size_t>(a)], y = logits[static_cast<std::size_t>(b)];
    return x != y ? x > y : a < b;
  };
  std::sort(order.begin(), order.end(), before);
  if (options.top_k > 0) order.resize(std::min(order.size(), static_cast<std::size_t>(options.top_k)));

  const double largest = logits[static_cast<std::size_t>(order[0])];
  if (std::isinf(largest)) return order[0];  // +inf wins alone; with nothing but -inf there is nothing to choose by
  std::vector<double> weights;
  double total = 0;
  for (const std::int32_t id : order) {
    weights.push_back(std::exp((logits[static_cast<std::size_t>(id)] - largest) / options.temperature));
    total += weights.back();
  }
  if (options.top_p < 1) {
    double kept = 0;
    std::size_t n = 0;
    while (n < weights.size() && kept < options.top_p * total) kept += weights[n++];
    weights.resize(n);
    total = kept;
  }
  double left = uniform(options.seed, position) * total;
  for (std::size_t i = 0; i < weights.size(); ++i)
    if ((left -= weights[i]) < 0) return order[i];
  return order[weights.size() - 1];  // rounding used up the rest
}

}  // namespace uwaga
