// Names that may have been meant, for errors.
//
//   throw Error(fmt::format("the state has no '{}'{}", path, nearest_names(path, names)));
#pragma once

#include <string>
#include <vector>

namespace uwaga {

// "; the nearest names are 'a', 'b', 'c'" by edits, at most three; empty where nothing is known.
std::string nearest_names(const std::string& name, const std::vector<std::string>& known);

}  // namespace uwaga
