#include <uwaga/ir/detail/type_row.h>

#include <fmt/format.h>

#include <uwaga/ir/attributes.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/infer.h>

namespace uwaga {

Attributes default_attributes(Op op) { return type_row(op).attributes; }

TypeList infer(Op op, const Attributes& attributes, std::span<const Type> operands) {
  const TypeRow& row = type_row(op);
  check_internal(row.op == op, "the type table is out of order");
  check_internal(row.attributes.index() == attributes.index(), "attributes of another op");
  if (row.arity >= 0 && static_cast<std::size_t>(row.arity) != operands.size())
    throw Error(fmt::format("{} takes {} operands, not {}", name(op), row.arity, operands.size()));
  return row.rule(op, attributes, operands);
}

}  // namespace uwaga
