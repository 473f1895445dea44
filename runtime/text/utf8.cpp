#include <uwaga/ir/error.h>
#include <uwaga/runtime/text/utf8.h>

namespace uwaga {

std::optional<CodePoint> decode_utf8(std::string_view text, std::size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  if (lead < 0x80) return CodePoint{lead, 1};
  const int bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() - at < static_cast<std::size_t>(bytes)) return std::nullopt;
  char32_t value = lead & (0x7f >> bytes);
  for (int i = 1; i < bytes; ++i) {
    const auto next = static_cast<unsigned char>(text[at + i]);
    if ((next & 0xc0) != 0x80) return std::nullopt;
    value = (value << 6) | (next & 0x3f);
  }
  constexpr char32_t kFirst[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = value >= 0xd800 && value <= 0xdfff;
  if (value < kFirst[bytes] || value > 0x10ffff || surrogate) return std::nullopt;
  return CodePoint{value, bytes};
}

void append_utf8(std::string& text, char32_t value) {
  check_internal(value <= 0x10ffff && !(value >= 0xd800 && value <= 0xdfff), "not a code point");
  const auto tail = [&](int shift) { text += static_cast<char>(0x80 | ((value >> shift) & 0x3f)); };
  if (value < 0x80) {
    text += static_cast<char>(value);
  } else if (value < 0x800) {
    text += static_cast<char>(0xc0 | (value >> 6));
    tail(0);
  } else if (value < 0x10000) {
    text += static_cast<char>(0xe0 | (value >> 12));
    tail(6), tail(0);
  } else {
    text += static_cast<char>(0xf0 | (value >> 18));
    tail(12), tail(6), tail(0);
  }
}

}  // namespace uwaga
