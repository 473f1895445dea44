// metrics.jsonl: one JSON object a line, appended as a run goes, cut back where a run resumes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace uwaga {

class MetricsFile {
 public:
  // Keeps the lines whose "step" is at most `last_step`; an incomplete last line is dropped. Throws SystemError.
  MetricsFile(std::string path, std::int64_t last_step);
  ~MetricsFile();
  MetricsFile(MetricsFile&&) noexcept;
  MetricsFile& operator=(MetricsFile&&) noexcept;
  // A line; `object` is JSON. Throws SystemError.
  void add(const std::string& object);

 private:
  std::string path_;
  struct Stream;
  std::unique_ptr<Stream> file_;
};

}  // namespace uwaga
