// One row an op: how many operands it takes, which attributes, and the rule that gives the types of its outputs. The rules are
// in infer.cpp; infer() applies them.
#pragma once

#include <span>
#include <vector>

#include <uwaga/ir/attributes.h>
#include <uwaga/ir/op.h>

namespace uwaga {

struct TypeRow {
  Op op;
  int arity;              // -1: any number
  Attributes attributes;  // which alternative
  std::vector<Type> (*rule)(Op, const Attributes&, std::span<const Type> operands);  // Error where they do not fit
};
const TypeRow& type_row(Op op);

}  // namespace uwaga
