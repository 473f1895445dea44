// `uwaga bench`: how long a training step, a forward pass and a matrix product take here, and what the machine could do.
#include <fmt/format.h>
#include <uwaga/ir/graph.h>
#include <uwaga/ir/initial.h>
#include <uwaga/ir/ops.h>
#include <uwaga/ir/passes/precision.h>
#include <uwaga/ir/random.h>
#include <uwaga/ir/scope.h>
#include <uwaga/ir/update.h>
#include <uwaga/runtime/host/cpu.h>
#include <uwaga/runtime/program.h>
#include <uwaga/runtime/train/checkpoint.h>

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "tools/command.h"
#include "tools/cost.h"
#include "tools/language_model.h"
#include "tools/peak.h"

namespace uwaga {
namespace {

using Json = nlohmann::ordered_json;

struct BenchOptions {
  std::string model = "gpt2-124m";
  DType compute = DType::f32;
  std::int64_t layers = 0, batch = 4, time = 64, m = 1024, n = 1024, k = 1024;
  int runs = 5;
  bool json = false, profile = false, transpose_a = false, transpose_b = false;
  DeviceOptions device;
};

// Milliseconds of each run, sorted, after two runs that do not count.
std::vector<double> timed(Program& program, const Arrays& inputs, int runs) {
  std::vector<double> times;
  for (int i = -2; i < runs; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    program.run(inputs);
    if (i >= 0)
      times.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count());
  }
  std::sort(times.begin(), times.end());
  return times;
}

// Random ids: what a step costs does not depend on them.
Array ids(const char* key, const BenchOptions& o, std::int64_t vocab) {
  std::vector<std::int32_t> values(static_cast<std::size_t>(o.batch * o.time));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<std::int32_t>(random_word(random_key(key, 1), 0, i) % static_cast<std::uint32_t>(vocab));
  return array({{"batch", o.batch}, {"time", o.time}}, values);
}

// Of products computed in `compute`, as fast as anything here does them: bf16 in f32 too, where nothing multiplies it faster.
double peak_gflops(DType compute, int threads) {
  const double narrow = compute == DType::bf16 ? peak_bf16_gflops(threads) : 0;
  return narrow > 0 ? narrow : peak_f32_gflops(threads);
}

// Of the least time the machine could take: the products at its peak, and then `bytes` read from memory.
void add_times(Json& line, const std::vector<double>& times, const Program& program, double flops, double bytes, int threads,
               DType compute) {
  const CompileReport& r = program.report();
  const double median = times[times.size() / 2], peak = peak_gflops(compute, threads), reached = flops / median * 1e-6;
  const double memory = bytes > 0 ? memory_bandwidth(threads).read : 0;
  line["milliseconds"] = median;
  line["milliseconds_least"] = times.front();
  line["compile_milliseconds"] = r.total;
  line["compile"] = {
      {"graph", r.graph}, {"fuse", r.fuse}, {"schedule", r.schedule}, {"emit", r.emit}, {"link", r.link}};
  line["nodes"] = r.nodes;
  line["clusters"] = r.clusters;
  line["launches"] = r.launches;
  line["kernels"] = r.kernels;
  line["kernels_from_cache"] = r.kernels_from_cache;
  line["gflops"] = reached;
  line["peak_gflops"] = peak;
  if (bytes > 0) line["memory_gbps"] = memory;
  const double least = peak > 0 ? flops / peak * 1e-6 + (bytes > 0 ? bytes / memory * 1e-6 : 0) : 0;
  line["roofline_milliseconds"] = least;
  line["roofline_share"] = least / median;
}

void tell(const Json& line, bool json) {
  if (json) {
    std::cout << line << std::endl;
    return;
  }
  for (const auto& [key, value] : line.items())
    std::cout << fmt::format("{:22} {}", key, value.is_string() ? value.get<std::string>() : value.dump()) << '\n';
}

// Where a step's time goes: the kernels of one timed run, the dearest first. One line a kernel; the calls of all layers share one.
void tell_profile(const std::vector<LaunchProfile>& launches, bool json) {
  struct Sum {
    const LaunchProfile* first;
    int calls = 0;
    std::int64_t tasks = 0;
    double milliseconds = 0;
  };
  std::map<int, Sum> kernels;
  double total = 0;
  for (const LaunchProfile& l : launches) {
    Sum& s = kernels.try_emplace(l.kernel, Sum{&l}).first->second;
    ++s.calls;
    s.tasks += l.tasks;
    s.milliseconds += l.milliseconds;
    total += l.milliseconds;
  }
  std::vector<Sum> order;
  for (const auto& [id, s] : kernels) order.push_back(s);
  std::sort(order.begin(), order.end(), [](const Sum& a, const Sum& b) { return std::pair(b.milliseconds, a.first->kernel) < std::pair(a.milliseconds, b.first->kernel); });
  if (!json) std::cout << fmt::format("\n{:>10} {:>6} {:>6} {:>6}  {}\n", "ms", "share", "calls", "tasks", "kernel: ops (last op's line)");
  for (const Sum& s : order) {
    if (json) {
      std::cout << Json{{"profile", s.first->kind},         {"kernel", s.first->kernel}, {"milliseconds", s.milliseconds},
                        {"share", s.milliseconds / total}, {"calls", s.calls},          {"tasks", s.tasks},
                        {"ops", s.first->ops},             {"origin", s.first->origin}}
                << '\n';
    } else {
      std::string ops = s.first->ops;
      if (ops.size() > 60) ops = ops.substr(0, 57) + "...";
      std::cout << fmt::format("{:10.3f} {:5.1f}% {:6} {:6}  {} {}: {} ({})\n", s.milliseconds, 100 * s.milliseconds / total, s.calls,
                               s.tasks, s.first->kind, s.first->kernel, ops, s.first->origin);
    }
  }
}

// The most memory this process has had so far.
std::int64_t resident_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return std::int64_t{usage.ru_maxrss} * 1024;
}

// A training step, or `forward` alone: the loss of a batch.
int step(const BenchOptions& o, bool forward) {
  LanguageModel m = standard_model(o.model);
  if (o.layers > 0) m.layers = o.layers;
  m.time = std::max(m.time, o.time);
  m.compute = o.compute;
  const Target target = target_of(o.device);
  const Sizes sizes{{"batch", o.batch}, {"time", o.time}};
  const auto building = std::chrono::steady_clock::now();
  const Graph graph = forward ? evaluation_graph(m) : training_graph(m, AdamW{});
  const double build = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - building).count();
  State state;
  const std::int64_t resident = resident_bytes();
  Program program = compile(graph, target, state);
  state.initialise(1, target);
  const Arrays inputs{{"tokens", ids("tokens", o, m.vocab)}, {"targets", ids("targets", o, m.vocab)}};
  const std::vector<double> times = timed(program, inputs, o.runs);

  Json line{{"bench", forward ? "forward" : "step"}, {"model", o.model}, {"layers", m.layers}, {"batch", o.batch}, {"time", o.time},
            {"precision", name(o.compute)}, {"device", target.str()}, {"threads", target.threads()}};
  const std::int64_t growth = resident_bytes() - resident;  // since before `compile`: what peak_bytes foretells
  const std::int64_t slots = state_bytes(state);            // weights, and in training moments; gradients are as many bytes
  add_times(line, times, program, cost_of(graph, sizes).dot_flops, static_cast<double>(slots) * (forward ? 1.0 : 4.0 / 3),
            target.threads(), o.compute);
  line["build_milliseconds"] = build;  // the graph and its derivative, before `compile`
  line["kernels_compiled_in_run"] = program.kernels_compiled_in_run();
  line["parallel_launches"] = program.parallel_launches();
  line["peak_bytes"] = program.peak_bytes(sizes) + slots;
  line["resident_growth_bytes"] = growth;
  line["state_sha256"] = state_sha256(state);  // after all runs, those that were not timed too
  tell(line, o.json);
  if (o.profile) tell_profile(program.profile(inputs), o.json);
  return 0;
}

int gemm(const BenchOptions& o) {
  const Target target = target_of(o.device);
  const Axis row("row", o.m), in("in", o.k), out("out", o.n);
  Graph g;
  const Tensor x = o.transpose_a ? g.input("x", f32, {in, row}) : g.input("x", f32, {row, in});
  const Tensor y = o.transpose_b ? g.input("y", f32, {out, in}) : g.input("y", f32, {in, out});
  // Into a slot: fresh memory for each result would be timed with it.
  const Tensor z = g.scope().state("z", {row, out}, zeros());
  update(z, dot(x, y, {in}));
  State state;
  Program program = compile(compute_in(g, o.compute), target, state);
  state.initialise(1, target);
  const auto values = [](const char* key, ArrayDims dims) {
    Array a(DType::f32, std::move(dims));
    const auto to = a.mutable_as<float>();
    for (std::size_t i = 0; i < to.size(); ++i)
      to[i] = static_cast<float>(random_word(random_key(key, 1), 0, i)) * 0x1p-32f - 0.5f;
    return a;
  };
  ArrayDims x_dims{{"row", o.m}, {"in", o.k}}, y_dims{{"in", o.k}, {"out", o.n}};
  if (o.transpose_a) std::swap(x_dims[0], x_dims[1]);
  if (o.transpose_b) std::swap(y_dims[0], y_dims[1]);
  const std::vector<double> times = timed(program, {{"x", values("x", x_dims)}, {"y", values("y", y_dims)}}, o.runs);
  Json line{{"bench", "gemm"},
            {"m", o.m},
            {"n", o.n},
            {"k", o.k},
            {"transpose_a", o.transpose_a},
            {"transpose_b", o.transpose_b},
            {"precision", name(o.compute)},
            {"device", target.str()},
            {"threads", target.threads()}};
  add_times(line, times, program, 2.0 * static_cast<double>(o.m) * static_cast<double>(o.n) * static_cast<double>(o.k),
            0, target.threads(), o.compute);
  line["peak_bytes"] = program.peak_bytes({});
  tell(line, o.json);
  return 0;
}

// What the machine could do: fused multiply-adds from registers, and bytes from each level of its memory.
int machine(const BenchOptions& o) {
  const CpuFeatures cpu = host_cpu();
  const std::vector<std::pair<const char*, std::int64_t>> levels{
      {"l1", cpu.l1d_bytes / 2}, {"l2", cpu.l2_bytes / 2}, {"l3", cpu.l3_bytes / 2}};
  std::vector<Json> lines;
  std::vector<int> counts{1};
  for (int t = 2; t < cpu.logical_cpus; t *= 2) counts.push_back(t);
  if (cpu.logical_cpus > 1) counts.push_back(cpu.logical_cpus);
  for (int threads : counts) {
    Json line{{"bench", "machine"}, {"cpu", cpu.model}, {"features", cpu.features()}, {"threads", threads}};
    line["f32_gflops"] = peak_f32_gflops(threads);
    if (const double bf16 = peak_bf16_gflops(threads); bf16 > 0) line["bf16_gflops"] = bf16;
    const auto add = [&](const std::string& level, const Bandwidth& b) {
      line[level + "_read_gbps"] = b.read;
      line[level + "_write_gbps"] = b.write;
    };
    for (const auto& [level, bytes] : levels)
      if (bytes > 0) add(level, bandwidth(std::string_view(level) == "l3" ? bytes / threads : bytes, threads));
    add("memory", memory_bandwidth(threads));
    lines.push_back(std::move(line));
  }
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (i > 0 && !o.json) std::cout << '\n';
    tell(lines[i], o.json);
  }
  return 0;
}

void add_common(CLI::App* c, const std::shared_ptr<BenchOptions>& o) {
  add_precision_option(*c, o->compute);
  c->add_option("--runs", o->runs, "how many are timed; the median counts")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  add_device_options(*c, o->device);
  c->add_flag("--json", o->json, "one JSON object on standard output");
}

}  // namespace

void add_bench(CLI::App& app, Chosen& chosen) {
  CLI::App* bench = app.add_subcommand("bench", "time this machine");
  bench->require_subcommand(1);
  const CLI::Range size(std::int64_t{1}, std::int64_t{1} << 20);
  auto o = std::make_shared<BenchOptions>();
  for (const bool forward : {false, true}) {
    CLI::App* s = forward ? bench->add_subcommand("forward", "a forward pass: the loss of a batch, no gradients")
                          : bench->add_subcommand("step", "a training step: forward, backward, AdamW");
    s->add_option("--model", o->model, "gpt2-124m, llama-110m or nanogpt")
        ->check(CLI::IsMember({"gpt2-124m", "llama-110m", "nanogpt"}))
        ->capture_default_str();
    s->add_option("--layers", o->layers, "blocks (default: the model's own)")->check(CLI::Range(1, 1024));
    s->add_option("--batch", o->batch, "windows of a step")->check(size)->capture_default_str();
    s->add_option("--time", o->time, "tokens of a window")->check(size)->capture_default_str();
    s->add_flag("--profile", o->profile, "also time every kernel of one step: a line each, the dearest first");
    add_common(s, o);
    s->callback([&chosen, o, forward] { chosen = [o, forward] { return step(*o, forward); }; });
  }
  CLI::App* g = bench->add_subcommand("gemm", "a matrix product [m k] x [k n]");
  g->add_option("-m,--m", o->m, "rows")->check(size)->capture_default_str();
  g->add_option("-n,--n", o->n, "columns")->check(size)->capture_default_str();
  g->add_option("-k,--k", o->k, "terms")->check(size)->capture_default_str();
  g->add_flag("--transpose-a", o->transpose_a, "the first lies as [k m]: what a weight's gradient is");
  g->add_flag("--transpose-b", o->transpose_b, "the second lies as [n k]: what an input's gradient is");
  add_common(g, o);
  g->callback([&chosen, o] { chosen = [o] { return gemm(*o); }; });
  CLI::App* m = bench->add_subcommand("machine", "what this machine could do: multiply-adds, and bytes from each level of memory");
  m->add_flag("--json", o->json, "one JSON object a thread count on standard output");
  m->callback([&chosen, o] { chosen = [o] { return machine(*o); }; });
}

}  // namespace uwaga
