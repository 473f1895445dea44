#include "tools/command.h"

#include <uwaga/runtime/host/thread_pool.h>

namespace uwaga {

void add_device_options(CLI::App& command, DeviceOptions& options) {
  command.add_option("--device", options.device, "cpu, or interpreter (slow; the reference)")
      ->check(CLI::IsMember({"cpu", "interpreter"}))
      ->capture_default_str();
  command.add_option("--threads", options.threads, "threads of the CPU (default: one a core); no result depends on it")
      ->check(CLI::Range(1, ThreadPool::kMaxThreads));
}

Target target_of(const DeviceOptions& options) {
  return options.device == "interpreter" ? Target::interpreter() : Target::host(options.threads);
}

}  // namespace uwaga
