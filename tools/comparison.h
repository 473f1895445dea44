// Tensors held against a reference's: the largest differences, what is allowed, and a report of them.
//
//   Report report(out, /*json=*/false);
//   report.add(compare("logits", ours, theirs, 2e-5));
//   return report.passed() ? 0 : 1;
#pragma once

#include <uwaga/ir/array.h>

#include <functional>
#include <ostream>
#include <string>

namespace uwaga {

struct Comparison {
  std::string what;
  double absolute = 0;                             // the largest |ours - theirs|; NaN where one of the two is
  double relative = 0;                             // that by the largest |theirs|
  double allowed = 0;                              // of `absolute`
  bool ok() const { return absolute <= allowed; }  // a NaN is not
};

// Which elements count, by their row-major position; empty: all.
using Which = std::function<bool(std::int64_t position)>;

// Both in row-major order, as many elements; Error otherwise.
Comparison compare(const std::string& what, const Array& ours, const Array& theirs, double allowed,
                   const Which& which = {});
double largest(const Array& a);

class Report {
 public:
  Report(std::ostream& out, bool json) : out_(out), json_(json) {}

  // What the next comparisons belong to: "config.json on host".
  void section(const std::string& title);
  void add(const Comparison& c);
  // A sentence for whoever reads.
  void note(const std::string& sentence);
  // The closing line.
  void finish();
  bool passed() const { return failed_ == 0 && compared_ > 0; }
  int failed() const { return failed_; }

 private:
  std::ostream& out_;
  bool json_;
  std::string section_;
  int compared_ = 0, failed_ = 0;
};

}  // namespace uwaga
