// Rotary positions stretched to longer texts: the inverse frequencies that `RopeOptions` and `Llama` take.
//
//   Llama c{...};
//   c.inverse_frequencies = llama3_frequencies(500000, 128, {.factor = 8, .original_positions = 8192});
//
//   const YarnScaling yarn{.factor = 4, .original_positions = 4096};
//   c.inverse_frequencies = yarn_frequencies(10000, 128, yarn);
//   c.attention_factor = yarn_attention_factor(yarn);
//
// All return depth / 2 numbers, in radians a position, the fastest first. Error: an odd depth, or a factor or a length
// that is not positive.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace uwaga {

// theta^(-2i / depth) (Su et al. 2021).
std::vector<double> rope_frequencies(double theta, std::int64_t depth);

// Every frequency divided by the factor: positions interpolated (Chen et al. 2023).
std::vector<double> linear_frequencies(double theta, std::int64_t depth, double factor);

// Llama 3.1: wavelengths shorter than original_positions / high_factor stay, those longer than original_positions /
// low_factor are stretched by `factor`, and between them the two are mixed.
struct Llama3Scaling {
  double factor = 8, low_factor = 1, high_factor = 4;
  std::int64_t original_positions = 8192;
};
std::vector<double> llama3_frequencies(double theta, std::int64_t depth, const Llama3Scaling& s);

// YaRN (Peng et al. 2023): pairs that turn more than beta_fast times within the original length stay, those that turn
// less than beta_slow times are stretched, with a linear ramp over the pairs between; `truncate` rounds its ends
// outward.
struct YarnScaling {
  double factor = 1, beta_fast = 32, beta_slow = 1;
  bool truncate = true;
  std::int64_t original_positions = 4096;
  std::optional<double> attention_factor = std::nullopt;  // as given, or by the two below
  std::optional<double> mscale = std::nullopt, mscale_all_dim = std::nullopt;
};
std::vector<double> yarn_frequencies(double theta, std::int64_t depth, const YarnScaling& s);
// What sine and cosine are multiplied by: 0.1 ln(factor) + 1 unless the scaling says otherwise.
double yarn_attention_factor(const YarnScaling& s);

}  // namespace uwaga
