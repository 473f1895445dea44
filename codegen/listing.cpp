#include <uwaga/codegen/listing.h>

#include <algorithm>
#include <charconv>

#include <uwaga/codegen/kernel/print.h>

namespace uwaga {
namespace {

template <typename Visit>
void each_line(std::string_view text, const Visit& visit) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (end > 0) visit(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

// Takes `mark` and the number after it off the line; -1 where there is none.
int take_ordinal(std::string& line, std::string_view mark) {
  const std::size_t at = line.rfind(mark);
  if (at == std::string::npos) return -1;
  int ordinal = -1;
  const char* const begin = line.data() + at + mark.size();
  const auto [end, error] = std::from_chars(begin, line.data() + line.size(), ordinal);
  if (error != std::errc()) return -1;
  const std::string rest(end, static_cast<const char*>(line.data() + line.size()));
  line.resize(at);
  if (!rest.empty()) line += " :" + rest;  // a kernel's line ends with its type
  return ordinal;
}

}  // namespace

std::vector<ListingLine> kernel_listing(const kernel::Kernel& kernel) {
  std::vector<ListingLine> lines;
  each_line(kernel::print(kernel), [&](std::string_view text) {
    ListingLine line{std::string(text)};
    line.ordinal = take_ordinal(line.text, "  #");
    const std::string_view words = text.substr(text.find_first_not_of(' '));
    line.instruction = true;
    for (const char* head : {"kernel ", "for task ", "for thread ", "scratch ", "shared "})
      if (words.starts_with(head)) line.instruction = false;
    if (words == "else") line.instruction = false;
    lines.push_back(std::move(line));
  });
  return lines;
}

std::vector<ListingLine> cuda_listing(std::string_view function) {
  std::vector<ListingLine> lines;
  each_line(function, [&](std::string_view text) {
    ListingLine line{std::string(text)};
    line.ordinal = take_ordinal(line.text, "  // #");
    line.instruction = true;
    lines.push_back(std::move(line));
  });
  return lines;
}

int without_origin(std::span<const ListingLine> listing) {
  int count = 0;
  for (const ListingLine& line : listing) count += line.instruction && line.ordinal < 0;
  return count;
}

}  // namespace uwaga
