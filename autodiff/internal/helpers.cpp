#include <uwaga/autodiff/internal/rules.h>
#include <uwaga/ir/attributes.h>
#include <uwaga/ir/error.h>

namespace uwaga::autodiff {

Maybe plus(const Maybe& a, const Maybe& b) {
  if (!a) return b;
  if (!b) return a;
  return *a + *b;
}

Tensor zeros(const GraphPtr& graph, const Type& type) {
  check_internal(is_float(type.dtype), "a zero tangent of a dtype that has no tangent");
  return broadcast_to(constant(Graph(graph), 0.0, type.dtype), type.dims);
}

Tensor broadcast_to(const Tensor& x, const Dims& dims) {
  if (x.type().dims.size() == dims.size()) return x;
  GraphData& g = x.data();
  return {x.shared_graph(),
          {g.add(Op::broadcast, BroadcastAttrs{dims}, {x.value()}, g.origin(std::source_location::current())), 0}};
}

Axes axes_of(const AxisNames& names) {
  Axes out;
  for (const std::string& n : names) out.emplace_back(n);
  return out;
}

}  // namespace uwaga::autodiff
