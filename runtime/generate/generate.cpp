#include <fmt/format.h>
#include <uwaga/ir/error.h>
#include <uwaga/runtime/generate/generate.h>

namespace uwaga {

std::vector<std::int32_t> generate(TextModel& model, std::vector<std::int32_t> prompt, const GenerateOptions& options,
                                   const std::function<bool(std::int32_t)>& on_token) {
  check(options.sample);
  if (prompt.empty()) throw Error("the prompt is empty: the model needs at least one token to begin with");
  if (options.tokens < 0) throw Error(fmt::format("cannot generate {} tokens", options.tokens));
  model.forget();
  std::vector<std::int32_t> text = std::move(prompt), added;
  for (std::int64_t i = 0; i < options.tokens; ++i) {
    const std::int32_t next = sample(model.next(text), options.sample, static_cast<std::int64_t>(text.size()));
    if (next == options.end) break;
    text.push_back(next);
    added.push_back(next);
    if (on_token && !on_token(next)) break;
  }
  return added;
}

}  // namespace uwaga
