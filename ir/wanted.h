// The tensor that an operand has to be.
//
//   Tensor half(Operand x) { return 0.5 * wanted(x, "half", "operand"); }
#pragma once

#include <string>
#include <string_view>

#include <uwaga/ir/error.h>
#include <uwaga/ir/ops.h>
#include <uwaga/ir/provenance.h>

namespace uwaga {

// Throws Error where the operand is a literal: "model.cpp:7: rope wants a tensor as its operand, not the literal 2".
const Tensor& wanted(const Operand& x, const char* function, const char* which);
// One that has an axis, and of the size that the axis declares if it does: "model.cpp:7: linear over 'modle': its operand has only
// {batch, model}".
const Tensor& wanted(const Operand& x, const char* function, const char* which, const Axis& axis);

// What such an error says behind the line; empty where the tensor has the axis.
std::string wrong_axis(std::string_view function, std::string_view which, const Type& type, const Axis& axis);

// An Error of the call at `origin` with the name of its function before the op inside that refused: "model.cpp:7: softmax: reduce_max
// over 'modle': its operand has only {batch, model}". What names it already, or is of another line, stays as it is.
Error named(std::string_view function, const GraphData& graph, ProvenanceId origin, const Error& inside);

// Throws the Error of a function called at `where` with tensors of two graphs, neither inside the other.
[[noreturn]] void refuse_two_graphs(Here where, const GraphData& one, const GraphData& other);

}  // namespace uwaga
