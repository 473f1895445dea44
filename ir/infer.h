// The type rule of every op, used by the builder and by the verifier.
#pragma once

#include <span>

#include <uwaga/ir/op.h>
#include <uwaga/ir/type.h>

namespace uwaga {

struct Attributes;

// Types of the outputs of an op. Throws Error (without a source line: the caller knows it) when the operands do not fit.
// Elementwise ops want the same axes on all operands; broadcasting is a node of its own.
TypeList infer(Op op, const Attributes& attributes, std::span<const Type> operands);

}  // namespace uwaga
