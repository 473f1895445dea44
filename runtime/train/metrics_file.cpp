#include <fmt/format.h>
#include <uwaga/ir/error.h>
#include <uwaga/runtime/io/file.h>
#include <uwaga/runtime/train/metrics_file.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

namespace uwaga {
namespace {

bool kept(const std::string& line, std::int64_t last_step) {
  const nlohmann::json json = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  return json.is_object() && json.contains("step") && json["step"].is_number_integer() &&
         json["step"].get<std::int64_t>() <= last_step;
}

}  // namespace

struct MetricsFile::Stream {
  explicit Stream(const std::string& path) : out(path, std::ios::app) {}
  std::ofstream out;
};

MetricsFile::MetricsFile(std::string path, std::int64_t last_step) : path_(std::move(path)) {
  std::string before;
  if (last_step > 0 && std::filesystem::exists(path_)) {
    std::istringstream lines(read_file(path_));
    for (std::string line; std::getline(lines, line);)
      if (kept(line, last_step)) before += line + "\n";
  }
  write_file(path_, before);
  file_ = std::make_unique<Stream>(path_);
  if (!file_->out) throw SystemError(fmt::format("cannot open {}: {}", path_, std::strerror(errno)));
}

MetricsFile::~MetricsFile() = default;
MetricsFile::MetricsFile(MetricsFile&&) noexcept = default;
MetricsFile& MetricsFile::operator=(MetricsFile&&) noexcept = default;

void MetricsFile::add(const std::string& object) {
  file_->out << object << '\n' << std::flush;
  if (!file_->out) throw SystemError(fmt::format("cannot write {}: {}", path_, std::strerror(errno)));
}

}  // namespace uwaga
