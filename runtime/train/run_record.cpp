#include <fmt/format.h>
#include <uwaga/ir/error.h>
#include <uwaga/runtime/io/detail/json.h>
#include <uwaga/runtime/io/file.h>
#include <uwaga/runtime/text/quote.h>
#include <uwaga/runtime/train/checkpoint.h>
#include <uwaga/runtime/train/run_record.h>

#include <filesystem>
#include <nlohmann/json.hpp>

namespace uwaga {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kLargestRecord = std::uint64_t{256} << 20;  // a vocabulary is a few megabytes

std::string record_file(const std::string& folder) { return std::filesystem::path(folder) / "run.json"; }

std::string shown(const Json& object, const std::string& key) {
  return object.contains(key) ? quote(object[key].is_string() ? object[key].get<std::string>() : object[key].dump(), 60)
                              : "none";
}

void require_same(const char* what, const std::string& stored, const std::string& wanted,
                  const std::string& folder) {
  const Json a = Json::parse(stored), b = Json::parse(wanted);
  Json keys = a;
  keys.update(b);
  for (const auto& [key, value] : keys.items())
    if (!a.contains(key) || !b.contains(key) || a[key] != b[key])
      throw Error(fmt::format("the checkpoint {} is of another run: its {} has {} {}, and this run's has {}",
                              folder, what, quote(key, 40), shown(a, key), shown(b, key)));
}

}  // namespace

std::string state_file(const std::string& folder) { return std::filesystem::path(folder) / "state.safetensors"; }

void save_run(const RunRecord& record, const State& state, const std::string& folder) {
  Json json;
  json["format"] = RunRecord::kFormatVersion;
  json["step"] = record.step;
  json["model"] = Json::parse(record.model);
  json["data"] = Json::parse(record.data);
  json["tokenizer"] = Json::parse(record.tokenizer);
  json["settings"] = Json::parse(record.settings);
  save(state, state_file(folder));
  write_file(record_file(folder), json.dump(1) + "\n");
}

RunRecord read_run(const std::string& folder) {
  const std::string path = record_file(folder);
  const Json json = detail::parse_json(read_file(path, kLargestRecord), path);
  if (!json.is_object()) throw Error(fmt::format("{} is no JSON object", path));
  const auto field = [&](const char* name) -> const Json& {
    if (!json.contains(name)) throw Error(fmt::format("{} has no \"{}\"", path, name));
    return json[name];
  };
  if (field("format") != RunRecord::kFormatVersion)
    throw Error(fmt::format("{} has format {}, and this program reads {}", path,
                            quote(json["format"].dump(), 40), RunRecord::kFormatVersion));
  if (!field("step").is_number_integer() || field("step").get<std::int64_t>() < 0)
    throw Error(fmt::format("{}: \"step\" is no number of steps", path));
  for (const char* name : {"model", "data", "tokenizer"})
    if (!field(name).is_object()) throw Error(fmt::format("{}: \"{}\" is no object", path, name));
  const Json settings = json.value("settings", Json::object());
  if (!settings.is_object()) throw Error(fmt::format("{}: \"settings\" is no object", path));
  return {json["step"].get<std::int64_t>(), json["model"].dump(), json["data"].dump(), json["tokenizer"].dump(), settings.dump()};
}

void require_same_run(const RunRecord& stored, const RunRecord& wanted, const std::string& folder) {
  require_same("model", stored.model, wanted.model, folder);
  require_same("tokenizer", stored.tokenizer, wanted.tokenizer, folder);
  require_same("data", stored.data, wanted.data, folder);
}

}  // namespace uwaga
