#include <uwaga/ir/error.h>
#include <uwaga/models/rope_scaling.h>

#include <cmath>
#include <numbers>

#include "tests/catch.h"

using namespace uwaga;

TEST_CASE("rotary frequencies fall from 1 by powers of theta", "[parity]") {
  const std::vector<double> f = rope_frequencies(10000, 8);
  REQUIRE(f.size() == 4);
  CHECK(f[0] == 1);
  CHECK(f[1] == Approx(0.1));
  CHECK(f[3] == Approx(0.001));
  CHECK(linear_frequencies(10000, 8, 4)[1] == Approx(0.025));
}

TEST_CASE("llama3 scaling keeps short waves, stretches long ones and mixes between", "[parity]") {
  const Llama3Scaling s{.factor = 8, .low_factor = 1, .high_factor = 4, .original_positions = 64};
  const std::vector<double> plain = rope_frequencies(10000, 16), scaled = llama3_frequencies(10000, 16, s);
  for (std::size_t i = 0; i < plain.size(); ++i) {
    const double wavelength = 2 * std::numbers::pi / plain[i];
    INFO("pair " << i << ", wavelength " << wavelength);
    if (wavelength < 16)
      CHECK(scaled[i] == plain[i]);
    else if (wavelength > 64)
      CHECK(scaled[i] == plain[i] / 8);
    else
      CHECK((scaled[i] < plain[i] && scaled[i] > plain[i] / 8));
  }
  // Wavelength 2 pi sqrt(10) = 19.9 lies between: 64 / 19.87 = 3.22 turns, so (3.22 - 1) / 3 = 0.74 of it stays.
  const double kept = (64 * plain[1] / (2 * std::numbers::pi) - 1) / 3;
  CHECK(scaled[1] == Approx(plain[1] * (kept + (1 - kept) / 8)));
}

TEST_CASE("YaRN keeps fast pairs, stretches slow ones, and scales sine and cosine", "[parity]") {
  YarnScaling s{.factor = 4, .beta_fast = 8, .beta_slow = 1, .original_positions = 64};
  const std::vector<double> plain = rope_frequencies(10000, 16), scaled = yarn_frequencies(10000, 16, s);
  // 8 turns: pair 16 ln(64 / 16 pi) / (2 ln 10000) = 0.21, floor 0; 1 turn: pair 2.02, ceil 3.
  for (std::size_t i = 0; i < plain.size(); ++i) {
    const double stretched = std::min(static_cast<double>(i) / 3, 1.0);
    CHECK(scaled[i] == Approx(plain[i] * (1 - stretched + stretched / 4)));
  }
  CHECK(yarn_attention_factor(s) == Approx(0.1 * std::log(4) + 1));
  s.mscale = 0.5;
  s.mscale_all_dim = 1;
  CHECK(yarn_attention_factor(s) == Approx((0.05 * std::log(4) + 1) / (0.1 * std::log(4) + 1)));
  s.attention_factor = 1.25;
  CHECK(yarn_attention_factor(s) == 1.25);
  s.truncate = false;
  CHECK(yarn_frequencies(10000, 16, s) != scaled);
}

TEST_CASE("scalings that make no sense are refused", "[parity]") {
  CHECK_THROWS_AS(rope_frequencies(10000, 7), Error);
  CHECK_THROWS_AS(rope_frequencies(0, 8), Error);
  CHECK_THROWS_AS(linear_frequencies(10000, 8, -1), Error);
  CHECK_THROWS_AS(llama3_frequencies(10000, 8, {.low_factor = 4, .high_factor = 4}), Error);
  CHECK_THROWS_AS(yarn_frequencies(10000, 8, {.factor = 0}), Error);
}
