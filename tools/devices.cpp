// `uwaga devices`: what programs can run on here, and why not on the rest.
#include <fmt/format.h>
#include <uwaga/ir/error.h>
#include <uwaga/runtime/host/cpu.h>
#include <uwaga/runtime/io/kernel_cache.h>

#include <cstdint>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "tools/command.h"

#ifdef UWAGA_WITH_CUDA
#include <uwaga/runtime/cuda/driver.h>
#include <uwaga/runtime/cuda/nvrtc.h>
#endif

namespace uwaga {
namespace {

struct Gpu {
  std::string name, architecture;
  std::uint64_t bytes = 0;
  std::string why_not = {};  // a sentence, where it is there and cannot be used
};

struct Gpus {
  std::vector<Gpu> found;
  std::string why_none, why_no_compiler;
};

Gpus gpus() {
#ifdef UWAGA_WITH_CUDA
  Gpus g{{}, CudaDriver::why_not(), Nvrtc::why_not()};
  if (!g.why_none.empty()) return g;
  const CudaDriver driver;
  for (int i = 0; i < driver.devices(); ++i) {
    try {
      const CudaDevice device(driver, i);
      g.found.push_back({device.info().name, device.info().architecture, device.info().bytes});
    } catch (const SystemError& e) {
      g.found.push_back({.name = {}, .architecture = {}, .bytes = 0, .why_not = e.what()});
    }
  }
  return g;
#else
  return {{}, "this build has no CUDA backend", "this build has no CUDA backend"};
#endif
}

int devices(bool json) {
  const CpuFeatures cpu = host_cpu();
  const Gpus g = gpus();
  const std::string why_no_cache = KernelCache::standard().why_off();
  if (json) {
    std::cout << nlohmann::ordered_json{{"device", "cpu"},
                                        {"model", cpu.model},
                                        {"features", cpu.features()},
                                        {"cores", cpu.physical_cores},
                                        {"threads", cpu.logical_cpus},
                                        {"f32_lanes", cpu.f32_lanes()},
                                        {"kernel_cache_off", why_no_cache}}
              << '\n';
    for (std::size_t i = 0; i < g.found.size(); ++i) {
      nlohmann::ordered_json line{{"device", fmt::format("cuda:{}", i)}};
      if (!g.found[i].why_not.empty()) line["why_not"] = g.found[i].why_not;
      else line.update({{"model", g.found[i].name}, {"architecture", g.found[i].architecture}, {"bytes", g.found[i].bytes}});
      std::cout << line << '\n';
    }
    return 0;
  }
  fmt::print("cpu      {}, {} cores, {} threads, {}\n", cpu.model, cpu.physical_cores, cpu.logical_cpus,
             cpu.features());
  for (std::size_t i = 0; i < g.found.size(); ++i) {
    const Gpu& gpu = g.found[i];
    if (!gpu.why_not.empty()) fmt::print("cuda:{}   cannot be used: {}\n", i, gpu.why_not);
    else fmt::print("cuda:{}   {}, {}, {:.1f} GiB\n", i, gpu.name, gpu.architecture, static_cast<double>(gpu.bytes) / 0x1p30);
  }
  if (!g.why_none.empty()) fmt::print("cuda     none: {}\n", g.why_none);
  if (!why_no_cache.empty()) fmt::print("{}\n", why_no_cache);
  if (!g.why_no_compiler.empty()) fmt::print("nvrtc    none: {}\n", g.why_no_compiler);
  return 0;
}

}  // namespace

void add_devices(CLI::App& app, Chosen& chosen) {
  CLI::App* command = app.add_subcommand("devices", "what programs can run on here");
  auto json = std::make_shared<bool>(false);
  command->add_flag("--json", *json, "one JSON object a line on standard output");
  command->callback([&chosen, json] { chosen = [json] { return devices(*json); }; });
}

}  // namespace uwaga
