#include <uwaga/ir/extent.h>

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <limits>

#include <uwaga/ir/error.h>

namespace uwaga {

bool operator==(const Extent::Term& a, const Extent::Term& b) {
  return a.coefficient == b.coefficient && a.symbols == b.symbols;
}
std::strong_ordering operator<=>(const Extent::Term& a, const Extent::Term& b) {
  if (const std::strong_ordering symbols = a.symbols <=> b.symbols; symbols != 0) return symbols;
  return a.coefficient <=> b.coefficient;
}

namespace {

std::int64_t checked_add(std::int64_t a, std::int64_t b) {
  std::int64_t r;
  if (__builtin_add_overflow(a, b, &r)) throw Error(fmt::format("extent overflows 64 bits: {} + {}", a, b));
  return r;
}

std::int64_t checked_mul(std::int64_t a, std::int64_t b) {
  std::int64_t r;
  if (__builtin_mul_overflow(a, b, &r)) throw Error(fmt::format("extent overflows 64 bits: {} * {}", a, b));
  return r;
}

bool term_before(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  if (a.size() != b.size()) return a.size() > b.size();
  return a < b;
}

// Recursive descent over   sum := ['-'] product {('+'|'-') product},  product := factor {'*' factor}.
class ExtentParser {
 public:
  explicit ExtentParser(std::string_view text) : text_(text) {}

  Extent parse() {
    Extent sum = 0;
    bool negative = accept('-');
    while (true) {
      sum = sum + product(negative);
      if (accept('+')) negative = false;
      else if (accept('-')) negative = true;
      else break;
    }
    skip_space();
    if (at_ != text_.size()) fail();
    return sum;
  }

 private:
  // Negative numbers are read as such: the least has no positive counterpart.
  Extent product(bool negative) {
    Extent p = factor(negative);
    while (accept('*')) p = p * factor(false);
    return p;
  }
  Extent factor(bool negative) {
    skip_space();
    if (at_ >= text_.size()) fail();
    if (std::isdigit(static_cast<unsigned char>(text_[at_]))) {
      std::int64_t v = 0;
      while (at_ < text_.size() && std::isdigit(static_cast<unsigned char>(text_[at_])))
        v = checked_add(checked_mul(v, 10), (negative ? -1 : 1) * (text_[at_++] - '0'));
      return v;
    }
    const std::size_t begin = at_;
    while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) || text_[at_] == '_' || text_[at_] == '.'))
      ++at_;
    if (at_ == begin) fail();
    return Extent(negative ? -1 : 1) * Extent::symbol(std::string(text_.substr(begin, at_ - begin)));
  }
  void skip_space() { while (at_ < text_.size() && text_[at_] == ' ') ++at_; }
  bool accept(char c) {
    skip_space();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  [[noreturn]] void fail() const { throw Error(fmt::format("'{}' is no extent: unexpected text at character {}", text_, at_)); }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

namespace {

using Terms = Extent::Terms;

void add_term(Terms& terms, std::vector<std::string> symbols, std::int64_t coefficient) {
  if (coefficient == 0) return;
  const auto it = std::lower_bound(terms.begin(), terms.end(), symbols,
                                   [](const Extent::Term& t, const auto& s) { return term_before(t.symbols, s); });
  if (it == terms.end() || it->symbols != symbols) {
    terms.insert(it, {std::move(symbols), coefficient});
  } else if ((it->coefficient = checked_add(it->coefficient, coefficient)) == 0) {
    terms.erase(it);
  }
}

}  // namespace

Extent::Extent(std::int64_t constant) : constant_(constant) {}

Extent::Extent(Terms terms) {
  if (terms.empty()) return;
  if (terms.size() == 1 && terms[0].symbols.empty()) constant_ = terms[0].coefficient;
  else polynomial_ = std::make_shared<const Terms>(std::move(terms));
}

Extent Extent::symbol(std::string name) { return Extent(Terms{{{std::move(name)}, 1}}); }

Extent::Terms Extent::terms() const {
  if (polynomial_) return *polynomial_;
  return constant_ == 0 ? Terms{} : Terms{{{}, constant_}};
}

std::optional<std::int64_t> Extent::constant() const {
  if (polynomial_) return std::nullopt;
  return constant_;
}

std::optional<std::string> Extent::as_symbol() const {
  if (!polynomial_ || polynomial_->size() != 1) return std::nullopt;
  const Term& t = polynomial_->front();
  if (t.coefficient != 1 || t.symbols.size() != 1) return std::nullopt;
  return t.symbols[0];
}

std::vector<std::string> Extent::symbols() const {
  std::vector<std::string> names;
  if (!polynomial_) return names;
  for (const Term& t : *polynomial_) names.insert(names.end(), t.symbols.begin(), t.symbols.end());
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

std::int64_t Extent::evaluate(const Sizes& sizes) const {
  if (!polynomial_) return constant_;
  std::int64_t sum = 0;
  for (const Term& t : *polynomial_) {
    std::int64_t product = t.coefficient;
    for (const std::string& s : t.symbols) {
      const auto it = sizes.find(s);
      if (it == sizes.end()) throw Error(fmt::format("the size of '{}' is not known", s));
      product = checked_mul(product, it->second);
    }
    sum = checked_add(sum, product);
  }
  return sum;
}

Extent Extent::substitute(const std::map<std::string, Extent, std::less<>>& values) const {
  if (!polynomial_) return *this;
  Extent sum = 0;
  for (const Term& t : *polynomial_) {
    Extent product = t.coefficient;
    for (const std::string& s : t.symbols) {
      const auto it = values.find(s);
      product = product * (it == values.end() ? symbol(s) : it->second);
    }
    sum = sum + product;
  }
  return sum;
}

bool operator==(const Extent& a, const Extent& b) {
  if (!a.polynomial_ || !b.polynomial_) return !a.polynomial_ && !b.polynomial_ && a.constant_ == b.constant_;
  return a.polynomial_ == b.polynomial_ || *a.polynomial_ == *b.polynomial_;
}

std::strong_ordering operator<=>(const Extent& a, const Extent& b) {
  if (!a.polynomial_ && !b.polynomial_) return a.constant_ <=> b.constant_;
  if (!a.polynomial_ || !b.polynomial_) return a.polynomial_ ? std::strong_ordering::greater : std::strong_ordering::less;
  return *a.polynomial_ <=> *b.polynomial_;
}

Extent operator+(const Extent& a, const Extent& b) {
  if (!a.polynomial_ && !b.polynomial_) return checked_add(a.constant_, b.constant_);
  Terms r = a.terms();
  for (Extent::Term& t : b.terms()) add_term(r, std::move(t.symbols), t.coefficient);
  return Extent(std::move(r));
}

Extent operator-(const Extent& a, const Extent& b) {
  if (!a.polynomial_ && !b.polynomial_) {
    std::int64_t r;
    if (__builtin_sub_overflow(a.constant_, b.constant_, &r))
      throw Error(fmt::format("extent overflows 64 bits: {} - {}", a.constant_, b.constant_));
    return r;
  }
  Terms r = a.terms();
  for (Extent::Term& t : b.terms()) add_term(r, std::move(t.symbols), checked_mul(t.coefficient, -1));
  return Extent(std::move(r));
}

Extent operator*(const Extent& a, const Extent& b) {
  if (!a.polynomial_ && !b.polynomial_) return checked_mul(a.constant_, b.constant_);
  if (!a.polynomial_ && a.constant_ == 1) return b;
  if (!b.polynomial_ && b.constant_ == 1) return a;
  if (!a.polynomial_) return b * a;
  Terms r;
  if (!b.polynomial_) {
    if (b.constant_ == 0) return 0;
    r = *a.polynomial_;
    for (Extent::Term& t : r) t.coefficient = checked_mul(t.coefficient, b.constant_);
    return Extent(std::move(r));
  }
  for (const Extent::Term& s : *a.polynomial_)
    for (const Extent::Term& t : *b.polynomial_) {
      std::vector<std::string> symbols = s.symbols;
      symbols.insert(symbols.end(), t.symbols.begin(), t.symbols.end());
      std::sort(symbols.begin(), symbols.end());
      add_term(r, std::move(symbols), checked_mul(s.coefficient, t.coefficient));
    }
  return Extent(std::move(r));
}

std::optional<Extent> Extent::divided_by(const Extent& divisor) const {
  if (!divisor.polynomial_ && divisor.constant_ == 0) return std::nullopt;
  // Polynomial long division by the leading term; canonical order makes it terminate.
  Extent rest = *this, quotient;
  const Term lead = divisor.terms()[0];
  while (!(rest == Extent(0))) {
    const Term top = rest.terms()[0];
    if (lead.coefficient == -1 && top.coefficient == std::numeric_limits<std::int64_t>::min()) return std::nullopt;  // 2^63
    if (top.coefficient % lead.coefficient != 0) return std::nullopt;
    std::vector<std::string> symbols;
    if (!std::includes(top.symbols.begin(), top.symbols.end(), lead.symbols.begin(), lead.symbols.end())) return std::nullopt;
    std::set_difference(top.symbols.begin(), top.symbols.end(), lead.symbols.begin(), lead.symbols.end(),
                        std::back_inserter(symbols));
    const Extent factor(Terms{{std::move(symbols), top.coefficient / lead.coefficient}});
    quotient = quotient + factor;
    rest = rest - factor * divisor;
  }
  return quotient;
}

std::string Extent::str() const {
  if (!polynomial_) return fmt::format("{}", constant_);
  std::string out;
  for (const Term& t : *polynomial_) {
    const bool negative = t.coefficient < 0;
    if (out.empty()) out += negative ? "-" : "";
    else out += negative ? " - " : " + ";
    const std::uint64_t magnitude = negative ? 0 - static_cast<std::uint64_t>(t.coefficient) : static_cast<std::uint64_t>(t.coefficient);
    std::string product;
    if (magnitude != 1 || t.symbols.empty()) product = fmt::format("{}", magnitude);
    for (const std::string& s : t.symbols) {
      if (!product.empty()) product += '*';
      product += s;
    }
    out += product;
  }
  return out;
}

Extent Extent::parse(std::string_view text) { return ExtentParser(text).parse(); }

}  // namespace uwaga
