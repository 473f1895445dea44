#include "tools/command.h"
#include "tools/language_model.h"

#include <uwaga/runtime/host/thread_pool.h>

namespace uwaga {

void add_device_options(CLI::App& command, DeviceOptions& options) {
  command.add_option("--device", options.device, "cpu; emulated: CUDA kernels run by the CPU; interpreter: the slow reference")
      ->check(CLI::IsMember({"cpu", "emulated", "interpreter"}))
      ->capture_default_str();
  command.add_option("--threads", options.threads, "threads of the CPU (default: one a core); no result depends on it")
      ->check(CLI::Range(1, ThreadPool::kMaxThreads));
}

Target target_of(const DeviceOptions& options) {
  if (options.device == "interpreter") return Target::interpreter();
  if (options.device == "emulated") return Target::emulated();
  return Target::host(options.threads);
}

void add_precision_option(CLI::App& command, DType& compute) {
  command
      .add_option_function<std::string>(
          "--precision", [&compute](const std::string& name) { compute = precision_named(name); },
          "of matrix products: f32 or bf16 (parameters, moments and sums stay f32)")
      ->check(CLI::IsMember({"f32", "bf16"}))
      ->default_str("f32");
}

}  // namespace uwaga
