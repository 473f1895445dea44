// Tables with one row altered, so that a test can see whether the suite's checks notice.
//
//   const Altered here({.table = Table::linearise, .op = Op::tanh, .how = Alter::scaled});
//   CHECK_FALSE(derivative_differences(graph, draw).empty());
//
// Nothing is built anew: this program is linked so that every look-up of a row (linearise_row, transpose_row, lower_row,
// type_row) and every call of what stands in for rows of ops with bodies or schedules of their own goes through
// tables.cpp, which hands on the true row until an alteration is in force.
#pragma once

#include <uwaga/ir/op.h>

#include <string>

namespace uwaga::test {

enum class Table { linearise, transpose, lower, schedule, cuda_schedule, type };

enum class Alter {
  none,
  scaled,       // a tangent, a cotangent or a value times 1.5 (integers: plus 1; bools: the other one)
  negated,
  dropped,      // a tangent or cotangent; of one operand
  linear_not,   // transpose: the row says the operand is never linear
  refused,      // linearise: the row says there is no derivative
  silent,       // linearise: a row without derivative says it is zero
  passed_on,    // linearise: a row that is zero gives the tangent of its first floating operand
  swapped,      // lower: operands in reverse
  skipped,      // lower: the value of the first operand
  extent,       // type: the first extent plus 1 (or an axis too many)
  dtype,
  axis,         // the first axis by another name
  permissive,   // the row accepts what it refuses
};

struct Mutant {
  Table table = Table::linearise;
  Op op = Op::add;
  Alter how = Alter::none;
  int operand = -1;  // of `dropped`, `scaled`, `negated` and `linear_not` in the tables of derivatives; -1: the output

  std::string str() const;
};

// Puts a mutant in force for as long as it lives. One at a time.
class Altered {
 public:
  explicit Altered(const Mutant& mutant);
  ~Altered();
  Altered(const Altered&) = delete;
  Altered& operator=(const Altered&) = delete;
  // Was the row used since?
  static bool reached();
};

}  // namespace uwaga::test
