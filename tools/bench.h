// What the files of `uwaga bench` share; each declares one of its subcommands.
//
//   const std::vector<Timing> times = timed(program, inputs, o.runs);
//   BenchLine line{{"bench", "step"}};
//   add_times(line, times, program, {.flops = flops, .bytes = bytes, .gflops = peak_gflops(o.compute, threads), .gbps = ...});
//   tell(line, o.json);
#pragma once

#include <uwaga/ir/array.h>
#include <uwaga/runtime/program.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <vector>

#include "tools/command.h"
#include "tools/peak.h"

namespace uwaga {

// What all of them but `machine` take.
struct BenchOptions {
  DType compute = DType::f32;
  int runs = 5;
  bool json = false;
  DeviceOptions device;
};
void add_bench_options(CLI::App& command, BenchOptions& options);

// What is told of one thing that was timed: a JSON object, or a line a field.
using BenchLine = nlohmann::ordered_json;
void tell(const BenchLine& line, bool json);

// A run, and what the machine did per second just before and after it; 0 where that was not asked for.
struct Timing {
  double milliseconds = 0, gflops_beside = 0;
};
// Of each run, the fastest first, after two runs that do not count. `gflops` is asked before and after each.
std::vector<Timing> timed(Program& program, const Arrays& inputs, int runs, const std::function<double()>& gflops = {});

// Whether the CPU's peak and bandwidth are the limits of what runs on the target.
bool has_roofline(const Target& target);

// Of products computed in `compute`, as fast as anything here does them: bf16 in f32 too, where nothing multiplies it faster.
double peak_gflops(DType compute, int threads, const PeakTries& tries = {});

// The least time the machine could take: the products at its peak, and then the bytes read from memory. No bytes: products alone;
// no FLOPs: bytes alone. What the machine does per second is 0 where it was not measured: then there is no roofline.
struct Roofline {
  double flops = 0, bytes = 0;  // of the work
  double gflops = 0, gbps = 0;  // of the machine
};
// Of `program`: the median of `times` and the least of them, where compile's time went, and how much of the roofline was reached:
// of that of the machine at its best, and of that of each run's own moment (the median of these shares), as others may use the
// same cores.
void add_times(BenchLine& line, const std::vector<Timing>& times, const Program& program, const Roofline& roofline);

// Where the time of a run goes, kernel by kernel, the dearest first: of each call the least of `runs`. One line a kernel; the calls of
// all layers share one.
void tell_profile(Program& program, const Arrays& inputs, const Sizes& sizes, int runs, bool json);

// In [-1/2, 1/2), f32 or bf16.
Array random_floats(const char* key, DType dtype, ArrayDims dims);

void add_bench_steps(CLI::App& bench, Chosen& chosen);  // step and forward
void add_bench_decode(CLI::App& bench, Chosen& chosen);
void add_bench_gemm(CLI::App& bench, Chosen& chosen);
void add_bench_kernels(CLI::App& bench, Chosen& chosen);
void add_bench_machine(CLI::App& bench, Chosen& chosen);

}  // namespace uwaga
