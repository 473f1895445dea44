#include <fmt/format.h>
#include <uwaga/autodiff/decode.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/graph.h>
#include <uwaga/runtime/generate/text_model.h>

#include <algorithm>

namespace uwaga {
namespace {

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

// Of the last position.
std::vector<float> last_logits(const Arrays& outputs) {
  const Array logits = outputs.at("logits").reordered({"batch", "time", "vocab"});
  const auto vocab = static_cast<std::size_t>(logits.extent("vocab"));
  const auto last = logits.as<float>().last(vocab);
  return {last.begin(), last.end()};
}

}  // namespace

TextModel::TextModel(const Graph& graph, const Target& target, State& state, const TextModelOptions& options) : time_(options.time) {
  if (time_ < 1) throw Error(fmt::format("a model cannot see {} positions", time_));
  const auto logits = graph->output("logits");
  if (!logits) throw Error("the model's graph has no output \"logits\"");
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
  if (!caches_.empty()) many_ = compile(with_outputs(several, {}), target, state, options.program);
  last_ = compile(single, target, state, options.program);
  for (const std::string& path : caches_) state.set(path, nothing(state.type(path)));
}

std::vector<float> TextModel::all_positions(std::span<const std::int32_t> seen) {
  return last_logits(last_->run({{"tokens", tokens_of(seen)}}));
}

std::vector<float> TextModel::next(std::span<const std::int32_t> text) {
  if (text.empty()) throw Error("there is no text to go on with: the model needs at least one token to begin with");
  const auto seen = text.last(std::min(text.size(), static_cast<std::size_t>(time_)));
  if (!refused_.empty()) return all_positions(seen);
  const auto differs = std::mismatch(kept_.begin(), kept_.end(), seen.begin(), seen.end());
  const std::size_t last = seen.size() - 1;
  const auto past = std::min(static_cast<std::size_t>(differs.first - kept_.begin()), last);
  kept_.clear();  // until the caches hold what they are to hold
  if (past < last && many_)
    many_->run({{"tokens", tokens_of(seen.subspan(past, last - past))}}, {{kPastPositions, static_cast<std::int64_t>(past)}});
  const Arrays out = last_->run({{"tokens", tokens_of(seen.last(1))}}, {{kPastPositions, static_cast<std::int64_t>(last)}});
  kept_.assign(seen.begin(), seen.end());
  return last_logits(out);
}

}  // namespace uwaga
