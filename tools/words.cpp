#include "tools/words.h"

#include <unordered_set>
#include <vector>

namespace uwaga {
namespace {

bool letter(char c) {
  const auto u = static_cast<unsigned char>(c);
  return (u >= 'a' && u <= 'z') || (u >= 'A' && u <= 'Z') || u > 127;
}

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> found;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t end = i;
    while (end < text.size() && letter(text[end])) ++end;
    if (end > i) found.push_back(text.substr(i, end - i));
    i = end + 1;
  }
  return found;
}

}  // namespace

double known_words(std::string_view sample, std::string_view text) {
  std::vector<std::string_view> in_sample = words(sample);
  if (!in_sample.empty() && letter(sample.back())) in_sample.pop_back();
  if (in_sample.empty()) return 0;
  const std::vector<std::string_view> in_text = words(text);
  const std::unordered_set<std::string_view> known(in_text.begin(), in_text.end());
  std::size_t hits = 0;
  for (const std::string_view word : in_sample) hits += known.count(word);
  return static_cast<double>(hits) / static_cast<double>(in_sample.size());
}

}  // namespace uwaga
