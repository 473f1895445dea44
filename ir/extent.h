// Extents: integer polynomials in symbols, in canonical form.
//
//   Extent t = Extent::symbol("time");
//   Extent n = 4 * t + 1;              // prints "4*time + 1"
//   n.evaluate({{"time", 64}});        // 257
//
// Two extents are equal if and only if their polynomials are. All arithmetic is checked: overflow of a coefficient or of
// a value throws Error.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace uwaga {

// Values of the symbols when a program runs, by symbol name.
using Sizes = std::map<std::string, std::int64_t, std::less<>>;

class Extent {
 public:
  Extent() = default;                 // 0
  Extent(std::int64_t constant);      // NOLINT: an integer is an extent
  static Extent symbol(std::string name);

  bool is_constant() const { return polynomial_ == nullptr; }
  std::optional<std::int64_t> constant() const;
  // The symbol's name if the extent is exactly one symbol.
  std::optional<std::string> as_symbol() const;
  std::vector<std::string> symbols() const;  // sorted, each once

  // Throws Error when a symbol has no value, naming it.
  std::int64_t evaluate(const Sizes& sizes) const;
  Extent substitute(const std::map<std::string, Extent, std::less<>>& values) const;

  // The exact quotient if this polynomial is divisible by `divisor`, else nothing.
  std::optional<Extent> divided_by(const Extent& divisor) const;

  friend Extent operator+(const Extent&, const Extent&);
  friend Extent operator-(const Extent&, const Extent&);
  friend Extent operator*(const Extent&, const Extent&);
  friend bool operator==(const Extent&, const Extent&);
  friend std::strong_ordering operator<=>(const Extent&, const Extent&);

  std::string str() const;
  // Inverse of str(); throws Error with the position on anything else.
  static Extent parse(std::string_view text);

  struct Term {
    std::vector<std::string> symbols;  // sorted; a power repeats its symbol
    std::int64_t coefficient = 0;      // never 0
    friend bool operator==(const Term&, const Term&);
    friend std::strong_ordering operator<=>(const Term&, const Term&);
  };
  using Terms = std::vector<Term>;
  Terms terms() const;  // sorted: higher degree first, then by symbols
  // The same of one that is no constant; a constant has none.
  const Terms* polynomial() const { return polynomial_.get(); }

 private:
  // Nearly all extents are constants, and types are copied often: a constant owns no memory, and polynomials are shared.
  explicit Extent(Terms terms);
  std::int64_t constant_ = 0;                  // 0 where there is a polynomial
  std::shared_ptr<const Terms> polynomial_;    // not constant; all terms
};

}  // namespace uwaga
