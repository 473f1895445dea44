#include <fmt/format.h>
#include <uwaga/ir/error.h>
#include <uwaga/runtime/io/detail/json.h>
#include <uwaga/runtime/text/quote.h>

#include <limits>
#include <set>
#include <vector>

namespace uwaga::detail {

Json parse_json(std::string_view text, std::string_view what, JsonLimits limits) {
  std::vector<std::set<std::string>> keys;  // One set an open object.
  std::size_t values = 0;
  const auto callback = [&](int depth, Json::parse_event_t event, Json& parsed) {
    using Event = Json::parse_event_t;
    if (event == Event::object_end) {
      keys.pop_back();
      return true;
    }
    if (event == Event::array_end) return true;
    if (depth >= limits.depth) throw Error(fmt::format("{}: JSON nested deeper than {} levels", what, limits.depth));
    if (++values > limits.values) throw Error(fmt::format("{}: JSON of more than {} values", what, limits.values));
    if (event == Event::object_start) keys.emplace_back();
    if (event == Event::key) {
      const auto& key = parsed.get_ref<const std::string&>();
      if (!keys.back().insert(key).second) throw Error(fmt::format("{}: duplicate key {}", what, quote(key)));
    }
    return true;
  };
  try {
    return Json::parse(text.begin(), text.end(), callback);
  } catch (const nlohmann::json::exception& error) {
    // The library's sentence, without its "[json.exception.parse_error.101]" and with a stranger's bytes escaped.
    std::string reason = error.what();
    if (const auto end = reason.find("] "); end != std::string::npos) reason.erase(0, end + 2);
    reason = quote(reason, 200);
    throw Error(fmt::format("{}: not valid JSON: {}", what, reason.substr(1, reason.size() - 2)));
  }
}

std::int64_t json_integer(const Json& value, std::string_view what) {
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max())
    throw Error(fmt::format("{}: expected a non-negative integer, found {}", what, quote(json_text(value, what), 40)));
  return static_cast<std::int64_t>(value.get<std::uint64_t>());
}

const std::string& json_string(const Json& value, std::string_view what) {
  if (!value.is_string())
    throw Error(fmt::format("{}: expected a string, found {}", what, quote(json_text(value, what), 40)));
  return value.get_ref<const std::string&>();
}

const Json& json_member(const Json& object, const char* key, std::string_view what) {
  if (!object.is_object()) throw Error(fmt::format("{}: expected an object with \"{}\"", what, key));
  const auto found = object.find(key);
  if (found == object.end()) throw Error(fmt::format("{}: \"{}\" is missing", what, key));
  return *found;
}

std::string json_text(const Json& value, std::string_view what, int indent) {
  try {
    return value.dump(indent);
  } catch (const nlohmann::json::exception&) {
    throw Error(fmt::format("{}: a string in it is not valid UTF-8", what));
  }
}

}  // namespace uwaga::detail
