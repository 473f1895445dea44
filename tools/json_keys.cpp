#include "tools/json_keys.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <uwaga/ir/error.h>
#include <uwaga/runtime/text/quote.h>

#include <cmath>
#include <utility>

namespace uwaga {

Keys::Keys(const nlohmann::json& object, std::string what) : object_(object), what_(std::move(what)) {
  if (!object_.is_object()) throw Error(fmt::format("{} is no JSON object", what_));
}

Keys Keys::object(const char* key) const { return Keys(object_.at(key), fmt::format("{}: '{}'", what_, key)); }

std::optional<double> Keys::number(const char* key) const {
  if (!has(key)) return std::nullopt;
  if (!object_.at(key).is_number()) wrong(key, "a number");
  const auto value = object_.at(key).get<double>();
  if (!std::isfinite(value)) wrong(key, "a finite number");
  return value;
}

std::optional<std::int64_t> Keys::size(const char* key) const {
  const auto value = number(key);
  if (!value) return std::nullopt;
  if (!object_.at(key).is_number_integer() || *value < 1 || *value > 2147483647.0) wrong(key, "an integer from 1 to 2147483647");
  return static_cast<std::int64_t>(*value);
}

std::optional<std::string> Keys::text(const char* key) const {
  if (!has(key)) return std::nullopt;
  if (!object_.at(key).is_string()) wrong(key, "a text");
  return object_.at(key).get<std::string>();
}

bool Keys::flag(const char* key, bool otherwise) const {
  if (!has(key)) return otherwise;
  if (!object_.at(key).is_boolean()) wrong(key, "true or false");
  return object_.at(key).get<bool>();
}

double Keys::need_number(const char* key) const {
  const auto value = number(key);
  if (!value) absent(key);
  return *value;
}

std::int64_t Keys::need_size(const char* key) const {
  const auto value = size(key);
  if (!value) absent(key);
  return *value;
}

std::vector<double> Keys::need_numbers(const char* key, std::size_t count) const {
  if (!has(key)) absent(key);
  const nlohmann::json& list = object_.at(key);
  std::vector<double> out;
  if (list.is_array())
    for (const nlohmann::json& item : list)
      if (item.is_number()) out.push_back(item.get<double>());
  if (!list.is_array() || out.size() != count || list.size() != count) wrong(key, fmt::format("a list of {} numbers", count));
  return out;
}

void Keys::refuse_flag(const char* key, bool otherwise, bool built) const {
  if (flag(key, otherwise) != built) throw Error(fmt::format("{}: '{}' is {}, which is not built", what_, key, !built));
}

void Keys::want_text(const char* key, const std::string& otherwise, const std::vector<std::string>& built) const {
  const std::string value = text(key).value_or(otherwise);
  for (const std::string& b : built)
    if (value == b) return;
  throw Error(
      fmt::format("{}: '{}' is {}, which is not built; {} is", what_, key, quote(value), fmt::join(built, " or ")));
}

void Keys::wrong(const char* key, const std::string& wanted) const {
  throw Error(fmt::format("{}: '{}' is {}, not {}", what_, key, quote(object_.at(key).dump(), 40), wanted));
}

void Keys::absent(const char* key) const { throw Error(fmt::format("{} has no '{}'", what_, key)); }

}  // namespace uwaga
