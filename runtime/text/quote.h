// A stranger's text made fit for an error message or a log: quoted, escaped, and cut.
//
//   quote("h.0\n\x1b[2J")           "h.0\n\x1b[2J" with the escapes written out, in double quotes
//
// Control characters, quotes, backslashes and bytes that are not part of valid UTF-8 are escaped; what is longer than
// `limit` bytes ends in "...".
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace uwaga {

std::string quote(std::string_view text, std::size_t limit = 120);

}  // namespace uwaga
