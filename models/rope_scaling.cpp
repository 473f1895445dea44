#include <fmt/format.h>
#include <uwaga/ir/error.h>
#include <uwaga/models/rope_scaling.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace uwaga {
namespace {

void want_positive(double value, const char* what) {
  if (!(value > 0) || !std::isfinite(value))
    throw Error(fmt::format("rotary positions want a positive {}, not {}", what, value));
}

}  // namespace

std::vector<double> rope_frequencies(double theta, std::int64_t depth) {
  want_positive(theta, "theta");
  if (depth < 2 || depth % 2 != 0) throw Error(fmt::format("rotary positions want an even depth, not {}", depth));
  std::vector<double> out;
  for (std::int64_t i = 0; i < depth; i += 2)
    out.push_back(std::pow(theta, -static_cast<double>(i) / static_cast<double>(depth)));
  return out;
}

std::vector<double> linear_frequencies(double theta, std::int64_t depth, double factor) {
  want_positive(factor, "factor");
  std::vector<double> out = rope_frequencies(theta, depth);
  for (double& f : out) f /= factor;
  return out;
}

std::vector<double> llama3_frequencies(double theta, std::int64_t depth, const Llama3Scaling& s) {
  want_positive(s.factor, "factor");
  want_positive(s.low_factor, "low-frequency factor");
  want_positive(s.high_factor - s.low_factor, "distance between the high- and the low-frequency factor");
  want_positive(static_cast<double>(s.original_positions), "number of original positions");
  const auto original = static_cast<double>(s.original_positions);
  std::vector<double> out = rope_frequencies(theta, depth);
  for (double& f : out) {
    const double wavelength = 2 * std::numbers::pi / f;
    if (wavelength < original / s.high_factor) continue;
    if (wavelength > original / s.low_factor) {
      f /= s.factor;
      continue;
    }
    const double kept = (original / wavelength - s.low_factor) / (s.high_factor - s.low_factor);
    f = (1 - kept) * f / s.factor + kept * f;
  }
  return out;
}

std::vector<double> yarn_frequencies(double theta, std::int64_t depth, const YarnScaling& s) {
  want_positive(s.factor, "factor");
  want_positive(s.beta_fast, "beta_fast");
  want_positive(s.beta_slow, "beta_slow");
  want_positive(static_cast<double>(s.original_positions), "number of original positions");
  std::vector<double> out = rope_frequencies(theta, depth);
  const auto d = static_cast<double>(depth);
  // The pair (a real number) that turns `turns` times within the original length.
  const auto pair_of = [&](double turns) {
    return d * std::log(static_cast<double>(s.original_positions) / (turns * 2 * std::numbers::pi)) /
           (2 * std::log(theta));
  };
  double low = pair_of(s.beta_fast), high = pair_of(s.beta_slow);
  if (s.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, d - 1);
  if (low == high) high += 0.001;  // a step instead of a ramp of no length
  for (std::size_t i = 0; i < out.size(); ++i) {
    const double stretched = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
    out[i] = out[i] / s.factor * stretched + out[i] * (1 - stretched);
  }
  return out;
}

double yarn_attention_factor(const YarnScaling& s) {
  if (s.attention_factor) return *s.attention_factor;
  const auto scale = [&](double m) { return s.factor > 1 ? 0.1 * m * std::log(s.factor) + 1 : 1.0; };
  // A factor of 0 counts as absent, as in the files that carry both keys for form's sake.
  if (s.mscale && s.mscale_all_dim && *s.mscale != 0 && *s.mscale_all_dim != 0)
    return scale(*s.mscale) / scale(*s.mscale_all_dim);
  return scale(1);
}

}  // namespace uwaga
