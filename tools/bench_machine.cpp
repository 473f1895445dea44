// `uwaga bench machine`: what this machine could do.
#include <uwaga/runtime/host/cpu.h>

#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tools/bandwidth.h"
#include "tools/bench.h"
#include "tools/peak.h"
#include "tools/pool_times.h"

namespace uwaga {
namespace {

BenchLine measure(const CpuFeatures& cpu, const Core& core, int threads) {
  BenchLine line{{"bench", "machine"}, {"cpu", cpu.model}, {"features", cpu.features()}, {"threads", threads}};
  const double peak = peak_f32_gflops(threads), by_clock = 2.0 * threads * cpu.f32_lanes() * core.units * core.clock_ghz;
  line["f32_gflops"] = peak;
  line["f32_lanes"] = cpu.f32_lanes();
  line["f32_units"] = core.units;
  line["clock_ghz"] = core.clock_ghz;
  line["f32_by_clock_gflops"] = by_clock;  // threads x lanes x 2 x units x clock
  line["f32_share_of_clock"] = by_clock > 0 ? peak / by_clock : 0;
  if (const double bf16 = peak_bf16_gflops(threads); bf16 > 0) line["bf16_gflops"] = bf16;
  const auto add = [&](const std::string& level, const Bandwidth& b) {
    line[level + "_read_gbps"] = b.read;
    line[level + "_write_gbps"] = b.write;
  };
  const std::vector<std::pair<std::string, std::int64_t>> levels{
      {"l1", cpu.l1d_bytes / 2}, {"l2", cpu.l2_bytes / 2}, {"l3", cpu.l3_bytes / 2 / threads}};
  for (const auto& [level, bytes] : levels)
    if (bytes > 0) add(level, bandwidth(bytes, threads));
  add("memory", memory_bandwidth(threads));
  const PoolTimes pool = pool_times(threads);
  line["pool_launch_us"] = pool.launch;
  line["pool_barrier_us"] = pool.barrier;
  line["pool_run_us"] = pool.run;
  return line;
}

int machine(bool json) {
  const CpuFeatures cpu = host_cpu();
  const Core core = measured_core();
  std::vector<int> counts{1};
  for (int t = 2; t < cpu.logical_cpus; t *= 2) counts.push_back(t);
  if (cpu.logical_cpus > 1) counts.push_back(cpu.logical_cpus);
  for (int threads : counts) {
    if (threads > 1 && !json) std::cout << '\n';
    tell(measure(cpu, core, threads), json);
  }
  return 0;
}

}  // namespace

void add_bench_machine(CLI::App& bench, Chosen& chosen) {
  auto json = std::make_shared<bool>(false);
  CLI::App* m = bench.add_subcommand(
      "machine", "what this machine could do: multiply-adds, bytes from each level of memory, the start and the end of work on several threads");
  m->add_flag("--json", *json, "one JSON object a thread count on standard output");
  m->callback([&chosen, json] { chosen = [json] { return machine(*json); }; });
}

}  // namespace uwaga
