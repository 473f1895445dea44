#include "tools/command.h"
#include "tools/language_model.h"

#include <uwaga/runtime/host/thread_pool.h>

#include <fmt/format.h>

#include <charconv>
#include <limits>

namespace uwaga {
namespace {

template <typename T>
std::optional<T> parse(const std::string& text) {
  T value{};
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  return stop == end && error == std::errc() ? std::optional(value) : std::nullopt;
}

}  // namespace

CLI::Validator whole_number(std::int64_t least, std::int64_t most) {
  return {[=](const std::string& text) {
            const auto value = parse<std::int64_t>(text);
            if (!value || *value < least || *value > most) return fmt::format("wants a whole number from {} to {}, not {}", least, most, text);
            // The parser would take it for octal.
            if (text != std::to_string(*value)) return fmt::format("wants {}, not {}", *value, text);
            return std::string();
          },
          fmt::format("{} to {}", least, most)};
}

CLI::Validator real_number(double least, double most, Upper upper) {
  const std::string range = fmt::format("{} to {}{}", least, upper == Upper::excluded ? "less than " : "", most);
  return {[=](const std::string& text) {
            const auto value = parse<double>(text);
            const bool fits = value && *value >= least && (upper == Upper::excluded ? *value < most : *value <= most);
            return fits ? std::string() : fmt::format("wants a number from {}, not {}", range, text);
          },
          range};
}

CLI::Validator whole_number() {
  using Limits = std::numeric_limits<std::int64_t>;
  return whole_number(Limits::min(), Limits::max()).description("");
}

void add_device_options(CLI::App& command, DeviceOptions& options) {
  command.add_option("--device", options.device,
                     "cpu; cuda or cuda:N: an NVIDIA GPU; emulated: CUDA kernels run by the CPU; interpreter: the slow reference")
      ->check([](const std::string& device) { return target_named(device, 1) ? std::string() : no_such_device(device); })
      ->capture_default_str();
  command.add_option("--threads", options.threads, "threads of the CPU (default: one a core); no result depends on it")
      ->check(whole_number(1, ThreadPool::kMaxThreads));
}

std::optional<Target> target_named(const std::string& device, int threads) {
  if (device == "cpu") return Target::host(threads);
  if (device == "cuda") return Target::cuda();
  if (device == "emulated") return Target::emulated();
  if (device == "interpreter") return Target::interpreter();
  if (!device.starts_with("cuda:")) return std::nullopt;
  const auto number = parse<int>(device.substr(5));
  if (!number || *number < 0) return std::nullopt;
  return Target::cuda(*number);
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
