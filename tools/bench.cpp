#include "tools/bench.h"

#include <fmt/format.h>
#include <uwaga/ir/random.h>
#include <uwaga/runtime/program.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <iostream>
#include <map>
#include <utility>


namespace uwaga {

void add_bench_options(CLI::App& command, BenchOptions& o) {
  add_precision_option(command, o.compute);
  command.add_option("--runs", o.runs, "how many are timed; the median counts")->check(whole_number(1, 1000))->capture_default_str();
  add_device_options(command, o.device);
  command.add_flag("--json", o.json, "JSON on standard output, a line each");
}

std::vector<Timing> timed(Program& program, const Arrays& inputs, int runs, const std::function<double()>& gflops) {
  std::vector<Timing> times;
  for (int i = 0; i < 2; ++i) program.run(inputs);
  double before = gflops ? gflops() : 0;
  for (int i = 0; i < runs; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    program.run(inputs);
    const std::chrono::duration<double, std::milli> passed = std::chrono::steady_clock::now() - begin;
    const double after = gflops ? gflops() : 0;
    times.push_back({passed.count(), (before + after) / 2});
    before = after;
  }
  std::ranges::sort(times, {}, &Timing::milliseconds);
  return times;
}

bool has_roofline(const Target& target) { return target.kind() == Target::Kind::host; }

double peak_gflops(DType compute, int threads, const PeakTries& tries) {
  const double narrow = compute == DType::bf16 ? peak_bf16_gflops(threads, tries) : 0;
  return narrow > 0 ? narrow : peak_f32_gflops(threads, tries);
}

void add_times(BenchLine& line, const std::vector<Timing>& times, const Program& program, const Roofline& work) {
  const CompileReport& r = program.report();
  const double median = times[times.size() / 2].milliseconds;
  line["milliseconds"] = median;
  line["milliseconds_least"] = times.front().milliseconds;
  line["compile_milliseconds"] = r.total;
  line["compile"] = {
      {"graph", r.graph}, {"fuse", r.fuse}, {"schedule", r.schedule}, {"emit", r.emit}, {"link", r.link}};
  line["nodes"] = r.nodes;
  line["clusters"] = r.clusters;
  line["launches"] = r.launches;
  line["kernels"] = r.kernels;
  line["kernels_from_cache"] = r.kernels_from_cache;
  if (work.flops > 0) line["gflops"] = work.flops / median * 1e-6;
  if (work.flops > 0 && work.gflops > 0) line["peak_gflops"] = work.gflops;
  if (work.bytes > 0 && work.gbps > 0) line["memory_gbps"] = work.gbps;
  if ((work.flops > 0 && work.gflops == 0) || (work.bytes > 0 && work.gbps == 0)) return;
  const auto least = [&](double gflops) {
    return (work.flops > 0 ? work.flops / gflops * 1e-6 : 0) + (work.bytes > 0 ? work.bytes / work.gbps * 1e-6 : 0);
  };
  line["roofline_milliseconds"] = least(work.gflops);
  line["roofline_share"] = least(work.gflops) / median;
  if (times.front().gflops_beside == 0) return;
  std::vector<double> peaks, shares;
  for (const Timing& t : times) {
    peaks.push_back(t.gflops_beside);
    shares.push_back(least(t.gflops_beside) / t.milliseconds);
  }
  for (std::vector<double>* v : {&peaks, &shares}) std::ranges::sort(*v);
  line["gflops_beside"] = peaks[peaks.size() / 2];
  line["roofline_share_beside"] = shares[shares.size() / 2];
}

void tell(const BenchLine& line, bool json) {
  if (json) {
    std::cout << line << std::endl;
    return;
  }
  for (const auto& [key, value] : line.items())
    std::cout << fmt::format("{:22} {}", key, value.is_string() ? value.get<std::string>() : value.dump()) << '\n';
}

void tell_profile(Program& program, const Arrays& inputs, const Sizes& sizes, int runs, bool json) {
  std::vector<LaunchProfile> launches = program.profile(inputs, sizes);
  for (int run = 1; run < runs; ++run) {
    const std::vector<LaunchProfile> again = program.profile(inputs, sizes);
    for (std::size_t i = 0; i < launches.size(); ++i) launches[i].milliseconds = std::min(launches[i].milliseconds, again[i].milliseconds);
  }
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
      std::cout << BenchLine{{"profile", s.first->kind},         {"kernel", s.first->kernel}, {"milliseconds", s.milliseconds},
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

Array random_floats(const char* key, DType dtype, ArrayDims dims) {
  Array a(dtype, std::move(dims));
  const std::size_t n = static_cast<std::size_t>(checked_elements(a.dims()));
  for (std::size_t i = 0; i < n; ++i) {
    const float x = static_cast<float>(random_word(random_key(key, 1), 0, i)) * 0x1p-32f - 0.5f;
    if (dtype == DType::f32) {
      a.mutable_as<float>()[i] = x;
    } else {  // bf16, cut off
      std::uint32_t bits;
      std::memcpy(&bits, &x, sizeof bits);
      const auto high = static_cast<std::uint16_t>(bits >> 16);
      std::memcpy(a.mutable_data() + 2 * i, &high, sizeof high);
    }
  }
  return a;
}

void add_bench(CLI::App& app, Chosen& chosen) {
  CLI::App* bench = app.add_subcommand("bench", "time this machine");
  bench->require_subcommand(1);
  add_bench_steps(*bench, chosen);
  add_bench_decode(*bench, chosen);
  add_bench_gemm(*bench, chosen);
  add_bench_kernels(*bench, chosen);
  add_bench_machine(*bench, chosen);
}

}  // namespace uwaga
