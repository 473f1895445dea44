#include <uwaga/ir/composites/attention.h>

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <utility>

#include <uwaga/ir/at_least_f32.h>
#include <uwaga/ir/composites/losses.h>
#include <uwaga/ir/composites/norms.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/graph.h>
#include <uwaga/ir/unlike_sizes.h>
#include <uwaga/ir/wanted.h>

namespace uwaga {
namespace {

// While it lives, what a user's function adds to a body carries the lines of that function and not the call's.
class OwnLines {
 public:
  explicit OwnLines(GraphData& body) : body_(body), call_(std::exchange(body.provenance_override, std::nullopt)) {}
  ~OwnLines() { body_.provenance_override = call_; }
  OwnLines(const OwnLines&) = delete;
  OwnLines& operator=(const OwnLines&) = delete;

 private:
  GraphData& body_;
  const std::optional<ProvenanceId> call_;
};

// Both operands broadcast over query x key, so that masks may be written as plain comparisons of the two indices.
std::pair<Tensor, Tensor> index_pair(const Tensor& query, const Tensor& key) {
  const std::vector<Dim> q = query.type().dims, k = key.type().dims;
  const Tensor wide = broadcast(key, q);
  return {broadcast_like(query, wide), wide};
}

// The queries, with the axes of the keys that are neither `key` nor `depth`: what is the same for all of a batch is broadcast.
Tensor with_batch_axes(const Operand& q, const Tensor& k, const AttentionOptions& o) {
  std::vector<Dim> lacking;
  for (const Dim& d : k.type().dims)
    if (d.axis != o.key.name && !q.tensor->type().has(d.axis)) lacking.push_back(d);
  return lacking.empty() ? *q.tensor : broadcast(q, lacking);
}

}  // namespace

MaskFunction causal(Here where) {
  return [where](Tensor query, Tensor key) { return Operand(key, where) <= Operand(query, where); };
}

MaskFunction sliding_window(std::int64_t w, Here where) {
  return [w, where](Tensor query, Tensor key) {
    const Tensor first = Operand(query, where) - w;
    return logical_and({Operand(key, where) <= Operand(query, where), where}, {Operand(first, where) < Operand(key, where), where});
  };
}

MaskFunction padded(Tensor real, MaskFunction mask, Here where) {
  return [real, mask, where](Tensor query, Tensor key) {
    // The index tensors have two axes: that of the queries, then that of the keys.
    const std::string &of_queries = query.type().dims[0].axis, &of_keys = query.type().dims[1].axis;
    if (!real.type().has(of_keys) || real.type().has(of_queries)) {
      const GraphData& g = real.data();
      throw Error(fmt::format("{}: padded: {} tells nothing of the keys; rename '{}' to '{}'", g.provenance().brief(g.origin(where)), real.type().str(),
                              of_queries, of_keys));
    }
    const Tensor present = real.dtype() == DType::boolean ? real : not_equal({real, where}, 0);
    if (!mask) return present;
    const Tensor allowed = mask(query, key);
    std::vector<Dim> extra;
    for (const Dim& d : present.type().dims)
      if (!allowed.type().has(d.axis)) extra.push_back(d);
    const Tensor wide = extra.empty() ? allowed : broadcast({allowed, where}, extra);
    return logical_and({wide, where}, {present, where});
  };
}

MaskFunction same_document(Tensor ids, MaskFunction mask, Here where) {
  return [ids, mask, where](Tensor query, Tensor key) {
    const Dims& both = query.type().dims;  // query, key
    const auto refuse = [&](const std::string& what) {
      const GraphData& g = ids.data();
      return Error(fmt::format("{}: same_document: the ids are {}{}", g.provenance().brief(g.origin(where)), ids.type().str(), what));
    };
    const bool first = ids.type().has(both[0].axis), second = ids.type().has(both[1].axis);
    if (first == second) throw refuse(fmt::format(" and should have one of the axes '{}' and '{}': that of the queries", both[0].axis, both[1].axis));
    if (is_float(ids.dtype())) throw refuse("; numbers of documents are integers");
    const Dim &own = both[first ? 0 : 1], &other = both[first ? 1 : 0];
    const Tensor here = broadcast({ids, where}, {other}), there = broadcast({rename({ids, where}, own.axis, other.axis), where}, {own});
    const Tensor same = equal({here, where}, {there, where});
    return mask ? logical_and({same, where}, {broadcast_like({mask(query, key), where}, {same, where}), where}) : same;
  };
}

Tensor attention(Operand q, Operand k, Operand v, const AttentionOptions& o) {
  const Here where = q.where;
  for (const Operand* x : {&q, &k, &v})
    if (!x->tensor)
      throw Error(fmt::format("{}:{}: attention wants three tensors, not the literal {}", base_name(where.file_name()), where.line(),
                              x->literal.as_double()));
  const auto refuse = [&](const std::string& what) {
    GraphData& g = q.tensor->data();
    return Error(fmt::format("{}: attention: {}", g.provenance().brief(g.origin(where)), what));
  };
  const auto want_axis = [&](const Operand& x, const char* which, const Axis& axis) {
    if (!x.tensor->has(axis))
      throw refuse(fmt::format("{} has axes {{{}}} and lacks '{}'", which, join(x.tensor->type().axes()), axis.name));
  };
  if (o.key.name == o.query.name)
    throw refuse(fmt::format("queries and keys are both along '{}'; the keys want a name of their own: rename(k, {}, key), the same for v, .key = key",
                             o.key.name, o.query.name));
  want_axis(q, "the query", o.query);
  want_axis(q, "the query", o.depth);
  want_axis(k, "the key", o.key);
  want_axis(k, "the key", o.depth);
  want_axis(v, "the value", o.key);
  for (const Operand* x : {&k, &v})
    if (x->tensor->has(o.query))
      throw refuse(fmt::format("keys and values may not have the query's axis '{}'; rename it to '{}'", o.query.name, o.key.name));
  const auto want_extent = [&](const Operand& a, const char* left, const Operand& b, const char* right, const Axis& axis) {
    if (!(a.tensor->extent(axis) == b.tensor->extent(axis)))
      throw refuse(unlike_sizes(left, {axis.name, a.tensor->extent(axis)}, right, {axis.name, b.tensor->extent(axis)}));
  };
  want_extent(q, "the query", k, "the key", o.depth);
  want_extent(k, "the key", v, "the value", o.key);
  double scale = 0;
  if (o.scale) scale = *o.scale;
  else if (const auto d = q.tensor->extent(o.depth).constant()) scale = 1 / std::sqrt(static_cast<double>(*d));
  else throw refuse(fmt::format("'{}' has no fixed size; give the scale", o.depth.name));

  const Options options = {{"depth", o.depth.name}, {"key", o.key.name}, {"query", o.query.name}, {"scale", scale}};
  const Tensor queries = with_batch_axes(q, *k.tensor, o);
  return composite1(composite_named("attention"), options, {queries, *k.tensor, *v.tensor}, [&](const std::vector<Tensor>& in) {
    Tensor score = dot(in[0], in[1], {Axis(o.depth.name)}) * scale;
    const Tensor query = iota(in[0], o.query.name), key = iota(in[1], o.key.name);
    if (o.score) {
      const auto [wide_query, wide_key] = index_pair(query, key);
      const OwnLines lines(in[0].data());
      const AxisNames before = score.type().axes();
      score = o.score({score, wide_query, wide_key});
      for (const std::string& axis : before)
        if (!score.has(axis)) throw refuse(fmt::format("`score` gave {} back, which lacks '{}' of the scores", score.type().str(), axis));
    }
    if (o.mask) {
      const auto [wide_query, wide_key] = index_pair(query, key);
      const auto allowed = [&] {
        const OwnLines lines(in[0].data());
        return o.mask(wide_query, wide_key);
      }();
      if (allowed.dtype() != DType::boolean)
        throw refuse(fmt::format("`mask` gave {} back; it tells by a bool which key a query sees", allowed.type().str()));
      score = select(allowed, score, -std::numeric_limits<double>::infinity());
    }
    Tensor probabilities = softmax(score, o.key.name);
    if (o.dropout) probabilities = dropout(o.dropout->scope, probabilities, o.dropout->rate, o.dropout->name);
    return dot(probabilities, in[2], {Axis(o.key.name)});
  }, where);
}

Tensor rope(Operand x, const Axis& time, const Axis& depth, const RopeOptions& o) {
  const Here where = x.where;
  wanted(x, "rope", "operand");
  if (!o.positions) wanted(x, "rope", "operand", time);
  const auto d = x.tensor->type().has(depth.name) ? x.tensor->extent(depth).constant() : std::nullopt;
  if (!d || *d % 2 != 0) {
    GraphData& g = x.tensor->data();
    throw Error(fmt::format("{}: rope wants an even, fixed '{}': the tensor is {}", g.provenance().brief(g.origin(where)), depth.name,
                            x.tensor->type().str()));
  }
  const std::int64_t half = *d / 2;
  if (o.inverse_frequencies && static_cast<std::int64_t>(o.inverse_frequencies->size()) != half) {
    GraphData& g = x.tensor->data();
    throw Error(fmt::format("{}: rope of {}={} wants {} inverse frequencies, not {}", g.provenance().brief(g.origin(where)), depth.name, *d, half,
                            o.inverse_frequencies->size()));
  }
  std::vector<Literal> frequencies;
  for (std::int64_t i = 0; i < half; ++i)
    frequencies.push_back(o.inverse_frequencies ? (*o.inverse_frequencies)[static_cast<std::size_t>(i)]
                                                : std::pow(o.theta, -2.0 * static_cast<double>(i) / static_cast<double>(*d)));
  std::vector<Tensor> operands{*x.tensor};
  operands.push_back(o.positions ? *o.positions : iota(x, time));
  Options options = {{"axis", depth.name}, {"factor", o.attention_factor}, {"interleaved", std::int64_t{o.interleaved}}};
  return composite1(composite_named("rope"), options, operands, [&](const std::vector<Tensor>& in) {
    const Axis pair("rope.pair", half), side("rope.side", 2);
    const DType dtype = in[0].dtype(), wide_dtype = at_least_f32(dtype);
    const Tensor frequency = constant(in[0].graph(), frequencies, wide_dtype, {pair});
    const Tensor angle = outer(cast(in[1], wide_dtype), frequency);
    const Tensor cosine = cos(angle) * o.attention_factor, sine = sin(angle) * o.attention_factor;
    const Tensor pairs = o.interleaved ? split(in[0], depth.name, {pair, side}) : split(in[0], depth.name, {side, pair});
    const Tensor wide = cast(pairs, wide_dtype);
    const Tensor first = sum(slice(wide, "rope.side", 0, 1), {"rope.side"});
    const Tensor second = sum(slice(wide, "rope.side", 1, 2), {"rope.side"});
    const Tensor left = broadcast(first * cosine - second * sine, {{"rope.side", 1}});
    const Tensor right = broadcast(second * cosine + first * sine, {{"rope.side", 1}});
    const Tensor turned = concat({left, right}, "rope.side");
    const Axes back = o.interleaved ? Axes{pair, side} : Axes{side, pair};
    std::vector<std::string> shown = in[0].type().axes();
    Axes display(shown.begin(), shown.end());
    return order(cast(merge(turned, back, depth.name), dtype), display);
  }, where);
}

}  // namespace uwaga
