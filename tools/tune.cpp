// `uwaga tune`: measures the numbers of codegen/tuning.h on this machine and proposes a row for its table.
//
// One number after another, each candidate beside what holds so far, in turns, on small programs whose kernels the number is for.
// What is better on the whole and nowhere worse holds from there on.
#include <fmt/format.h>
#include <uwaga/codegen/tuning.h>
#include <uwaga/ir/graph.h>
#include <uwaga/ir/initial.h>
#include <uwaga/ir/ops.h>
#include <uwaga/ir/scope.h>
#include <uwaga/ir/update.h>
#include <uwaga/runtime/host/cpu.h>
#include <uwaga/runtime/program.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tools/bench.h"
#include "tools/command.h"
#include "tools/gemm_shape.h"

#ifdef UWAGA_WITH_LLVM
#include <uwaga/codegen/llvm/target.h>
#endif

namespace uwaga {
namespace {

// A candidate is taken that is so much faster on the whole, and on no program so much slower.
constexpr double kBetter = 1.02, kWorse = 0.98;

struct TuneOptions {
  std::vector<std::string> numbers;  // none: all
  int rounds = 15;
  bool json = false;
  int threads = 0;
};

// A program of its own state, and what it is given.
struct Probe {
  std::string name;
  Graph graph = {};
  Arrays inputs = {};
};

Probe product(const char* shape, DType dtype) {
  const GemmShape s = parse_gemm_shape(shape);
  const Axis row("row", s.m), in("in", s.k), out("out", s.n);
  Probe p{fmt::format("{} {}", shape, name(dtype))};
  ArrayDims x{{"row", s.m}, {"in", s.k}}, y{{"in", s.k}, {"out", s.n}};
  if (s.transpose_a) std::swap(x[0], x[1]);
  if (s.transpose_b) std::swap(y[0], y[1]);
  const Tensor a = p.graph.input("x", dtype, s.transpose_a ? Axes{in, row} : Axes{row, in});
  const Tensor b = p.graph.input("y", dtype, s.transpose_b ? Axes{out, in} : Axes{in, out});
  update(p.graph.scope().state("z", {row, out}, zeros()), dot(a, b, {in}, f32));
  p.inputs = {{"x", random_floats("x", dtype, x)}, {"y", random_floats("y", dtype, y)}};
  return p;
}

// One row through layers of weights that no cache holds together.
Probe one_row(std::int64_t width, int layers, DType dtype) {
  Probe p{fmt::format("one row through {} of {}x{} {}", layers, width, width, name(dtype))};
  Tensor x = p.graph.input("x", f32, {{"w0", width}});
  p.inputs = {{"x", random_floats("x", f32, {{"w0", width}})}};
  for (int i = 0; i < layers; ++i) {
    const std::string in = fmt::format("w{}", i), out = fmt::format("w{}", i + 1);
    const Tensor w = p.graph.scope().param(fmt::format("layer{}", i), {{in, width}, {out, width}}, zeros());
    x = dot(cast(x, dtype), cast(w, dtype), {Axis(in)}, f32);
  }
  update(p.graph.scope().state("z", {{fmt::format("w{}", layers), width}}, zeros()), x);
  return p;
}

Probe column_sums(std::int64_t rows, std::int64_t columns) {
  Probe p{fmt::format("sums down {}x{}", rows, columns)};
  const Axis row("row", rows), column("column", columns);
  update(p.graph.scope().state("z", {column}, zeros()), sum(p.graph.input("x", f32, {row, column}), {row}));
  p.inputs = {{"x", random_floats("x", f32, {{"row", rows}, {"column", columns}})}};
  return p;
}

// What an optimiser does: of four numbers it reads it writes three.
Probe optimiser(std::int64_t elements) {
  Probe p{fmt::format("an optimiser's step of {}", elements)};
  const Axis n("n", elements);
  const Tensor g = p.graph.input("g", f32, {n});
  const Tensor w = p.graph.scope().state("w", {n}, zeros()), first = p.graph.scope().state("first", {n}, zeros()),
               second = p.graph.scope().state("second", {n}, zeros());
  const Tensor m = first * 0.9 + g * 0.1, v = second * 0.95 + g * g * 0.05;
  update(first, m);
  update(second, v);
  update(w, w - m / (sqrt(v) + 1e-8) * 1e-3);
  p.inputs = {{"g", random_floats("g", f32, {{"n", elements}})}};
  return p;
}

// Of the steps of small models: forward, an input's gradient (b) and a weight's (a).
std::vector<Probe> products() {
  std::vector<Probe> all;
  for (const DType dtype : {f32, bf16})
    for (const char* shape : {"256x3072x768", "256x768x3072", "256x768x3072b", "768x3072x256a", "1024x2048x512", "1000x700x300"})
      all.push_back(product(shape, dtype));
  return all;
}
Probe weights_of(std::int64_t width, DType dtype) {
  return one_row(width, static_cast<int>((std::int64_t{64} << 20) / 4 / width / width) + 1, dtype);
}
std::vector<Probe> few_rows() {
  std::vector<Probe> all;
  for (const DType dtype : {f32, bf16})
    for (const std::int64_t width : {768, 1024, 2048}) all.push_back(weights_of(width, dtype));
  return all;
}
std::vector<Probe> columns() {
  std::vector<Probe> all;
  all.push_back(column_sums(256, 3072));
  all.push_back(column_sums(1024, 768));
  all.push_back(column_sums(4096, 2048));
  return all;
}

std::vector<Probe> streams() {
  std::vector<Probe> all;
  for (const std::int64_t width : {768, 1024, 2048}) all.push_back(weights_of(width, f32));
  for (const std::int64_t elements : {std::int64_t{1} << 20, std::int64_t{1} << 22, std::int64_t{1} << 24}) all.push_back(optimiser(elements));
  return all;
}

std::vector<Probe> probes_of(std::string_view number) {
  if (number == "stream_ahead_bytes") return streams();
  return number == "few_rows_bytes" || number == "whole_row_bytes" ? few_rows() : number == "rows_ahead" ? columns() : products();
}

struct Compiled {
  State state;
  std::unique_ptr<Program> program;
};

// With these numbers, whatever the table says.
std::unique_ptr<Compiled> compiled(const Probe& probe, const Tuning& tuning, const Target& target) {
  std::string numbers;
  for (const TuningField& f : tuning_fields()) numbers += fmt::format("{}{}={}", numbers.empty() ? "" : ",", f.name, tuning.*f.value);
  ::setenv("UWAGA_TUNING", numbers.c_str(), 1);
  auto out = std::make_unique<Compiled>();
  out->program = std::make_unique<Program>(compile(probe.graph, target, out->state));
  ::unsetenv("UWAGA_TUNING");
  out->state.initialise(1, target);
  return out;
}

double milliseconds(Program& program, const Arrays& inputs, int runs) {
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < runs; ++i) program.run(inputs);
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count() / runs;
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

struct Speed {
  double overall = 1, least = 1;  // of a candidate, beside what holds: the geometric mean over programs, and the program it suits least
};

// How much faster the second is on a program: in turns, on memory that it takes after the first.
double ratio(const Probe& probe, const Tuning& first, const Tuning& second, const Target& target, int rounds) {
  constexpr double kTurn = 2;  // milliseconds
  const auto a = compiled(probe, first, target), b = compiled(probe, second, target);
  milliseconds(*a->program, probe.inputs, 2);
  milliseconds(*b->program, probe.inputs, 2);
  const int runs = std::clamp(static_cast<int>(kTurn / milliseconds(*a->program, probe.inputs, 1)), 1, 100);
  std::vector<double> ratios;
  double before = milliseconds(*a->program, probe.inputs, runs);
  for (int i = 0; i < rounds; ++i) {
    const double between = milliseconds(*b->program, probe.inputs, runs), after = milliseconds(*a->program, probe.inputs, runs);
    ratios.push_back((before + after) / 2 / between);
    before = after;
  }
  return median(std::move(ratios));
}

Speed compare(const std::vector<Probe>& probes, const Tuning& now, const Tuning& candidate, const Target& target, int rounds) {
  double logarithms = 0;
  Speed speed{1, 1e9};
  for (const Probe& probe : probes) {
    // Whose memory comes first makes a difference too.
    const double faster = std::sqrt(ratio(probe, now, candidate, target, rounds) / ratio(probe, candidate, now, target, rounds));
    logarithms += std::log(faster);
    speed.least = std::min(speed.least, faster);
  }
  speed.overall = std::exp(logarithms / static_cast<double>(probes.size()));
  return speed;
}

std::string processor() {
#ifdef UWAGA_WITH_LLVM
  return host_target({}).tune;
#else
  throw Error("this build has no LLVM backend, whose kernels would be tuned");
#endif
}

int tune(const TuneOptions& o) {
  const std::string cpu = processor();
  const Target target = target_of({.threads = o.threads});
  Tuning best = tuning_of(cpu);
  if (!o.json)
    std::cout << fmt::format("{} ({}), {} thread{}; {}\n", cpu, host_cpu().model, target.threads(), target.threads() == 1 ? "" : "s",
                             !has_tuning(cpu) ? "has no row" : "has a row: " + (best == Tuning() ? "the default" : differences(best)));
  for (const TuningField& f : tuning_fields()) {
    if (!o.numbers.empty() && std::ranges::find(o.numbers, f.name) == o.numbers.end()) continue;
    const std::vector<Probe> probes = probes_of(f.name);
    BenchLine line{{"number", f.name}, {"from", best.*f.value}, {"tried", nlohmann::ordered_json::array()}};
    if (!o.json) std::cout << fmt::format("{:16} {:>8}", f.name, best.*f.value) << std::flush;
    Tuning chosen = best;
    double fastest = kBetter;
    for (const std::int64_t value : f.candidates) {
      if (value == best.*f.value) continue;
      Tuning candidate = best;
      candidate.*f.value = value;
      const Speed s = compare(probes, best, candidate, target, o.rounds);
      line["tried"].push_back({{"value", value}, {"speed", s.overall}, {"least", s.least}});
      if (!o.json) std::cout << fmt::format("  {} {:.3f} ({:.3f})", value, s.overall, s.least) << std::flush;
      if (s.overall < fastest || s.least < kWorse) continue;
      fastest = s.overall;
      chosen = candidate;
    }
    // Of several, the best is so by luck too: once more, on its own.
    if (chosen != best && compare(probes, best, chosen, target, 2 * o.rounds).overall < kBetter) chosen = best;
    line["chosen"] = chosen.*f.value;
    if (o.json) tell(line, true);
    else std::cout << (chosen == best ? "  stays\n" : fmt::format("  takes {}\n", chosen.*f.value));
    best = chosen;
  }
  std::string row;
  for (const TuningField& f : tuning_fields())
    if (best.*f.value != Tuning().*f.value) row += fmt::format("{}.{} = {}", row.empty() ? "" : ", ", f.name, best.*f.value);
  row = fmt::format("{{\"{}\", {{{}}}}},", cpu, row);
  if (o.json) tell({{"cpu", cpu}, {"threads", target.threads()}, {"row", row}}, true);
  else std::cout << "row for codegen/tuning.cpp:\n    " << row << '\n';
  return 0;
}

}  // namespace

void add_tune(CLI::App& app, Chosen& chosen) {
  auto o = std::make_shared<TuneOptions>();
  CLI::App* command = app.add_subcommand("tune", "measure what kernels could choose otherwise on this processor, and propose it");
  command->footer(
      "Each number with the speed of every candidate beside what holds (1.05: five percent faster), and in brackets that of the\n"
      "program that it suits least. Takes minutes. Nothing else should run meanwhile. Results of programs do not depend on it.");
  std::vector<std::string> names;
  for (const TuningField& f : tuning_fields()) names.emplace_back(f.name);
  command->add_option("--number", o->numbers, "only this one, as often as there are some")->check(CLI::IsMember(names));
  command->add_option("--rounds", o->rounds, "turns of each program with each candidate")->capture_default_str()->check(whole_number(1, 1000));
  command->add_option("--threads", o->threads, "threads of the CPU (default: one a core)")->check(whole_number(1, 1024));
  command->add_flag("--json", o->json, "a JSON object a number, and then the row");
  command->callback([&chosen, o] { chosen = [o] { return tune(*o); }; });
}

}  // namespace uwaga
