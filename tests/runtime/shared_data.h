// Where the development data lie: $UWAGA_SHARED, or shared/ beside the source folder. Tests skip what is absent.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

inline std::optional<std::filesystem::path> shared_data(const std::string& name) {
  namespace fs = std::filesystem;
  const char* variable = std::getenv("UWAGA_SHARED");
  const fs::path root = variable ? fs::path(variable) : fs::path(UWAGA_SOURCE_DIR) / ".." / "shared";
  std::error_code ignored;
  const fs::path path = root / "data" / name;
  if (!fs::exists(path, ignored)) return std::nullopt;
  return path;
}
