// The tensor that an operand has to be.
//
//   Tensor half(Operand x) { return 0.5 * wanted(x, "half", "operand"); }
#pragma once

#include <uwaga/ir/ops.h>

namespace uwaga {

// Throws Error where the operand is a literal: "model.cpp:7: rope wants a tensor as its operand, not the literal 2".
const Tensor& wanted(const Operand& x, const char* function, const char* which);

// Throws the Error of a function called at `where` with tensors of two graphs, neither inside the other.
[[noreturn]] void refuse_two_graphs(Here where, const GraphData& one, const GraphData& other);

}  // namespace uwaga
