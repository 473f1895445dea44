// JSON from strangers, for .cpp files only: strict, with caps on depth and number of values, and no duplicate keys.
//
//   const Json config = parse_json(text, "config.json");
//   const std::int64_t layers = json_integer(config.at("num_hidden_layers"), "config.json: num_hidden_layers");
//
// Every failure is an Error that begins with `what`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace uwaga::detail {

using Json = nlohmann::json;

struct JsonLimits {
  int depth = 32;
  std::size_t values = 4'000'000;  // Objects, arrays, keys, scalars.
};

Json parse_json(std::string_view text, std::string_view what, JsonLimits limits = {});

// The value as an integer in [0, 2^63). Throws Error for anything else, 1.0 and -1 included.
std::int64_t json_integer(const Json& value, std::string_view what);

// The value as a string. Throws Error for anything else.
const std::string& json_string(const Json& value, std::string_view what);

// The member of an object. Throws Error where `object` is none or has no such member.
const Json& json_member(const Json& object, const char* key, std::string_view what);

// The text of `value`, indented. Throws Error where a string in it is not UTF-8.
std::string json_text(const Json& value, std::string_view what, int indent = -1);

}  // namespace uwaga::detail
