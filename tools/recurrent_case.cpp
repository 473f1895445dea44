#include "tools/recurrent_case.h"

#include <fmt/format.h>
#include <uwaga/ir/error.h>
#include <uwaga/runtime/io/detail/json.h>
#include <uwaga/runtime/io/file.h>
#include <uwaga/runtime/text/quote.h>

#include "tools/json_keys.h"
#include "tools/language_model.h"

namespace uwaga {
namespace {

RecurrentCase read_case(const std::string& name, const Keys& k) {
  const std::string kind = k.text("class").value_or("not named");
  const Cell cell = kind == "torch.nn.RNN"    ? Cell::rnn
                    : kind == "torch.nn.LSTM" ? Cell::lstm
                    : kind == "torch.nn.GRU"  ? Cell::gru
                                              : throw Error(fmt::format("{}: there is no recurrent network {}", k.what(), quote(kind, 40)));
  const std::int64_t layers = k.size("num_layers").value_or(1);
  if (layers > kMostLayers) throw Error(fmt::format("{}: {} layers, at most {} are built", k.what(), layers, kMostLayers));
  return {name, {cell, static_cast<int>(layers), k.flag("bidirectional", false)}, k.need_size("input_size"), k.need_size("hidden_size")};
}

}  // namespace

std::vector<RecurrentCase> read_recurrent_cases(const std::filesystem::path& file) {
  const nlohmann::json config = detail::parse_json(read_file(file, std::uint64_t{1} << 24), file.string());
  if (!config.is_object() || !config.contains("cases") || !config.at("cases").is_object() || config.at("cases").empty())
    throw Error(fmt::format("{} lists no cases", file.string()));
  std::vector<RecurrentCase> out;
  for (const auto& [name, c] : config.at("cases").items())
    out.push_back(read_case(name, Keys(c, fmt::format("{}: case {}", file.string(), quote(name, 40)))));
  return out;
}

}  // namespace uwaga
