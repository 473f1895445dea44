#include <uwaga/codegen/attention.h>

#include <algorithm>
#include <map>

#include <uwaga/codegen/schedule/attention_form.h>
#include <uwaga/codegen/schedule/attention_sums.h>
#include <uwaga/ir/fields.h>
#include <uwaga/ir/passes/passes.h>
#include <uwaga/ir/structural_hash.h>

namespace uwaga {
namespace {

const std::string* text_option(const CallAttrs& call, const char* name) {
  for (const auto& [key, value] : call.options)
    if (key == name) return std::get_if<std::string>(&value);
  return nullptr;
}

bool is_attention(const CallAttrs& call) { return call.composite->name == "attention" || call.composite->name == "attention_backward"; }
bool is_of_attention(const CallAttrs& call) { return call.composite->name.starts_with("attention"); }

class Claimer {
 public:
  explicit Claimer(AttentionKernels kernels) : kernels_(kernels) {}

  AttentionClaims run(const Graph& graph) {
    visit(graph.data());
    return std::move(claims_);
  }

 private:
  void visit(const GraphData& g) {
    if (!seen_.insert(&g).second) return;
    for (const Node& n : g.nodes()) {
      if (n.op == Op::call && is_of_attention(n.as<CallAttrs>())) decide(n);
      else if (n.op == Op::scan || n.op == Op::cond || n.op == Op::call)
        for_each_graph(n.attributes, [&](const Graph& inner) { visit(inner.data()); });
    }
    // What a derivative that runs from the body computes again, it then shares with its forward call: for one reason, told once.
    for (const Node& n : g.nodes()) {
      if (n.op != Op::call || !is_of_attention(n.as<CallAttrs>()) || claims_.keeps(n.as<CallAttrs>())) continue;
      for (const Node& forward : g.nodes())
        if (forward.op == Op::call && is_of_attention(forward.as<CallAttrs>()) && forward.operands.size() >= 3 && n.operands.size() >= 3 &&
            std::equal(forward.operands.begin(), forward.operands.begin() + 3, n.operands.begin()))
          claims_.bodies.erase(&forward.as<CallAttrs>().body.data());
    }
  }

  void decide(const Node& n) {
    const auto& call = n.as<CallAttrs>();
    const Hash128 hash = structural_hash(n.op, n.attributes);
    auto known = known_.find(hash);
    if (known == known_.end()) {
      std::string reason;
      if (claims_attention(call, reason, kernels_)) reason.clear();
      else if (reason.empty()) reason = "derivatives other than the reverse one run from their bodies";
      known = known_.emplace(hash, reason).first;
    }
    if (known->second.empty()) claims_.bodies.insert(&call.body.data());
    else claims_.refused.emplace_back(n.provenance, known->second);
  }

  const AttentionKernels kernels_;
  AttentionClaims claims_;
  std::set<const GraphData*> seen_;
  std::map<Hash128, std::string> known_;  // why not, by attributes; empty where claimed
};

}  // namespace

Graph attention_body(const CallAttrs& call) {
  const Graph body = cse(fold(simplify(strip(expand(call.body)))));
  const std::string *query = text_option(call, "query"), *key = text_option(call, "key");
  return dce(query && key ? cse(schedule::join_sums(body, *query, *key)) : body);
}

bool claims_attention(const CallAttrs& call, std::string& reason, AttentionKernels kernels) {
  reason.clear();
  const std::string *query = text_option(call, "query"), *key = text_option(call, "key");
  if (!is_attention(call) || !query || !key || kernels == AttentionKernels::none) return false;
  const auto form = schedule::find_attention_form(attention_body(call), *query, *key, reason);
  if (!form) return false;
  if (kernels == AttentionKernels::all || std::all_of(form->sums.begin(), form->sums.end(), [](const auto& s) { return s.is_total(); })) return true;
  reason = "the gradient of what scores read is not a sum over both queries and keys, as this target's kernels have it";
  return false;
}

AttentionClaims find_attention(const Graph& graph, AttentionKernels kernels) {
  return kernels == AttentionKernels::none ? AttentionClaims() : Claimer(kernels).run(graph);
}

}  // namespace uwaga
