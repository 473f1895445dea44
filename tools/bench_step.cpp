// `uwaga bench step` and `uwaga bench forward`: how long a training step and its loss alone take here, and where the time goes.
#include <uwaga/ir/graph.h>
#include <uwaga/ir/random.h>
#include <uwaga/runtime/program.h>
#include <uwaga/runtime/train/checkpoint.h>

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <memory>

#include "tools/bandwidth.h"
#include "tools/bench.h"
#include "tools/cost.h"
#include "tools/language_model.h"

namespace uwaga {
namespace {

struct StepOptions : BenchOptions {
  std::string model = "gpt2-124m";
  std::int64_t layers = 0, batch = 4, time = 64;
  double clip = 1;
  bool profile = false;
};

// Random ids: what a step costs does not depend on them.
Array ids(const char* key, const StepOptions& o, std::int64_t vocab) {
  std::vector<std::int32_t> values(static_cast<std::size_t>(o.batch * o.time));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<std::int32_t>(random_word(random_key(key, 1), 0, i) % static_cast<std::uint32_t>(vocab));
  return array({{"batch", o.batch}, {"time", o.time}}, values);
}

// The most memory this process has had so far.
std::int64_t resident_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return std::int64_t{usage.ru_maxrss} * 1024;
}

// A training step, or `forward` alone: the loss of a batch.
int step(const StepOptions& o, bool forward) {
  LanguageModel m = standard_model(o.model);
  if (o.layers > 0) m.layers = o.layers;
  m.time = std::max(m.time, o.time);
  m.compute = o.compute;
  const Target target = target_of(o.device);
  const Sizes sizes{{"batch", o.batch}, {"time", o.time}};
  const auto building = std::chrono::steady_clock::now();
  const Graph graph = forward ? evaluation_graph(m) : training_graph(m, AdamW{.clip = o.clip});
  const double build = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - building).count();
  State state;
  const std::int64_t resident = resident_bytes();
  Program program = compile(graph, target, state);
  state.initialise(1, target);
  const Arrays inputs{{"tokens", ids("tokens", o, m.vocab)}, {"targets", ids("targets", o, m.vocab)}};
  const int threads = target.threads();
  constexpr PeakTries kBeside{.tries = 1, .length = 10};
  const bool roofline = has_roofline(target);
  const std::vector<Timing> times =
      timed(program, inputs, o.runs, [&] { return roofline ? peak_gflops(o.compute, threads, kBeside) : 0; });

  BenchLine line{{"bench", forward ? "forward" : "step"}, {"model", o.model}, {"layers", m.layers}, {"batch", o.batch}, {"time", o.time},
            {"precision", name(o.compute)}, {"device", target.str()}, {"threads", target.threads()}};
  const std::int64_t growth = resident_bytes() - resident;  // since before `compile`: what peak_bytes foretells
  const std::int64_t slots = state_bytes(state);            // weights, and in training moments; gradients are as many bytes
  add_times(line, times, program,
            {.flops = cost_of(graph, sizes).dot_flops,
             .bytes = static_cast<double>(slots) * (forward ? 1.0 : 4.0 / 3),
             .gflops = roofline ? peak_gflops(o.compute, threads) : 0,
             .gbps = roofline ? memory_bandwidth(threads).read : 0});
  line["build_milliseconds"] = build;  // the graph and its derivative, before `compile`
  line["kernels_compiled_in_run"] = program.kernels_compiled_in_run();
  line["parallel_launches"] = program.parallel_launches();
  line["peak_bytes"] = program.peak_bytes(sizes) + slots;
  line["resident_growth_bytes"] = growth;
  line["state_sha256"] = state_sha256(state);  // after all runs, those that were not timed too
  tell(line, o.json);
  if (o.profile) tell_profile(program, inputs, {}, o.runs, o.json);
  return 0;
}

}  // namespace

void add_bench_steps(CLI::App& bench, Chosen& chosen) {
  const CLI::Validator size = whole_number(1, 1 << 20);
  auto o = std::make_shared<StepOptions>();
  for (const bool forward : {false, true}) {
    CLI::App* s = forward ? bench.add_subcommand("forward", "a forward pass: the loss of a batch, no gradients")
                          : bench.add_subcommand("step", "a training step: forward, backward, AdamW");
    s->add_option("--model", o->model, "gpt2-124m, llama-110m or nanogpt")
        ->check(CLI::IsMember({"gpt2-124m", "llama-110m", "nanogpt"}))
        ->capture_default_str();
    s->add_option("--layers", o->layers, "blocks (default: the model's own)")->check(whole_number(1, kMostLayers));
    s->add_option("--batch", o->batch, "windows of a step")->check(size)->capture_default_str();
    s->add_option("--time", o->time, "tokens of a window")->check(size)->capture_default_str();
    if (!forward)
      s->add_option("--clip", o->clip, "largest norm of the gradient; 0: not clipped, and then not stored where a product can teach its weight at once")->check(real_number(0, 1e30))->capture_default_str();
    s->add_flag("--profile", o->profile, "also time every kernel, the least of all runs: a line each, the dearest first");
    add_bench_options(*s, *o);
    s->callback([&chosen, o, forward] { chosen = [o, forward] { return step(*o, forward); }; });
  }
}

}  // namespace uwaga
