// How much of a sample's vocabulary is real: a measure of a small model's text.
#pragma once

#include <string_view>

namespace uwaga {

// The share of the words of `sample` that occur in `text`, 0 to 1; 0 where there are none. A word is a run of ASCII
// letters and bytes above 127. The sample's last word is left out, since it may be cut off.
double known_words(std::string_view sample, std::string_view text);

}  // namespace uwaga
