// A language model that goes on with texts.
//
//   TextModel model(graph, Target::host(), state, {.time = 256});       // "tokens" i32 [batch time] -> "logits" [batch time vocab]
//   std::vector<float> logits = model.next(text);                       // of the token after `text`
//
// The graph is compiled as its derived decode (autodiff/decode.h): keys and values of a text are kept in the state, and each
// further token costs one position. Where a model sees later positions, or its text is longer than `time`, the positions it
// sees are computed again for each token; what it computes is the same to the bit. Text models of one state share the caches
// of a model, so that each begins anew where the other has gone on.
#pragma once

#include <uwaga/runtime/program.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace uwaga {

struct TextModelOptions {
  std::int64_t time = 0;  // positions that the model sees; 0: as many as its axis may have, 256 where that has no bound
  ProgramOptions program = {};
};

class TextModel {
 public:
  // The graph's outputs but "logits" are left out. Errors: no such output, another input than "tokens", a `time` beyond the
  // bound of the axis or unlike that of another text model of the state, what `compile` refuses.
  TextModel(const Graph& graph, const Target& target, State& state, const TextModelOptions& options = {});

  // The logits [vocab] of what follows `text`, which is not empty. What the text of the call before began with is not
  // computed again.
  std::vector<float> next(std::span<const std::int32_t> text);
  // Must be called when a program has changed weights since `next`; what sets or loads them is noticed.
  void forget() { kept_.clear(); }

  std::int64_t time() const { return time_; }
  // State slots that hold keys and values. They are no weights, but slots like others: a checkpoint of the state has them, and
  // one without them loads.
  const std::vector<std::string>& caches() const { return caches_; }
  // Why every token computes all positions; empty where none does.
  const std::string& refused() const { return refused_; }
  // The program that computes one position after others; that of all positions, where decoding is refused.
  Program& program() { return *last_; }

 private:
  std::vector<float> all_positions(std::span<const std::int32_t> seen);

  State state_;
  std::int64_t time_;
  std::vector<std::string> caches_;
  std::string refused_;
  std::optional<Program> many_;  // fills the caches
  std::optional<Program> last_;  // one position, and its logits
  std::vector<std::int32_t> kept_;  // tokens that the caches hold, while they are claimed by this
  std::uint64_t claim_ = 0;
};

}  // namespace uwaga
