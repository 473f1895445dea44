#include <fmt/format.h>
#include <uwaga/ir/detail/lexer.h>
#include <uwaga/ir/detail/text.h>
#include <uwaga/ir/error.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>

namespace uwaga::detail {
namespace {
// Longer types and extents are refused: arithmetic on polynomials is quadratic in their terms.
constexpr std::size_t kLongest = 4096;
}  // namespace

void Lexer::fail(const std::string& what) const { throw Error(fmt::format("{}:{}: {}", file_, line_, what)); }

void Lexer::skip_space() {
  while (peek() == ' ' || peek() == '\t' || peek() == '\r') ++at_;
}

void Lexer::skip_lines() {
  for (skip_space(); !at_end(); skip_space()) {
    if (text_.substr(at_, 2) == "//")
      at_ = std::min(text_.find('\n', at_), text_.size());
    else if (peek() == '\n')
      ++at_, ++line_;
    else
      return;
  }
}

bool Lexer::accept(std::string_view token) {
  skip_space();
  if (text_.substr(at_, token.size()) != token) return false;
  // A word is not the beginning of a longer one.
  const std::size_t end = at_ + token.size();
  if (is_word_start(token[0]) && is_word(token.back()) && end < text_.size() && is_word(text_[end])) return false;
  at_ = end;
  return true;
}

void Lexer::expect(std::string_view token) {
  if (!accept(token)) fail(fmt::format("expected '{}'", token));
}

std::string_view Lexer::end_of_line() {
  skip_space();
  std::string_view comment;
  if (text_.substr(at_, 2) == "//") {
    const std::size_t end = std::min(text_.find('\n', at_), text_.size());
    comment = text_.substr(at_ + 2, end - at_ - 2);
    at_ = end;
  }
  if (!at_end() && peek() != '\n') fail("expected the end of the line");
  return comment;
}

std::string Lexer::bare_word() {
  skip_space();
  if (!is_word_start(peek())) fail("expected a word");
  const std::size_t begin = at_;
  while (is_word(peek())) ++at_;
  return std::string(text_.substr(begin, at_ - begin));
}

std::string Lexer::word() {
  skip_space();
  return peek() == '"' ? quoted() : bare_word();
}

std::string Lexer::quoted() {
  expect("\"");
  std::string out;
  while (true) {
    if (at_end() || peek() == '\n') fail("a quoted word has no end");
    const char c = text_[at_++];
    if (c == '"') return out;
    if (c != '\\') {
      out += c;
      continue;
    }
    const char escape = peek();
    ++at_;
    if (escape == 'n') {
      out += '\n';
    } else if (escape == 'x') {
      unsigned value = 0;
      const std::string_view digits = text_.substr(std::min(at_, text_.size()), 2);
      const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
      if (error != std::errc() || digits.size() != 2 || end != digits.data() + 2)
        fail("expected two hexadecimal digits after \\x");
      out += static_cast<char>(value);
      at_ += 2;
    } else if (escape == '"' || escape == '\\') {
      out += escape;
    } else {
      fail("unknown escape in a quoted word");
    }
  }
}

std::int64_t Lexer::integer() {
  skip_space();
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
  if (error != std::errc()) fail("expected an integer of 64 bits");
  at_ = static_cast<std::size_t>(end - text_.data());
  return value;
}

Literal Lexer::literal() {
  skip_space();
  if (accept("nan(")) {
    const std::string_view digits = until(')', "nan");
    std::uint64_t bits = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits, 16);
    const auto value = std::bit_cast<double>(bits);
    if (error != std::errc() || end != digits.data() + digits.size() || value == value)
      fail("nan wants the 16 digits of a NaN");
    return value;
  }
  std::size_t end = at_;
  while (end < text_.size() && (is_word(text_[end]) || text_[end] == '-' || text_[end] == '+')) ++end;
  const std::string_view token = text_.substr(at_, end - at_);
  at_ = end;
  if (token == "nan") return std::bit_cast<double>(std::uint64_t{0x7ff8000000000000});
  if (token == "inf") return HUGE_VAL;
  if (token == "-inf") return -HUGE_VAL;
  if (token.find_first_of(".e") == std::string_view::npos) {
    std::int64_t value = 0;
    const auto [stop, error] = std::from_chars(token.data(), token.data() + token.size(), value);
    if (error != std::errc() || stop != token.data() + token.size()) fail("expected a number");
    return value;
  }
  double value = 0;
  const auto [stop, error] = std::from_chars(token.data(), token.data() + token.size(), value);
  if (error != std::errc() || stop != token.data() + token.size()) fail("expected a number");
  return value;
}

std::string_view Lexer::until(char close, const char* what) {
  const std::size_t end = text_.find_first_of(std::string{close, '\n'}, at_);
  if (end == std::string_view::npos || text_[end] != close) fail(fmt::format("{} has no end", what));
  const std::string_view inside = text_.substr(at_, end - at_);
  if (inside.size() > kLongest)
    fail(fmt::format("{} has {} characters; at most {} are read", what, inside.size(), kLongest));
  at_ = end + 1;
  return inside;
}

Extent Lexer::extent() {
  skip_space();
  std::string_view inside;
  if (accept("(")) {
    inside = until(')', "an extent");
  } else {
    const std::size_t begin = at_;
    while (is_word(peek()) || peek() == '*' || peek() == '-') ++at_;
    inside = text_.substr(begin, at_ - begin);
    if (inside.size() > kLongest) fail("an extent is too long");
  }
  try {
    return Extent::parse(inside);
  } catch (const Error& e) {
    fail(e.what());
  }
}

Type Lexer::type() {
  const std::string dtype = bare_word();
  if (peek() != '[') fail("expected a type: dtype[axis, axis=extent, ...]");
  ++at_;
  const std::string_view inside = until(']', "a type");
  try {
    return Type::parse(fmt::format("{}[{}]", dtype, inside));
  } catch (const Error& e) {
    fail(e.what());
  }
}

std::vector<Dim> Lexer::dims() {
  expect("[");
  try {
    return Type::parse(fmt::format("f32[{}]", until(']', "a list of axes"))).dims;
  } catch (const Error& e) {
    fail(e.what());
  }
}

AxisNames Lexer::names() {
  AxisNames out;
  expect("{");
  while (!accept("}")) {
    if (!out.empty()) expect(",");
    out.push_back(word());
  }
  return out;
}

}  // namespace uwaga::detail
