#include "tools/command.h"

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

}  // namespace uwaga
