// A JSON object read key by key: what is wrong with it is one sentence that names the key.
//
//   const Keys k(json, "config.json");
//   const std::int64_t width = k.need_size("n_embd");   // Error: config.json: 'n_embd' is "4k", not an integer from 1 to 2147483647
//
// null counts as absent, as in the files. The object must outlive its Keys.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace uwaga {

class Keys {
 public:
  // Throws Error unless it is an object.
  Keys(const nlohmann::json& object, std::string what);

  bool has(const char* key) const { return object_.contains(key) && !object_.at(key).is_null(); }
  // Of a key that is there.
  Keys object(const char* key) const;

  std::optional<double> number(const char* key) const;  // finite
  std::optional<std::int64_t> size(const char* key) const;  // 1 to 2^31 - 1
  std::optional<std::string> text(const char* key) const;
  bool flag(const char* key, bool otherwise) const;
  // Where it must be there.
  double need_number(const char* key) const;
  std::int64_t need_size(const char* key) const;
  std::vector<double> need_numbers(const char* key, std::size_t count) const;

  // What the architecture could do and this model does not.
  void refuse_flag(const char* key, bool otherwise, bool built) const;
  void want_text(const char* key, const std::string& otherwise, const std::vector<std::string>& built) const;
  const std::string& what() const { return what_; }

 private:
  [[noreturn]] void wrong(const char* key, const std::string& wanted) const;
  [[noreturn]] void absent(const char* key) const;

  const nlohmann::json& object_;
  std::string what_;
};

}  // namespace uwaga
