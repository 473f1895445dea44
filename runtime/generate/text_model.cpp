#include <fmt/format.h>
#include <uwaga/autodiff/decode.h>
#include <uwaga/ir/attributes.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/graph.h>
#include <uwaga/runtime/generate/text_model.h>
#include <uwaga/runtime/program/internal/state_data.h>

#include <algorithm>

namespace uwaga {
namespace {

constexpr std::int64_t kUnbounded = 256;  // positions that are seen where nothing says how many

Graph with_outputs(const Graph& graph, std::vector<Output> outputs) {
  auto copy = std::make_shared<GraphData>(graph.data());
  copy->set_outputs(std::move(outputs));
  return Graph(copy);
}

Array tokens_of(std::span<const std::int32_t> ids) {
  return array({{"batch", 1}, {"time", static_cast<std::int64_t>(ids.size())}}, ids);
}

Array nothing(const Type& type) {
  ArrayDims dims;
  for (const Dim& d : type.dims) dims.push_back({d.axis, d.extent.evaluate({})});
  return Array(type.dtype, std::move(dims));
}

// What a text goes in by; Error unless it is i32 "tokens" [batch time], alone.
const Type& tokens_type(const Graph& graph) {
  std::string inputs;
  for (NodeId id : graph->inputs()) {
    const auto& a = graph->node(id).as<InputAttrs>();
    inputs += fmt::format("{}'{}' {}", inputs.empty() ? "" : ", ", a.name, a.type.str());
  }
  const auto refuse = [&] {
    return Error(fmt::format("a TextModel wants an i32 input 'tokens' [batch time]; the graph has {}", inputs.empty() ? "no input" : inputs));
  };
  if (graph->inputs().size() != 1) throw refuse();
  const auto& a = graph->node(graph->inputs()[0]).as<InputAttrs>();
  if (a.name != "tokens" || a.type.dtype != DType::i32 || a.type.rank() != 2 || !a.type.has("batch") || !a.type.has("time")) throw refuse();
  if (const auto batch = a.type.extent("batch").constant(); batch && *batch != 1)
    throw Error(fmt::format("a TextModel goes on with one text at a time; the graph has {}", inputs));
  return a.type;
}

// The most positions that the graph may be given.
std::optional<std::int64_t> bound_of(const Graph& graph, const Extent& time) {
  if (const auto size = time.constant()) return size;
  const auto symbol = time.as_symbol();
  const auto bound = symbol ? graph->bounds().find(*symbol) : graph->bounds().end();
  return bound == graph->bounds().end() ? std::nullopt : std::optional(bound->second);
}

// Of the last position.
std::vector<float> last_logits(const Arrays& outputs) {
  const Array logits = outputs.at("logits").reordered({"batch", "time", "vocab"});
  const auto vocab = static_cast<std::size_t>(logits.extent("vocab"));
  const auto last = logits.as<float>().last(vocab);
  return {last.begin(), last.end()};
}

}  // namespace

TextModel::TextModel(const Graph& graph, const Target& target, State& state, const TextModelOptions& options)
    : state_(state), time_(options.time) {
  if (time_ < 0) throw Error(fmt::format("a model cannot see {} positions", time_));
  const auto logits = graph->output("logits");
  if (!logits) throw Error("the model's graph has no output \"logits\"");
  const auto bound = bound_of(graph, tokens_type(graph).extent("time"));
  if (time_ == 0) time_ = bound.value_or(kUnbounded);
  if (bound && time_ > *bound)
    throw Error(fmt::format("a TextModel cannot see .time = {} positions: the graph's 'tokens' have time={} at most", time_, *bound));
  const Graph whole = with_outputs(graph, {{"logits", *logits}});
  Graph several, single;
  try {
    DecodeOptions decode{.capacity = time_, .count = std::nullopt, .sizes = {{"batch", 1}}};
    several = derive_decode(whole, "time", decode);
    decode.count = 1;
    single = derive_decode(whole, "time", decode);
  } catch (const Error& e) {
    refused_ = e.what();
    last_ = compile(whole, target, state, options.program);
    return;
  }
  for (const Update& u : single->updates()) caches_.push_back(u.path);
  for (const std::string& path : caches_) {
    const Type& own = single->node(single->parameters().at(path)).as<ParameterAttrs>().type;
    if (const Slot* slot = state.data().find(path); slot && !(slot->type == own))
      throw Error(fmt::format("a TextModel with .time = {} keeps '{}' as {}, and another one of this state keeps it as {}: give "
                              "both the same .time, or a State each", time_, path, own.str(), slot->type.str()));
  }
  if (!caches_.empty()) many_ = compile(with_outputs(several, {}), target, state, options.program);
  last_ = compile(single, target, state, options.program);
  state.data().declare_caches(caches_);
  // Another text model may have filled them already.
  const StateData::Lock lock(state.data());
  for (const std::string& path : caches_)
    if (Slot& slot = state.data().slot(path); !slot.has_value) slot.set(nothing(slot.type));
}

std::vector<float> TextModel::all_positions(std::span<const std::int32_t> seen) {
  return last_logits(last_->run({{"tokens", tokens_of(seen)}}));
}

std::vector<float> TextModel::next(std::span<const std::int32_t> text) {
  if (text.empty()) throw Error("there is no text to go on with: the model needs at least one token to begin with");
  const auto seen = text.last(std::min(text.size(), static_cast<std::size_t>(time_)));
  if (!refused_.empty()) return all_positions(seen);
  StateData& slots = state_.data();
  if (!slots.claimed(caches_, claim_)) forget();
  const auto differs = std::mismatch(kept_.begin(), kept_.end(), seen.begin(), seen.end());
  const std::size_t last = seen.size() - 1;
  const auto past = std::min(static_cast<std::size_t>(differs.first - kept_.begin()), last);
  kept_.clear();  // until the caches hold what they are to hold
  claim_ = slots.claim(caches_);
  if (past < last && many_)
    many_->run({{"tokens", tokens_of(seen.subspan(past, last - past))}}, {{kPastPositions, static_cast<std::int64_t>(past)}});
  const Arrays out = last_->run({{"tokens", tokens_of(seen.last(1))}}, {{kPastPositions, static_cast<std::int64_t>(last)}});
  if (!slots.claimed(caches_, claim_)) throw Error("this state's text was changed by another thread while a text model went on with it");
  kept_.assign(seen.begin(), seen.end());
  return last_logits(out);
}

}  // namespace uwaga
