#include "tools/command.h"
#include "tools/language_model.h"

#include <uwaga/runtime/host/thread_pool.h>

#include <charconv>

namespace uwaga {

void add_device_options(CLI::App& command, DeviceOptions& options) {
  command.add_option("--device", options.device,
                     "cpu; cuda or cuda:N: an NVIDIA GPU; emulated: CUDA kernels run by the CPU; interpreter: the slow reference")
      ->check([](const std::string& device) { return target_named(device, 1) ? std::string() : no_such_device(device); })
      ->capture_default_str();
  command.add_option("--threads", options.threads, "threads of the CPU (default: one a core); no result depends on it")
      ->check(CLI::Range(1, ThreadPool::kMaxThreads));
}

std::optional<Target> target_named(const std::string& device, int threads) {
  if (device == "cpu") return Target::host(threads);
  if (device == "cuda") return Target::cuda();
  if (device == "emulated") return Target::emulated();
  if (device == "interpreter") return Target::interpreter();
  int number = 0;
  const char* const end = device.data() + device.size();
  if (!device.starts_with("cuda:") || std::from_chars(device.data() + 5, end, number).ptr != end || device.size() == 5 || number < 0) return std::nullopt;
  return Target::cuda(number);
}

void add_precision_option(CLI::App& command, DType& compute, const std::string& what) {
  command
      .add_option_function<std::string>(
          "--precision", [&compute](const std::string& name) { compute = precision_named(name); }, what)
      ->check(CLI::IsMember({"f32", "bf16"}))
      ->default_str("f32");
}

std::string no_such_device(const std::string& device) {
  return "there is no device '" + device + "'; the devices are cpu, cuda, cuda:N, emulated and interpreter";
}

Target target_of(const DeviceOptions& options) { return *target_named(options.device, options.threads); }

}  // namespace uwaga
