#include <uwaga/runtime/compiled/passes.h>

#include <uwaga/ir/canonical.h>
#include <uwaga/ir/rewrite.h>

namespace uwaga {
namespace {

bool has_calls(const Graph& graph) {
  for (const Node& n : graph->nodes())
    if (n.op == Op::call) return true;
  return false;
}

Graph expand_once(const Graph& graph) {
  return rewrite(graph, [](Rewriter& r, NodeId id) {
    const Node& n = r.from().node(id);
    if (n.op == Op::call) {
      std::vector<Value> operands;
      for (Value v : n.operands) operands.push_back(r.now(v));
      const std::vector<Value> results = inline_body(r.to(), n.as<CallAttrs>().body, operands, n.provenance);
      for (std::uint32_t i = 0; i < results.size(); ++i) r.map({id, i}, results[i]);
      return true;
    }
    if (n.op == Op::tag || n.op == Op::stop_gradient) {
      r.map({id, 0}, r.now(n.operands[0]));
      return true;
    }
    if (n.op == Op::scan) {
      ScanAttrs a = n.as<ScanAttrs>();
      a.body = lower_for_kernels(a.body);
      std::vector<Value> operands;
      for (Value v : n.operands) operands.push_back(r.now(v));
      const NodeId made = r.copy(id, std::move(a), std::move(operands));
      for (std::uint32_t i = 0; i < n.types.size(); ++i) r.map({id, i}, {made, i});
      return true;
    }
    if (n.op == Op::cond) {
      CondAttrs a = n.as<CondAttrs>();
      a.then_body = lower_for_kernels(a.then_body);
      a.else_body = lower_for_kernels(a.else_body);
      std::vector<Value> operands;
      for (Value v : n.operands) operands.push_back(r.now(v));
      const NodeId made = r.copy(id, std::move(a), std::move(operands));
      for (std::uint32_t i = 0; i < n.types.size(); ++i) r.map({id, i}, {made, i});
      return true;
    }
    return false;
  });
}

}  // namespace

Graph lower_for_kernels(const Graph& graph) {
  Graph out = expand_once(graph);
  while (has_calls(out)) out = expand_once(out);
  return canonicalise(out);
}

}  // namespace uwaga
