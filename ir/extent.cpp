#include <uwaga/ir/extent.h>

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include <uwaga/ir/error.h>

namespace uwaga {
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

Extent::Extent(std::int64_t constant) { if (constant != 0) terms_.push_back({{}, constant}); }

Extent Extent::symbol(std::string name) {
  Extent e;
  e.terms_.push_back({{std::move(name)}, 1});
  return e;
}

std::optional<std::int64_t> Extent::constant() const {
  if (terms_.empty()) return 0;
  if (!is_constant()) return std::nullopt;
  return terms_[0].coefficient;
}

std::optional<std::string> Extent::as_symbol() const {
  if (terms_.size() != 1 || terms_[0].coefficient != 1 || terms_[0].symbols.size() != 1) return std::nullopt;
  return terms_[0].symbols[0];
}

std::vector<std::string> Extent::symbols() const {
  std::vector<std::string> names;
  for (const Term& t : terms_) names.insert(names.end(), t.symbols.begin(), t.symbols.end());
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

std::int64_t Extent::evaluate(const Sizes& sizes) const {
  std::int64_t sum = 0;
  for (const Term& t : terms_) {
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
  Extent sum = 0;
  for (const Term& t : terms_) {
    Extent product = t.coefficient;
    for (const std::string& s : t.symbols) {
      const auto it = values.find(s);
      product = product * (it == values.end() ? symbol(s) : it->second);
    }
    sum = sum + product;
  }
  return sum;
}

void Extent::add_term(std::vector<std::string> symbols, std::int64_t coefficient) {
  if (coefficient == 0) return;
  const auto it = std::lower_bound(terms_.begin(), terms_.end(), symbols,
                                   [](const Term& t, const auto& s) { return term_before(t.symbols, s); });
  if (it == terms_.end() || it->symbols != symbols) {
    terms_.insert(it, {std::move(symbols), coefficient});
  } else if ((it->coefficient = checked_add(it->coefficient, coefficient)) == 0) {
    terms_.erase(it);
  }
}

Extent operator+(const Extent& a, const Extent& b) {
  Extent r = a;
  for (const Extent::Term& t : b.terms_) r.add_term(t.symbols, t.coefficient);
  return r;
}

Extent operator-(const Extent& a, const Extent& b) {
  Extent r = a;
  for (const Extent::Term& t : b.terms_) r.add_term(t.symbols, checked_mul(t.coefficient, -1));
  return r;
}

Extent operator*(const Extent& a, const Extent& b) {
  Extent r;
  for (const Extent::Term& x : a.terms_)
    for (const Extent::Term& y : b.terms_) {
      std::vector<std::string> symbols = x.symbols;
      symbols.insert(symbols.end(), y.symbols.begin(), y.symbols.end());
      std::sort(symbols.begin(), symbols.end());
      r.add_term(std::move(symbols), checked_mul(x.coefficient, y.coefficient));
    }
  return r;
}

std::optional<Extent> Extent::divided_by(const Extent& divisor) const {
  if (divisor.terms_.empty()) return std::nullopt;
  // Polynomial long division by the leading term; canonical order makes it terminate.
  Extent rest = *this, quotient;
  const Term& lead = divisor.terms_[0];
  while (!rest.terms_.empty()) {
    const Term top = rest.terms_[0];
    if (top.coefficient % lead.coefficient != 0) return std::nullopt;
    std::vector<std::string> symbols;
    if (!std::includes(top.symbols.begin(), top.symbols.end(), lead.symbols.begin(), lead.symbols.end())) return std::nullopt;
    std::set_difference(top.symbols.begin(), top.symbols.end(), lead.symbols.begin(), lead.symbols.end(),
                        std::back_inserter(symbols));
    Extent factor;
    factor.add_term(std::move(symbols), top.coefficient / lead.coefficient);
    quotient = quotient + factor;
    rest = rest - factor * divisor;
  }
  return quotient;
}

std::string Extent::str() const {
  if (terms_.empty()) return "0";
  std::string out;
  for (const Term& t : terms_) {
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
