#include <uwaga/codegen/tuning.h>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include <uwaga/ir/error.h>

namespace uwaga {
namespace {

struct Row {
  std::string_view cpu;
  Tuning tuning;
};

// A row without numbers: measured, and nothing was better than the default.
constexpr Row kRows[] = {
    {"sapphirerapids", {.stream_ahead_bytes = 2048}},
    {"znver5", {.whole_row_bytes = 4096, .rows_ahead = 32}},
};

constexpr std::int64_t kTaskRows[] = {96, 192, 384, 768}, kTaskColumns[] = {64, 128, 256, 512};
constexpr std::int64_t kOnceResults[] = {1 << 18, 1 << 19, 1 << 20, 1 << 21, 1 << 22};
constexpr std::int64_t kSteps[] = {4, 8, 16, 32}, kFewRowsBytes[] = {512, 1024, 1536, 2048, 3072, 4096}, kRowsAhead[] = {4, 8, 16, 32};
constexpr std::int64_t kWholeRowBytes[] = {0, 2048, 4096, 8192}, kStreamAheadBytes[] = {0, 1024, 2048, 4096};

constexpr TuningField kFields[] = {
    {"task_rows", &Tuning::task_rows, 48, 1 << 16, kTaskRows},
    {"task_columns", &Tuning::task_columns, 32, 1 << 16, kTaskColumns},
    {"once_results", &Tuning::once_results, 1, std::int64_t{1} << 40, kOnceResults},
    {"steps_ahead", &Tuning::steps_ahead, 1, 1024, kSteps},
    {"few_rows_bytes", &Tuning::few_rows_bytes, 256, 1 << 20, kFewRowsBytes},
    {"whole_row_bytes", &Tuning::whole_row_bytes, 0, 1 << 20, kWholeRowBytes},
    {"rows_ahead", &Tuning::rows_ahead, 1, 1024, kRowsAhead},
    {"stream_ahead_bytes", &Tuning::stream_ahead_bytes, 0, 1 << 16, kStreamAheadBytes},
};

const Row* row_of(std::string_view cpu) {
  const auto* found = std::find_if(std::begin(kRows), std::end(kRows), [&](const Row& r) { return r.cpu == cpu; });
  return found == std::end(kRows) ? nullptr : found;
}

}  // namespace

std::span<const TuningField> tuning_fields() { return kFields; }

bool has_tuning(std::string_view cpu) { return row_of(cpu) != nullptr; }

Tuning tuning_of(std::string_view cpu) {
  const Row* row = row_of(cpu);
  return row ? row->tuning : Tuning();
}

Tuning changed(Tuning tuning, std::string_view text) {
  for (bool more = !text.empty(); more;) {
    const std::string_view part = text.substr(0, text.find(','));
    more = part.size() < text.size();
    text.remove_prefix(std::min(part.size() + 1, text.size()));
    const std::string_view name = part.substr(0, part.find('=')), number = part.substr(std::min(name.size() + 1, part.size()));
    const auto* field = std::find_if(std::begin(kFields), std::end(kFields), [&](const TuningField& f) { return f.name == name; });
    if (field == std::end(kFields)) {
      std::string names;
      for (const TuningField& f : kFields) names.append(names.empty() ? "" : ", ").append(f.name);
      throw Error(fmt::format("there is no number '{}' to tune, but {}", name, names));
    }
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
    if (error != std::errc() || end != number.data() + number.size() || value < field->least || value > field->most)
      throw Error(fmt::format("{} is a whole number from {} to {}, not '{}'", name, field->least, field->most, number));
    tuning.*field->value = value;
  }
  return tuning;
}

std::string differences(const Tuning& tuning) {
  std::string out;
  for (const TuningField& f : kFields)
    if (tuning.*f.value != Tuning().*f.value) out += fmt::format("{}{}={}", out.empty() ? "" : ",", f.name, tuning.*f.value);
  return out;
}

}  // namespace uwaga
