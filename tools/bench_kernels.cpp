// `uwaga bench kernels`: how close what is not a matrix product comes to the bandwidth of the level of memory its data is in.
//
// Each is a small graph, compiled as any other, whose results go into state slots, so that no fresh memory is timed. The bound
// beside it is a bare loop over streams of the same sizes, as many read and as many written as the work must, on the same
// threads, timed next to it. Bytes are those of the tensors that must cross, each once; rows of a bias or a weight, targets
// and ids are too few to count.
#include <fmt/format.h>
#include <uwaga/autodiff/autodiff.h>
#include <uwaga/ir/composites/activations.h>
#include <uwaga/ir/composites/losses.h>
#include <uwaga/ir/composites/norms.h>
#include <uwaga/ir/composites/optimisers.h>
#include <uwaga/ir/graph.h>
#include <uwaga/ir/initial.h>
#include <uwaga/ir/ops.h>
#include <uwaga/ir/random.h>
#include <uwaga/ir/scope.h>
#include <uwaga/ir/update.h>
#include <uwaga/runtime/host/cpu.h>
#include <uwaga/runtime/program.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tools/bandwidth.h"
#include "tools/bench.h"

namespace uwaga {
namespace {

// A graph under construction: inputs [row column], and results that go into slots.
struct Sheet {
  std::int64_t rows, columns;
  Graph graph;
  Axis row, column, words;  // as many words as rows: of an embedding
  Arrays inputs;

  Sheet(std::int64_t rows_, std::int64_t columns_) : rows(rows_), columns(columns_), row("row", rows), column("column", columns), words("word", rows) {}
  Tensor input(const char* name) {
    inputs[name] = random_floats(name, f32, {{"row", rows}, {"column", columns}});
    return graph.input(name, f32, {row, column});
  }
  Tensor ids(const char* name, std::int64_t below) {
    std::vector<std::int32_t> values(static_cast<std::size_t>(rows));
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = static_cast<std::int32_t>(random_word(random_key(name, 1), 0, i) % static_cast<std::uint32_t>(below));
    inputs[name] = array({{"row", rows}}, values);
    return graph.input(name, i32, {row});
  }
  Tensor vector(const char* name) { return graph.scope().param(name, {column}, ones()); }
  void keep(const char* name, const Axes& axes, const Tensor& value) { update(graph.scope().state(name, axes, zeros()), value); }
  void keep(const Tensor& value) { keep("result", {row, column}, value); }
};

struct Work {
  const char* name;
  StreamMix mix;
  std::int64_t columns;
  void (*build)(Sheet& s);
};

constexpr double kEpsilon = 1e-5;

const std::vector<Work>& works() {
  static const std::vector<Work> all{
      {"layer_norm", {1, 1}, 768, [](Sheet& s) { s.keep(layer_norm(s.input("x"), s.vector("w"), s.vector("b"), s.column, kEpsilon)); }},
      {"layer_norm backward", {2, 1}, 768,
       [](Sheet& s) {
         const Tensor x = s.input("x"), w = s.vector("w"), b = s.vector("b");
         const auto d = vjp({layer_norm(x, w, b, s.column, kEpsilon)}, {x, w, b}, {s.input("dy")});
         s.keep(d[0]), s.keep("dw", {s.column}, d[1]), s.keep("db", {s.column}, d[2]);
       }},
      {"rms_norm", {1, 1}, 768, [](Sheet& s) { s.keep(rms_norm(s.input("x"), s.vector("w"), s.column, kEpsilon)); }},
      {"rms_norm backward", {2, 1}, 768,
       [](Sheet& s) {
         const Tensor x = s.input("x"), w = s.vector("w");
         const auto d = vjp({rms_norm(x, w, s.column, kEpsilon)}, {x, w}, {s.input("dy")});
         s.keep(d[0]), s.keep("dw", {s.column}, d[1]);
       }},
      {"softmax", {1, 1}, 1024, [](Sheet& s) { s.keep(softmax(s.input("x"), s.column)); }},
      {"softmax, backward", {2, 1}, 1024,
       [](Sheet& s) {
         const Tensor x = s.input("x");
         s.keep(vjp({softmax(x, s.column)}, {x}, {s.input("dy")})[0]);
       }},
      {"gelu", {1, 1}, 3072, [](Sheet& s) { s.keep(gelu_tanh(s.input("x"))); }},
      {"gelu backward", {2, 1}, 3072,
       [](Sheet& s) {
         const Tensor x = s.input("x");
         s.keep(vjp({gelu_tanh(x)}, {x}, {s.input("dy")})[0]);
       }},
      {"cross_entropy", {1, 0}, 4096,
       [](Sheet& s) { s.keep("loss", {}, cross_entropy(s.input("logits"), s.ids("targets", s.columns), s.column)); }},
      {"cross_entropy, backward", {1, 1}, 4096,
       [](Sheet& s) {
         const Tensor logits = s.input("logits"), loss = cross_entropy(logits, s.ids("targets", s.columns), s.column);
         s.keep(grad(loss, {logits})[0]), s.keep("loss", {}, loss);
       }},
      {"adamw", {4, 3, true}, 768,
       [](Sheet& s) {
         const Scope scope = s.graph.scope();
         const Axes axes{s.row, s.column};
         const Tensor p = scope.param("p", axes, zeros()), m = scope.state("m", axes, zeros()), v = scope.state("v", axes, zeros());
         const auto scalar = [&](const char* name) { return scope.state(name, {}, constant_value(0.5)); };
         const AdamwStep next = adamw(p, s.input("g"), m, v, {scalar("rate"), scalar("clip"), scalar("c1"), scalar("c2")}, 0.9, 0.99, 1e-8, 0.1);
         update(p, next.parameter), update(m, next.first), update(v, next.second);
       }},
      {"embedding gradient", {1, 1}, 768,
       [](Sheet& s) {
         const Tensor table = s.graph.scope().param("table", {s.words, s.column}, zeros());
         const Tensor y = embedding(table, s.ids("ids", s.rows), s.words);
         s.keep("result", {s.words, s.column}, vjp({y}, {table}, {s.input("dy")})[0]);
       }},
  };
  return all;
}

struct Level {
  const char* name;
  std::int64_t bytes;  // of all streams and threads together
};

// Half of each cache, so that other things fit in too; memory as memory_bandwidth takes it.
std::vector<Level> levels(int threads) {
  const CpuFeatures cpu = host_cpu();
  std::vector<Level> all;
  if (cpu.l2_bytes > 0) all.push_back({"l2", threads * cpu.l2_bytes / 2});
  if (cpu.l3_bytes > 0) all.push_back({"l3", cpu.l3_bytes / 2});
  all.push_back({"memory", memory_bytes()});
  return all;
}

// Milliseconds in kernels of each run, sorted; two at first do not count. A fifth of a second of them.
std::vector<double> kernel_times(Program& program, const Arrays& inputs) {
  constexpr double kMilliseconds = 200;
  constexpr std::size_t kLeast = 5, kMost = 1000;
  std::vector<double> times;
  double all = 0;
  for (int i = -2; times.size() < kLeast || (all < kMilliseconds && times.size() < kMost); ++i) {
    double sum = 0;
    for (const LaunchProfile& l : program.profile(inputs)) sum += l.milliseconds;
    if (i < 0) continue;
    all += sum;
    times.push_back(sum);
  }
  std::sort(times.begin(), times.end());
  return times;
}

BenchLine measure(const Work& work, const Level& level, const Target& target) {
  const StreamMix& mix = work.mix;
  const int streams = mix.reads + (mix.in_place ? 0 : mix.writes);
  Sheet s(std::max<std::int64_t>(level.bytes / 4 / streams / work.columns, 1), work.columns);
  work.build(s);
  State state;
  Program program = compile(s.graph, target, state);
  state.initialise(1, target);
  const double bytes = 4.0 * static_cast<double>(s.rows * s.columns) * (mix.reads + mix.writes);
  const double bound = has_roofline(target) ? mixed_bandwidth(mix, level.bytes / target.threads(), target.threads()) : 0;
  const std::vector<double> times = kernel_times(program, s.inputs);
  const double median = times[times.size() / 2];
  BenchLine line{{"bench", "kernels"},
                 {"kernel", work.name},
                 {"level", level.name},
                 {"reads", mix.reads},
                 {"writes", mix.writes},
                 {"bytes", bytes},
                 {"device", target.str()},
                 {"threads", target.threads()},
                 {"launches", program.report().launches},
                 {"milliseconds", median},
                 {"milliseconds_least", times.front()},
                 {"gbps", bytes / median * 1e-6}};
  if (bound > 0) line.update({{"bound_gbps", bound}, {"bandwidth_share", bytes / median * 1e-6 / bound}});
  return line;
}

struct KernelsOptions {
  std::vector<std::string> only;
  bool json = false;
  DeviceOptions device;
};

int kernels(const KernelsOptions& o) {
  const Target target = target_of(o.device);
  if (!o.json) std::cout << fmt::format("{:24} {:>8} {:>10} {:>10} {:>8} {:>10} {:>6}\n", "kernel", "level", "MB", "us", "GB/s", "bound", "share");
  for (const Work& w : works()) {
    if (!o.only.empty() && std::find(o.only.begin(), o.only.end(), w.name) == o.only.end()) continue;
    for (const Level& level : levels(target.threads())) {
      const BenchLine line = measure(w, level, target);
      if (o.json) {
        tell(line, true);
        continue;
      }
      std::cout << fmt::format("{:24} {:>8} {:10.2f} {:10.1f} {:8.1f}", w.name, level.name, line["bytes"].get<double>() * 1e-6,
                               line["milliseconds"].get<double>() * 1e3, line["gbps"].get<double>());
      if (line.contains("bound_gbps"))
        std::cout << fmt::format(" {:10.1f} {:6.2f}", line["bound_gbps"].get<double>(), line["bandwidth_share"].get<double>());
      std::cout << std::endl;
    }
  }
  return 0;
}

}  // namespace

void add_bench_kernels(CLI::App& bench, Chosen& chosen) {
  auto o = std::make_shared<KernelsOptions>();
  CLI::App* k = bench.add_subcommand("kernels", "norms, softmax, activations, losses, optimiser: bytes that must move, over the time, beside what the memory could do");
  std::vector<std::string> names;
  for (const Work& w : works()) names.push_back(w.name);
  k->add_option("--only", o->only, "this one, as often as there are: as the table names it")->check(CLI::IsMember(names));
  add_device_options(*k, o->device);
  k->add_flag("--json", o->json, "one JSON object a line on standard output");
  k->callback([&chosen, o] { chosen = [o] { return kernels(*o); }; });
}

}  // namespace uwaga
