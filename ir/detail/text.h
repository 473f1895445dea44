// Words, strings and numbers as the text form writes them; shared by the printer, the parser and reports.
#pragma once

#include <string>
#include <string_view>

namespace uwaga::detail {

constexpr bool is_word_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
constexpr bool is_word(char c) { return is_word_start(c) || (c >= '0' && c <= '9') || c == '.'; }

// The text as it is where it is a word, else quoted.
std::string word(std::string_view text);
// In double quotes, with \" \\ \n and \xHH.
std::string quoted(std::string_view text);
// The shortest decimal that reads back to the same bits, with a '.', an 'e' or in letters; NaN with its bits where they
// are not the usual ones: "nan(7ff8000000000001)".
std::string number(double value);

}  // namespace uwaga::detail
