// The characters of the text form, taken from the front. Every failure is an Error that names file and line.
#pragma once

#include <uwaga/ir/extent.h>
#include <uwaga/ir/literal.h>
#include <uwaga/ir/type.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace uwaga::detail {

class Lexer {
 public:
  Lexer(std::string_view text, std::string file) : text_(text), file_(std::move(file)) {}

  // Spaces and, between lines, comments and newlines too.
  void skip_space();
  void skip_lines();
  bool at_end() const { return at_ >= text_.size(); }
  char peek() const { return at_end() ? '\0' : text_[at_]; }
  bool accept(std::string_view token);
  void expect(std::string_view token);
  // After a line's content: a comment (given back, without the slashes) and the newline.
  std::string_view end_of_line();

  std::string bare_word();
  std::string word();  // bare or quoted
  std::string quoted();
  std::int64_t integer();
  Literal literal();
  Extent extent();  // one token, or in parentheses
  Type type();
  std::vector<Dim> dims();  // [a=1, b]
  AxisNames names();        // {a, b}

  std::uint32_t line() const { return line_; }
  const std::string& file() const { return file_; }
  [[noreturn]] void fail(const std::string& what) const;

 private:
  std::string_view until(char close, const char* what);
  std::string_view text_;
  std::string file_;
  std::size_t at_ = 0;
  std::uint32_t line_ = 1;
};

}  // namespace uwaga::detail
