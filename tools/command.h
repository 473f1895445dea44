// What the files of subcommands share. Each file has one function that declares a subcommand; main.cpp lists them.
//
//   void add_devices(CLI::App& app, Chosen& chosen) {
//     CLI::App* command = app.add_subcommand("devices", "What programs can run on");
//     command->callback([&chosen] { chosen = [] { ...; return 0; }; });
//   }
//
// Exit codes: 0 ok, 1 the run failed, 2 wrong usage (UsageError, and what the parser refuses), 130 interrupted.
#pragma once

#include <uwaga/ir/dtype.h>
#include <uwaga/ir/error.h>
#include <uwaga/runtime/target.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace uwaga {

// The subcommand that was asked for; returns the exit code.
using Chosen = std::function<int()>;

struct UsageError : Error {
  using Error::Error;
};

constexpr int kInterrupted = 130;

// --device and --threads.
struct DeviceOptions {
  std::string device = "cpu";
  int threads = 0;  // 0: not given, one a core
};
void add_device_options(CLI::App& command, DeviceOptions& options);
// --precision f32|bf16, of `what`.
void add_precision_option(CLI::App& command, DType& compute,
                          const std::string& what = "of matrix products: f32 or bf16 (parameters, moments and sums stay f32)");
Target target_of(const DeviceOptions& options);
// What --device names: "cpu", "cuda", "cuda:1", "emulated", "interpreter"; absent for anything else, and the sentence that says so.
std::optional<Target> target_named(const std::string& device, int threads);
std::string no_such_device(const std::string& device);

// What a number on the command line may be. Whole ones are written in digits of ten: 1e1 is none, and neither is 010, which the
// parser would take for 8. Real ones are finite.
CLI::Validator whole_number(std::int64_t least, std::int64_t most);
enum class Upper { included, excluded };
CLI::Validator real_number(double least, double most, Upper upper = Upper::included);
CLI::Validator whole_number();  // any of 64 bits

void add_train(CLI::App& app, Chosen& chosen);
void add_generate(CLI::App& app, Chosen& chosen);
void add_check(CLI::App& app, Chosen& chosen);
void add_bench(CLI::App& app, Chosen& chosen);
void add_tune(CLI::App& app, Chosen& chosen);
void add_inspect(CLI::App& app, Chosen& chosen);
void add_devices(CLI::App& app, Chosen& chosen);

}  // namespace uwaga
