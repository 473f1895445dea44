// Text continued by the likeliest token each time, by running the whole graph again for every token.
#include <fmt/format.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/graph.h>
#include <uwaga/runtime/program.h>

#include <algorithm>

#include "tools/check_fixture.h"
#include "tools/model_config.h"

namespace uwaga {

void check_generation(const Fixture& fixture, const std::filesystem::path& file, Report& report) {
  const ModelConfig config = read_model_config(file);
  Graph graph;
  const Tensor tokens = graph.input("tokens", DType::i32, {Axis("batch"), time_axis(config)});
  graph->add_output("logits", language_model(graph.scope(), tokens, config).value());
  State state;
  Program program = compile(graph, fixture.target, state);
  load_weights(state, weight_table(config), Weights(fixture.folder));

  const Array prompt = to_array(need(fixture.inputs, "prompt_ids"), {"batch", "time"});
  if (const StoredTensor* mask = fixture.inputs.find("prompt_mask"))
    for (std::int64_t real : to_array(*mask).to_integers())
      if (real != 1) throw Error("prompts of different lengths are not generated from");
  const StoredTensor& ids = need(fixture.expected, "generated");
  const Array expected = to_array(ids, {"batch", "time"}),
              choices = to_array(need(fixture.expected, "generated_logits"), {"batch", "new", "vocab"});
  const std::int64_t batch = prompt.extent("batch"), given = prompt.extent("time"), all = expected.extent("time");
  const std::int64_t vocab = *vocab_axis(config).extent->constant();
  if (batch < 1 || given < 1 || all <= given || choices.dims() != ArrayDims{{"batch", batch}, {"new", all - given}, {"vocab", vocab}} ||
      expected.extent("batch") != batch)
    throw Error(fmt::format("prompts {}, texts {} and logits {} are not those of one generation with {} tokens to choose from", prompt.str(),
                            expected.str(), choices.str(), vocab));

  Array text(DType::i32, {{"time", all}, {"batch", batch}});  // time slowest: the first tokens lie in one piece
  const Array start = prompt.reordered({"time", "batch"});
  for (std::int64_t i = 0; i < start.elements(); ++i) text.set_integer(i, start.integer_at(i));
  Array logits(DType::f32, {{"new", all - given}, {"batch", batch}, {"vocab", vocab}});
  for (std::int64_t now = given; now < all; ++now) {
    const std::size_t bytes = static_cast<std::size_t>(now * batch) * size_of(DType::i32);
    const Array so_far = Array::from_bytes(DType::i32, {{"time", now}, {"batch", batch}}, {text.data(), bytes});
    const Array out = program.run({{"tokens", so_far}}).at("logits").reordered({"time", "batch", "vocab"});
    const std::span<const float> last = out.as<float>().subspan(static_cast<std::size_t>((now - 1) * batch * vocab));
    for (std::int64_t b = 0; b < batch; ++b) {
      const auto row = last.subspan(static_cast<std::size_t>(b * vocab), static_cast<std::size_t>(vocab));
      text.set_integer(now * batch + b, std::max_element(row.begin(), row.end()) - row.begin());
    }
    for (std::int64_t i = 0; i < batch * vocab; ++i)
      logits.set((now - given) * batch * vocab + i, last[static_cast<std::size_t>(i)]);
  }
  report.section(fmt::format("{} on {}", file.filename().string(), fixture.target.str()));
  report.add(compare("generated", text.reordered({"batch", "time"}), expected, 0));
  report.add(compare("generated_logits", logits.reordered({"batch", "new", "vocab"}), choices,
                     fixture.tolerance("generated_logits_atol")));
}

}  // namespace uwaga
