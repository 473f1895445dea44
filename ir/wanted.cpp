#include <uwaga/ir/wanted.h>

#include <fmt/format.h>

#include <uwaga/ir/error.h>
#include <uwaga/ir/graph.h>
#include <uwaga/ir/provenance.h>

namespace uwaga {

const Tensor& wanted(const Operand& x, const char* function, const char* which) {
  if (!x.tensor)
    throw Error(fmt::format("{}:{}: {} wants a tensor as its {}, not the literal {}", base_name(x.where.file_name()), x.where.line(),
                            function, which, x.literal.as_double()));
  return *x.tensor;
}

std::string wrong_axis(std::string_view function, std::string_view which, const Type& type, const Axis& axis) {
  const Dim* d = type.find(axis.name);
  if (!d) return fmt::format("{} over '{}': its {} has only {{{}}}", function, axis.name, which, join(type.axes()));
  if (!axis.extent || *axis.extent == d->extent) return "";
  return fmt::format("{}: the axis is declared {}={}, the tensor has {}={}", function, axis.name, axis.extent->str(), axis.name,
                     d->extent.str());
}

const Tensor& wanted(const Operand& x, const char* function, const char* which, const Axis& axis) {
  const Tensor& t = wanted(x, function, which);
  if (const std::string wrong = wrong_axis(function, which, t.type(), axis); !wrong.empty())
    throw Error(fmt::format("{}: {}", t.data().provenance().brief(t.data().origin(x.where)), wrong));
  return t;
}

Error named(std::string_view function, const GraphData& graph, ProvenanceId origin, const Error& inside) {
  const std::string what = inside.what(), line = graph.provenance().brief(origin) + ": ";
  if (!what.starts_with(line) || std::string_view(what).substr(line.size()).starts_with(function)) return inside;
  return Error(fmt::format("{}{}: {}", line, function, std::string_view(what).substr(line.size())));
}

void refuse_two_graphs(Here where, const GraphData& one, const GraphData& other) {
  const bool left_body = one.is_body || other.is_body;
  throw Error(fmt::format("{}:{}: {}", base_name(where.file_name()), where.line(),
                          left_body ? "a tensor that was made inside a scan, cond or composite is used outside of it; let its body return it"
                                    : "tensors of two graphs meet; declare both in one Graph"));
}

}  // namespace uwaga
