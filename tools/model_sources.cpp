#include "tools/model_sources.h"

namespace uwaga {

std::optional<std::string_view> model_source(std::string_view file) {
  for (const ModelSource& s : model_sources())
    if (file.ends_with(s.path) && (file.size() == s.path.size() || file[file.size() - s.path.size() - 1] == '/')) return s.text;
  return std::nullopt;
}

}  // namespace uwaga
