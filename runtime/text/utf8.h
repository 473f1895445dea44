// UTF-8, strictly: overlong forms, surrogates and values above U+10FFFF are invalid.
//
//   for (std::size_t at = 0; at < text.size();) {
//     const std::optional<CodePoint> c = decode_utf8(text, at);      // nullopt: invalid at this byte
//     at += c->bytes;
//   }
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace uwaga {

struct CodePoint {
  char32_t value;
  int bytes;  // 1 to 4.
};

// The code point that begins at byte `at` (< text.size()); nullopt where there is none.
std::optional<CodePoint> decode_utf8(std::string_view text, std::size_t at);

// Appends the 1 to 4 bytes of `value`, a valid code point.
void append_utf8(std::string& text, char32_t value);

}  // namespace uwaga
