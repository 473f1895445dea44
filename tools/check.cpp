#include "tools/check.h"

#include <fmt/format.h>
#include <uwaga/ir/error.h>
#include <uwaga/runtime/io/detail/json.h>
#include <uwaga/runtime/io/file.h>

#include "tools/check_fixture.h"
#include "tools/command.h"
#include "tools/json_keys.h"

namespace uwaga {
namespace {

using Json = nlohmann::json;

Json read_json(const std::filesystem::path& file) {
  Json json = detail::parse_json(read_file(file, std::uint64_t{1} << 24), file.string());
  if (!json.is_object()) throw Error(fmt::format("{} is no JSON object", file.string()));
  return json;
}

Target device_target(const CheckOptions& o) {
  if (const auto target = target_named(o.device, o.threads)) return *target;
  throw Error(no_such_device(o.device));
}

}  // namespace

std::vector<std::filesystem::path> Fixture::configs() const {
  std::vector<std::filesystem::path> out = {folder / "config.json"};
  if (std::filesystem::exists(folder / "config.hub.json")) out.push_back(folder / "config.hub.json");
  return out;
}

double Fixture::tolerance(const char* key) const {
  const Keys k(meta, (folder / "meta.json").string());
  const auto value = k.has("tolerance") ? k.object("tolerance").number(key) : std::nullopt;
  if (!value) throw Error(fmt::format("{} gives no tolerance '{}'", k.what(), key));
  return *value;
}

const StoredTensor& need(const SafetensorsFile& file, const std::string& name) {
  const StoredTensor* t = file.find(name);
  if (!t) throw Error(fmt::format("there is no tensor '{}' among those to check with", name));
  return *t;
}

int check_command(const CheckOptions& o, std::ostream& out) {
  const Target target = device_target(o);
  const auto exact = o.folder / "expected_f64.safetensors";
  const Fixture fixture{o.folder,
                        read_json(o.folder / "meta.json"),
                        SafetensorsFile(o.folder / "inputs.safetensors"),
                        SafetensorsFile(o.folder / "expected.safetensors"),
                        std::filesystem::exists(exact) ? std::optional<SafetensorsFile>(exact) : std::nullopt,
                        target,
                        target.kind() == Target::Kind::interpreter};
  Report report(out, o.json);
  const Json config = read_json(o.folder / "config.json");
  if (config.contains("model_type") && config.at("model_type") == "rnn")
    check_recurrent(fixture, report);
  else
    for (const std::filesystem::path& file : fixture.configs())
      if (fixture.meta.contains("optimiser"))
        check_trajectory(fixture, file, report);
      else if (fixture.inputs.find("prompt_ids"))
        check_generation(fixture, file, report);
      else
        check_language_model(fixture, file, report);
  report.finish();
  return report.passed() ? 0 : 1;
}

}  // namespace uwaga
