// One token drawn from logits.
//
//   std::int32_t next = sample(logits, {.temperature = 0.8, .top_k = 40, .seed = 1}, position);
//
// Order: divide by the temperature, keep the `top_k` largest, of these the fewest whose probabilities reach `top_p`
// (Holtzman et al. 2019, https://arxiv.org/abs/1904.09751), draw. Ties go to the lower id. The random number follows
// from (seed, position) alone, by the counters of ir/random.h, so a text can be continued where it was left.
#pragma once

#include <cstdint>
#include <span>

namespace uwaga {

struct SampleOptions {
  double temperature = 1;  // 0: the largest logit, always
  int top_k = 0;           // 0: all
  double top_p = 1;        // 1: all
  std::int64_t seed = 0;
};

// Throws Error for options out of range. Called by `sample`.
void check(const SampleOptions& options);

// Throws Error for no logits, or where one is NaN.
std::int32_t sample(std::span<const float> logits, const SampleOptions& options, std::int64_t position);

}  // namespace uwaga
