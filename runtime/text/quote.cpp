#include <fmt/format.h>
#include <uwaga/runtime/text/quote.h>
#include <uwaga/runtime/text/utf8.h>

#include <iterator>

namespace uwaga {

std::string quote(std::string_view text, std::size_t limit) {
  std::string out = "\"";
  for (std::size_t at = 0; at < text.size();) {
    if (at >= limit) return out + "\"...";
    const auto c = decode_utf8(text, at);
    const auto byte = static_cast<unsigned char>(text[at]);
    if (!c || c->value < 0x20 || (c->value >= 0x7f && c->value < 0xa0)) {
      // The bytes one by one: C0 and C1 controls could drive a terminal.
      const int bytes = c ? c->bytes : 1;
      if (byte == '\n') {
        out += "\\n";
      } else if (byte == '\t') {
        out += "\\t";
      } else {
        for (int i = 0; i < bytes; ++i)
          fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(text[at + i]));
      }
      at += bytes;
      continue;
    }
    if (byte == '"' || byte == '\\') out += '\\';
    out += text.substr(at, c->bytes);
    at += c->bytes;
  }
  return out + "\"";
}

}  // namespace uwaga
