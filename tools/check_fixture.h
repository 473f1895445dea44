// What the kinds of check share: the folder's files and the device.
#pragma once

#include <uwaga/runtime/io/safetensors.h>
#include <uwaga/runtime/target.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tools/comparison.h"
#include "tools/model_files.h"

namespace uwaga {

struct Fixture {
  std::filesystem::path folder;
  nlohmann::json meta;
  SafetensorsFile inputs, expected;
  std::optional<SafetensorsFile> exact;  // expected_f64.safetensors
  Target target;
  bool interpreted;  // then the exact arithmetic is checked too

  // config.json, and config.hub.json where there is one.
  std::vector<std::filesystem::path> configs() const;
  // meta.tolerance.KEY
  double tolerance(const char* key) const;
};

// Error where the file lacks the tensor.
const StoredTensor& need(const SafetensorsFile& file, const std::string& name);

void check_language_model(const Fixture& fixture, const std::filesystem::path& config, Report& report);
void check_generation(const Fixture& fixture, const std::filesystem::path& config, Report& report);
void check_trajectory(const Fixture& fixture, const std::filesystem::path& config, Report& report);
void check_recurrent(const Fixture& fixture, Report& report);

}  // namespace uwaga
