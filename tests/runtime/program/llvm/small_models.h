// Training steps of small models at odd sizes, and digests of what they leave.
#pragma once

#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include <uwaga/ir/graph.h>
#include <uwaga/models/gpt2.h>
#include <uwaga/models/llama.h>
#include <uwaga/models/train_step.h>
#include <uwaga/runtime/io/sha256.h>
#include <uwaga/runtime/program.h>

namespace uwaga::test {

// One environment variable, set or unset while this lives.
class Environment {
 public:
  Environment(const char* name, const std::string& value) : name_(name) {
    if (const char* now = std::getenv(name)) before_ = now;
    ::setenv(name, value.c_str(), 1);
  }
  ~Environment() {
    if (before_) ::setenv(name_, before_->c_str(), 1);
    else ::unsetenv(name_);
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  const char* name_;
  std::optional<std::string> before_;
};

inline Graph small_gpt2_step() {
  Graph g;
  const Gpt2 c{.layers = 2, .heads = 3, .width = 24, .vocab = 37, .positions = 20, .dropout = 0.1};
  const Tensor tokens = g.input("tokens", i32, {c.batch, c.time()}), targets = g.input("targets", i32, {c.batch, c.time()});
  return train_step(cross_entropy(gpt2(g.scope(), tokens, c), targets, c.words()), AdamW{.rate = 1e-3});
}

inline Graph small_llama_step() {
  Graph g;
  const Llama c{.layers = 2, .heads = 4, .kv_heads = 2, .width = 24, .hidden = 41, .vocab = 37, .positions = 20};
  const Tensor tokens = g.input("tokens", i32, {c.batch, c.time()}), targets = g.input("targets", i32, {c.batch, c.time()});
  return train_step(cross_entropy(llama(g.scope(), tokens, c), targets, c.words()), AdamW{.rate = 1e-3});
}

// The same tokens for the same sizes and turn.
inline Arrays small_batch(std::int64_t batch, std::int64_t time, std::uint64_t turn = 0, std::int64_t vocab = 37) {
  std::vector<std::int32_t> tokens, targets;
  std::uint64_t x = 88172645463325252ull + turn * 977;
  const auto next = [&] {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return static_cast<std::int32_t>(x % static_cast<std::uint64_t>(vocab));
  };
  for (std::int64_t i = 0; i < batch * time; ++i) {
    tokens.push_back(next());
    targets.push_back(next());
  }
  return {{"tokens", array({{"batch", batch}, {"time", time}}, tokens)},
          {"targets", array({{"batch", batch}, {"time", time}}, targets)}};
}

inline void add(Sha256& hash, const Arrays& arrays) {
  for (const auto& [name, value] : arrays) {
    hash.add(std::as_bytes(std::span(name)));
    hash.add(std::span(value.data(), value.bytes()));
  }
}

inline Arrays all_slots(const State& state) {
  Arrays slots;
  for (const std::string& path : state.names()) slots[path] = state.get(path);
  return slots;
}

inline std::string digest(const Arrays& arrays) {
  Sha256 hash;
  add(hash, arrays);
  return hash.hex();
}
inline std::string digest(const State& state) { return digest(all_slots(state)); }

struct SmallRun {
  std::string digest;          // over every step's outputs and, at the end, every slot
  std::vector<float> losses;
  Arrays slots;
  std::int64_t parallel_launches = 0;
  CompileReport report;
};

// Some steps from the first values that seed 3 gives.
inline SmallRun train_small(const Graph& step, const Target& target, int steps = 3, const Arrays& start = {}) {
  State state;
  Program program = compile(step, target, state);
  if (start.empty()) state.initialise(3, target);
  for (const auto& [path, value] : start) state.set(path, value);
  SmallRun run;
  Sha256 hash;
  for (int i = 0; i < steps; ++i) {
    const Arrays out = program.run(small_batch(5, 13, static_cast<std::uint64_t>(i)));
    run.losses.push_back(out.at("loss").item<float>());
    add(hash, out);
  }
  run.slots = all_slots(state);
  add(hash, run.slots);
  run.digest = hash.hex();
  run.parallel_launches = program.parallel_launches();
  run.report = program.report();
  return run;
}

}  // namespace uwaga::test
