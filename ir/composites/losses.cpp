#include <uwaga/ir/composites/losses.h>

#include <fmt/format.h>

#include <uwaga/ir/at_least_f32.h>
#include <uwaga/ir/composites/norms.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/graph.h>
#include <uwaga/ir/wanted.h>

namespace uwaga {
Tensor embedding(Operand table, Operand ids, const Axis& vocab) {
  const GraphData& g = wanted(table, "embedding", "table", vocab).data();
  try {
    return gather(table, ids, vocab);
  } catch (const Error& e) {
    throw named("embedding", g, g.origin(table.where), e);
  }
}

Tensor Loss::mean() const { return total / count; }

Tensor cross_entropy_terms(Operand logits, Operand targets, const Axis& vocab, std::int64_t ignore) {
  const Tensor &x = wanted(logits, "cross_entropy", "logits"), &wants = wanted(targets, "cross_entropy", "targets");
  if (is_float(wants.dtype()) || wants.has(vocab)) {
    const GraphData& g = x.data();
    throw Error(fmt::format("{}: cross_entropy: the targets are {}; they are integers, the index along '{}' of each right answer, and lack that axis",
                            g.provenance().brief(g.origin(logits.where)), wants.type().str(), vocab.name));
  }
  return composite1(composite_named("cross_entropy"), {{"axis", vocab.name}, {"ignore", ignore}},
                    {x, wants},
                    [&](const std::vector<Tensor>& in) {
                      const Tensor x = cast(in[0], at_least_f32(in[0].dtype()));
                      const Tensor ignored = equal(in[1], ignore);
                      const Tensor picked = gather(x, select(ignored, 0, in[1]), vocab.name);
                      return select(ignored, 0.0, log_sum_exp(x, vocab.name) - picked);
                    }, logits.where);
}

Loss cross_entropy_sum(Operand logits, Operand targets, const Axis& vocab, std::int64_t ignore) {
  const Here where = logits.where;
  GraphData& g = wanted(logits, "cross_entropy", "logits").data();
  const ProvenanceGuard guard(g, g.origin(where));
  const Tensor terms = cross_entropy_terms(logits, targets, vocab, ignore);
  const std::vector<std::string> axes = terms.type().axes();
  const Axes all(axes.begin(), axes.end());
  return {sum(terms, all), sum(cast(not_equal(*targets.tensor, ignore), terms.dtype()), all)};
}

Tensor cross_entropy(Operand logits, Operand targets, const Axis& vocab, std::int64_t ignore) {
  const Here where = logits.where;
  GraphData& g = wanted(logits, "cross_entropy", "logits").data();
  const ProvenanceGuard guard(g, g.origin(where));
  return cross_entropy_sum(logits, targets, vocab, ignore).mean();
}

Tensor dropout(const Scope& scope, Operand x, double rate, const std::string& name) {
  const Here where = x.where;
  const ProvenanceGuard guard(wanted(x, "dropout", "operand").data(), scope.origin(where));
  if (!(rate >= 0 && rate < 1))
    throw Error(fmt::format("{}: dropout wants a rate of 0 or more and below 1, not {}",
                            x.tensor->data().provenance().brief(scope.origin(where)), rate));
  if (rate == 0) return *x.tensor;
  const Tensor bits = random_bits(scope, name, *x.tensor);
  // Bits are uniform over the i32: keep when they are at or above the rate's share of the range.
  const auto threshold = static_cast<std::int64_t>(-2147483648.0 + rate * 4294967296.0);
  const Tensor kept = cast(logical_not(bits < threshold), x.tensor->dtype());
  return *x.tensor * (kept * (1 / (1 - rate)));
}

}  // namespace uwaga
