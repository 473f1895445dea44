#include <fmt/format.h>
#include <uwaga/ir/error.h>
#include <uwaga/runtime/generate/generate.h>

#include <algorithm>

namespace uwaga {

std::vector<std::int32_t> generate(Program& model, std::vector<std::int32_t> prompt, const GenerateOptions& options,
                                   const std::function<bool(std::int32_t)>& on_token) {
  check(options.sample);
  if (prompt.empty()) throw Error("the prompt is empty: the model needs at least one token to begin with");
  if (options.tokens < 0 || options.time < 1)
    throw Error(fmt::format("cannot generate {} tokens from windows of {}", options.tokens, options.time));
  std::vector<std::int32_t> text = std::move(prompt), added;
  for (std::int64_t i = 0; i < options.tokens; ++i) {
    const auto size = static_cast<std::int64_t>(text.size()), seen = std::min(size, options.time);
    const Array tokens =
        array({{"batch", 1}, {"time", seen}}, std::span<const std::int32_t>(text).last(static_cast<std::size_t>(seen)));
    const Arrays outputs = model.run({{"tokens", tokens}});
    const auto found = outputs.find("logits");
    if (found == outputs.end()) throw Error("the model's program has no output \"logits\"");
    const Array logits = found->second.reordered({"batch", "time", "vocab"});
    const auto vocab = static_cast<std::size_t>(logits.extent("vocab"));
    const std::int32_t next = sample(logits.as<float>().last(vocab), options.sample, size);
    if (next == options.end) break;
    text.push_back(next);
    added.push_back(next);
    if (on_token && !on_token(next)) break;
  }
  return added;
}

}  // namespace uwaga
