#include <uwaga/ir/nearest.h>

#include <algorithm>
#include <utility>

namespace uwaga {
namespace {

std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0]++;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row.back();
}

}  // namespace

std::string nearest_names(const std::string& name, const std::vector<std::string>& known) {
  std::vector<std::pair<std::size_t, std::string>> near;
  for (const std::string& k : known) near.emplace_back(edit_distance(name, k), k);
  std::sort(near.begin(), near.end());
  std::string out;
  for (std::size_t i = 0; i < std::min<std::size_t>(3, near.size()); ++i)
    out += (i == 0 ? (near.size() == 1 ? "; there is '" : "; the nearest names are '") : ", '") + near[i].second + "'";
  return out;
}

}  // namespace uwaga
