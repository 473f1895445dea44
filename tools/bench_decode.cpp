// `uwaga bench decode`: one token after another, as generation computes them.
#include <fmt/format.h>
#include <uwaga/ir/graph.h>
#include <uwaga/ir/passes/precision.h>
#include <uwaga/ir/random.h>
#include <uwaga/runtime/generate/text_model.h>
#include <uwaga/runtime/host/cpu.h>

#include <algorithm>
#include <chrono>
#include <memory>

#include "tools/bandwidth.h"
#include "tools/bench.h"
#include "tools/language_model.h"

namespace uwaga {
namespace {

struct DecodeBenchOptions : BenchOptions {
  std::string model = "gpt2-124m";
  std::int64_t prompt = 64, tokens = 64;
  bool profile = false;
};

// Bytes of the parameters that a token reads: all but tables of which it takes a row.
std::int64_t weight_bytes(const Graph& graph) {
  std::vector<bool> read(graph->nodes().size(), false);
  const auto mark = [&](Value v) {
    while (graph->node(v.node).op == Op::cast) v = graph->node(v.node).operands[0];
    read[v.node] = true;
  };
  for (const Node& n : graph->nodes())
    for (std::size_t i = 0; i < n.operands.size(); ++i)
      if (n.op != Op::cast && !(n.op == Op::gather && i == 0)) mark(n.operands[i]);
  std::int64_t bytes = 0;
  for (const auto& [path, id] : graph->parameters()) {
    const Type& t = graph->node(id).types[0];
    if (read[id] && graph->node(id).as<ParameterAttrs>().trainable) bytes += t.elements().evaluate({}) * static_cast<std::int64_t>(size_of(t.dtype));
  }
  return bytes;
}

int decode(const DecodeBenchOptions& o) {
  LanguageModel m = standard_model(o.model);
  if (o.prompt + o.tokens > m.time) throw Error(fmt::format("{} sees {} tokens at most, not {}", o.model, m.time, o.prompt + o.tokens));
  const Target target = target_of(o.device);
  const Graph graph = parameters_in(generation_graph(m), o.compute);
  State state;
  TextModel model(graph, target, state, {.time = m.time});
  state.initialise(1, target);
  std::vector<std::int32_t> text;
  const auto grow = [&](std::int64_t size) {
    while (static_cast<std::int64_t>(text.size()) < size)
      text.push_back(static_cast<std::int32_t>(random_word(random_key("decode", 1), 0, text.size()) % static_cast<std::uint32_t>(m.vocab)));
  };
  const auto seconds = [&] {
    const auto begin = std::chrono::steady_clock::now();
    model.next(text);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  grow(o.prompt);
  model.next(text);
  model.forget();
  const double prompt = seconds();
  std::vector<Timing> times;
  for (std::int64_t i = 0; i < o.tokens; ++i) {
    grow(o.prompt + i + 1);
    times.push_back({.milliseconds = 1e3 * seconds()});
  }
  std::ranges::sort(times, {}, &Timing::milliseconds);
  const std::int64_t bytes = weight_bytes(graph);
  BenchLine line{{"bench", "decode"}, {"model", o.model}, {"prompt", o.prompt}, {"tokens", o.tokens}, {"precision", name(o.compute)},
                 {"device", target.str()}, {"threads", target.threads()}};
  // Weights that stay in the caches from one token to the next are not read from memory.
  const bool from_memory = has_roofline(target) && bytes > host_cpu().l3_bytes;
  add_times(line, times, model.program(),
            {.bytes = static_cast<double>(bytes), .gbps = from_memory ? memory_bandwidth(target.threads()).read : 0});
  line["tokens_per_second"] = 1e3 / times[times.size() / 2].milliseconds;
  line["prompt_milliseconds"] = 1e3 * prompt;
  line["weight_bytes"] = bytes;
  line["kernels_compiled_in_run"] = model.program().kernels_compiled_in_run();
  tell(line, o.json);
  if (o.profile) {
    const std::vector<std::int32_t> last{text.back()};
    tell_profile(model.program(), {{"tokens", array({{"batch", 1}, {"time", 1}}, last)}}, {{"past", o.prompt + o.tokens - 1}}, 1, o.json);
  }
  return 0;
}

}  // namespace

void add_bench_decode(CLI::App& bench, Chosen& chosen) {
  auto o = std::make_shared<DecodeBenchOptions>();
  CLI::App* c = bench.add_subcommand("decode", "tokens after a prompt, one at a time; --precision is that of the weights");
  c->add_option("--model", o->model, "gpt2-124m, llama-110m or nanogpt")
      ->check(CLI::IsMember({"gpt2-124m", "llama-110m", "nanogpt"}))
      ->capture_default_str();
  c->add_option("--prompt", o->prompt, "tokens that are there")->check(whole_number(1, 1 << 20))->capture_default_str();
  c->add_option("--tokens", o->tokens, "tokens that are timed")->check(whole_number(1, 1 << 20))->capture_default_str();
  c->add_flag("--profile", o->profile, "also time every kernel of one token: a line each, the dearest first");
  add_bench_options(*c, *o);
  c->remove_option(c->get_option("--runs"));  // each token is timed once
  c->callback([&chosen, o] { chosen = [o] { return decode(*o); }; });
}

}  // namespace uwaga
