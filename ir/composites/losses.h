// Losses and what models start from.
#pragma once

#include <optional>

#include <uwaga/ir/ops.h>

namespace uwaga {

// table [vocab, ..] read at ids: the axes of ids, then those of the table without `vocab`.
Tensor embedding(Operand table, Operand ids, const Axis& vocab);

// What a loss is: a sum and how many terms it has, so that microbatches add up to the big batch.
struct Loss {
  Tensor total, count;  // scalars, f64 of what is f64, else f32
  Tensor mean() const;
};

// -log softmax(logits)[target] summed over all positions whose target is not `ignore`, in f64 of logits of f64, else in f32.
// logits [.. vocab], targets i32 [..].
Loss cross_entropy_sum(Operand logits, Operand targets, const Axis& vocab, std::int64_t ignore = -100);
// Its mean, 0/0 = NaN when every target is ignored.
Tensor cross_entropy(Operand logits, Operand targets, const Axis& vocab, std::int64_t ignore = -100);
// -log softmax(logits)[target] of each position, 0 where ignored: [..].
Tensor cross_entropy_terms(Operand logits, Operand targets, const Axis& vocab, std::int64_t ignore = -100);

// x, with each element dropped with probability `rate` and the others divided by 1 - rate. Bits are drawn for scope.name.
Tensor dropout(const Scope& scope, Operand x, double rate, const std::string& name = "dropout");

}  // namespace uwaga
