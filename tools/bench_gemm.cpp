// `uwaga bench gemm`: how fast matrix products of given shapes are here.
#include <fmt/format.h>
#include <uwaga/ir/graph.h>
#include <uwaga/ir/initial.h>
#include <uwaga/ir/ops.h>
#include <uwaga/ir/scope.h>
#include <uwaga/ir/update.h>
#include <uwaga/runtime/program.h>

#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tools/bench.h"
#include "tools/gemm_shape.h"

namespace uwaga {
namespace {

struct GemmOptions : BenchOptions {
  std::vector<std::string> shapes{"1024x1024x1024"};
};

BenchLine measure(const GemmShape& s, const GemmOptions& o, const Target& target) {
  const Axis row("row", s.m), in("in", s.k), out("out", s.n);
  Graph g;
  const Tensor x = g.input("x", o.compute, s.transpose_a ? Axes{in, row} : Axes{row, in});
  const Tensor y = g.input("y", o.compute, s.transpose_b ? Axes{out, in} : Axes{in, out});
  // Into a slot: fresh memory for each result would be timed with it. f32 whatever the operands are, as in a model.
  const Tensor z = g.scope().state("z", {row, out}, zeros());
  update(z, dot(x, y, {in}, DType::f32));
  State state;
  Program program = compile(g, target, state);
  state.initialise(1, target);
  ArrayDims x_dims{{"row", s.m}, {"in", s.k}}, y_dims{{"in", s.k}, {"out", s.n}};
  if (s.transpose_a) std::swap(x_dims[0], x_dims[1]);
  if (s.transpose_b) std::swap(y_dims[0], y_dims[1]);
  const auto gflops = [&](const PeakTries& tries) { return has_roofline(target) ? peak_gflops(o.compute, target.threads(), tries) : 0; };
  const double peak = gflops({});  // beside every shape, since clocks drift
  // Not between the runs: they take a few milliseconds, and the pool's threads would be asleep at the begin of each.
  constexpr PeakTries kBeside{.tries = 1, .length = 3};
  const double before = gflops(kBeside);
  std::vector<Timing> times =
      timed(program, {{"x", random_floats("x", o.compute, x_dims)}, {"y", random_floats("y", o.compute, y_dims)}}, o.runs);
  const double beside = (before + gflops(kBeside)) / 2;
  for (Timing& t : times) t.gflops_beside = beside;
  BenchLine line{{"bench", "gemm"},
                 {"m", s.m},
                 {"n", s.n},
                 {"k", s.k},
                 {"transpose_a", s.transpose_a},
                 {"transpose_b", s.transpose_b},
                 {"precision", name(o.compute)},
                 {"device", target.str()},
                 {"threads", target.threads()}};
  add_times(line, times, program,
            {.flops = 2.0 * static_cast<double>(s.m) * static_cast<double>(s.n) * static_cast<double>(s.k), .gflops = peak});
  line["peak_bytes"] = program.peak_bytes({});
  return line;
}

int gemm(const GemmOptions& o) {
  const Target target = target_of(o.device);
  std::vector<GemmShape> shapes;
  const bool asked = o.shapes == std::vector<std::string>{"-"};
  if (!asked)
    for (const std::string& text : o.shapes) shapes.push_back(parse_gemm_shape(text));
  for (const GemmShape& s : shapes) {
    if (!o.json && &s != shapes.data()) std::cout << '\n';
    tell(measure(s, o, target), o.json);
  }
  if (asked)
    for (std::string text; std::getline(std::cin, text);) tell(measure(parse_gemm_shape(text), o, target), o.json);
  return 0;
}

}  // namespace

void add_bench_gemm(CLI::App& bench, Chosen& chosen) {
  auto o = std::make_shared<GemmOptions>();
  CLI::App* g = bench.add_subcommand("gemm", "matrix products [m k] x [k n]");
  g->add_option("--shape", o->shapes,
                "MxNxK, as often as there are shapes; with a behind, the first operand lies as [k m], with b the second as [n k]; "
                "-: read from standard input, a line each, each timed when it is read")
      ->capture_default_str();
  add_bench_options(*g, *o);
  g->callback([&chosen, o] { chosen = [o] { return gemm(*o); }; });
}

}  // namespace uwaga
