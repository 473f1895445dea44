// The tensor that an operand has to be.
//
//   Tensor half(Operand x) { return 0.5 * wanted(x, "half", "operand"); }
#pragma once

#include <uwaga/ir/tensor.h>

namespace uwaga {

// Throws Error where the operand is a literal: "model.cpp:7: rope wants a tensor as its operand, not the literal 2".
const Tensor& wanted(const Operand& x, const char* function, const char* which);

}  // namespace uwaga
