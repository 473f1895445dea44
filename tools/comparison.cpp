#include "tools/comparison.h"

#include <fmt/format.h>
#include <uwaga/ir/error.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

namespace uwaga {

double largest(const Array& a) {
  double out = 0;
  for (double x : a.to_doubles()) out = std::max(out, std::abs(x));
  return out;
}

Comparison compare(const std::string& what, const Array& ours, const Array& theirs, double allowed,
                   const Which& which) {
  if (ours.elements() != theirs.elements())
    throw Error(fmt::format("{} is {} here and {} in the reference", what, ours.str(), theirs.str()));
  const std::vector<double> a = ours.to_doubles(), b = theirs.to_doubles();
  double absolute = 0, scale = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (which && !which(static_cast<std::int64_t>(i))) continue;
    const double difference = std::abs(a[i] - b[i]);
    if (!(difference <= absolute)) absolute = difference;
    if (std::isnan(difference)) break;
    scale = std::max(scale, std::abs(b[i]));
  }
  if (scale == 0) scale = std::numeric_limits<double>::min();
  return {what, absolute, absolute == 0 ? 0 : absolute / scale, allowed};
}

void Report::section(const std::string& title) {
  section_ = title;
  if (!json_) out_ << title << "\n";
}

void Report::add(const Comparison& c) {
  ++compared_;
  if (!c.ok()) ++failed_;
  if (json_) {
    out_ << nlohmann::json{{"run", section_},        {"tensor", c.what},     {"absolute", c.absolute},
                           {"relative", c.relative}, {"allowed", c.allowed}, {"ok", c.ok()}}
                .dump()
         << "\n";
    return;
  }
  out_ << fmt::format("  {:<52} absolute {:8.2e}  relative {:8.2e}  allowed {:8.2e}{}\n", c.what, c.absolute,
                      c.relative, c.allowed, c.ok() ? "" : "  DIFFERS");
}

void Report::note(const std::string& sentence) {
  if (json_)
    out_ << nlohmann::json{{"run", section_}, {"note", sentence}}.dump() << "\n";
  else
    out_ << "  " << sentence << "\n";
}

void Report::finish() {
  if (json_)
    out_ << nlohmann::json{{"compared", compared_}, {"failed", failed_}, {"passed", passed()}}.dump() << "\n";
  else
    out_ << (passed() ? fmt::format("all {} agree\n", compared_)
                      : fmt::format("{} of {} differ\n", failed_, compared_));
}

}  // namespace uwaga
