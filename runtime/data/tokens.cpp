#include <fmt/format.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/random.h>
#include <uwaga/runtime/data/tokens.h>
#include <uwaga/runtime/io/file.h>
#include <uwaga/runtime/text/tokenizer.h>

#include <algorithm>
#include <limits>

namespace uwaga {
namespace {

constexpr std::int64_t bytes_of(TokenWidth width) { return width == TokenWidth::u16 ? 2 : 4; }

std::int32_t read_id(const std::byte* at, TokenWidth width) {
  std::uint32_t value = 0;
  for (int i = 0; i < bytes_of(width); ++i) value |= std::to_integer<std::uint32_t>(at[i]) << (8 * i);
  return static_cast<std::int32_t>(value);
}

void check_window(const Tokens& tokens, std::int64_t batch, std::int64_t time) {
  if (batch < 1 || time < 1)
    throw Error(fmt::format("batches of batch={} and time={}: both must be at least 1", batch, time));
  if (tokens.size() - 1 < time) {
    throw Error(fmt::format("{} has {} tokens, and a window of time={} with its target needs {}", tokens.name(),
                            tokens.size(), time, static_cast<std::uint64_t>(time) + 1));
  }
  if (batch > std::numeric_limits<std::int64_t>::max() / 8 / time)
    throw Error(fmt::format("batches of batch={} and time={}: too many tokens", batch, time));
}

// One row at a time: `time` inputs and, one further, as many targets.
void fill_row(const Tokens& tokens, std::int64_t start, std::int64_t row, Batch& batch) {
  std::vector<std::int32_t> window(batch.time + 1);
  tokens.copy(start, window);
  std::copy(window.begin(), window.end() - 1, batch.inputs.begin() + row * batch.time);
  std::copy(window.begin() + 1, window.end(), batch.targets.begin() + row * batch.time);
}

Batch empty_batch(std::int64_t rows, std::int64_t time) {
  Batch batch{rows, time, {}, {}};
  batch.inputs.resize(rows * time);
  batch.targets.resize(rows * time);
  return batch;
}

}  // namespace

Tokens::Tokens(std::vector<std::int32_t> ids, std::string name)
    : size_(static_cast<std::int64_t>(ids.size())), name_(std::move(name)) {
  // Kept as a file would be, so that there is one way to read.
  auto bytes = std::make_shared<std::vector<std::byte>>(ids.size() * 4);
  for (std::size_t i = 0; i < ids.size(); ++i)
    for (int b = 0; b < 4; ++b)
      (*bytes)[4 * i + b] = static_cast<std::byte>(static_cast<std::uint32_t>(ids[i]) >> (8 * b));
  data_ = bytes->data();
  storage_ = std::move(bytes);
}

void Tokens::copy(std::int64_t begin, std::span<std::int32_t> ids) const {
  check_internal(begin >= 0 && begin <= size_ && static_cast<std::int64_t>(ids.size()) <= size_ - begin,
                 "tokens were read outside their sequence");
  const std::byte* at = data_ + begin * bytes_of(width_);
  for (std::size_t i = 0; i < ids.size(); ++i, at += bytes_of(width_)) {
    ids[i] = read_id(at, width_);
    if (ids[i] < 0)
      throw Error(fmt::format("{}: token {} is {}, ids count from 0; is it a file of uint16 ids?", name_,
                              begin + static_cast<std::int64_t>(i), ids[i]));
  }
}

std::vector<std::int32_t> Tokens::ids() const {
  std::vector<std::int32_t> all(size_);
  copy(0, all);
  return all;
}

Tokens Tokens::slice(std::int64_t begin, std::int64_t end) const {
  check_internal(0 <= begin && begin <= end && end <= size_, "a slice outside the tokens");
  Tokens part = *this;
  part.data_ = data_ + begin * bytes_of(width_);
  part.size_ = end - begin;
  return part;
}

Tokens::Split Tokens::split(double validation_fraction) const {
  if (!(validation_fraction >= 0 && validation_fraction <= 1))
    throw Error(fmt::format("a validation fraction of {} is not between 0 and 1", validation_fraction));
  const auto train = static_cast<std::int64_t>((1 - validation_fraction) * static_cast<double>(size_));
  Split parts{slice(0, train), slice(train, size_)};
  parts.validation.name_ = fmt::format("the validation part of {}", name_);
  parts.train.name_ = fmt::format("the training part of {}", name_);
  return parts;
}

Batches Tokens::batches(const BatchOptions& options) const { return Batches(*this, options); }
Windows Tokens::windows(const WindowOptions& options) const { return Windows(*this, options); }

TokenFile::TokenFile(const std::string& path, TokenWidth width) {
  auto file = std::make_shared<const MappedFile>(path);
  const auto bytes = static_cast<std::int64_t>(file->bytes().size());
  name_ = path;
  width_ = width;
  if (bytes % bytes_of(width) != 0)
    throw Error(fmt::format("{} has {} bytes, which is no whole number of {}-byte ids", name_, bytes, bytes_of(width)));
  size_ = bytes / bytes_of(width);
  data_ = file->bytes().data();
  storage_ = std::move(file);
}

Tokens tokenize(std::string_view text, const Tokenizer& tokenizer) { return Tokens(tokenizer.encode(text)); }

void write_tokens(const std::string& path, std::span<const std::int32_t> ids, TokenWidth width,
                  const FileSystem& files) {
  constexpr std::size_t kPiece = 1 << 18;
  FileWriter out(path, files);
  std::string piece;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] < 0 || (width == TokenWidth::u16 && ids[i] > std::numeric_limits<std::uint16_t>::max()))
      throw Error(fmt::format("{}: token {} is {}, which {} cannot hold", path, i, ids[i],
                              width == TokenWidth::u16 ? "uint16" : "a file of ids"));
    for (int b = 0; b < bytes_of(width); ++b) piece += static_cast<char>(ids[i] >> (8 * b));
    if (piece.size() >= kPiece) {
      out.write(piece);
      piece.clear();
    }
  }
  out.write(piece);
  out.commit();
}

Batches::Batches(Tokens tokens, const BatchOptions& options)
    : tokens_(std::move(tokens)), options_(options), key_(random_key("data.batches", options.seed)) {
  check_window(tokens_, options.batch, options.time);
  if (options.first_step < 0 || options.steps.value_or(0) < 0) {
    throw Error(fmt::format("batches of {} steps from step {}: neither may be negative", options.steps.value_or(0),
                            options.first_step));
  }
}

std::int64_t Batches::start(std::int64_t step, std::int64_t row) const {
  const auto words = random_block(key_, step, static_cast<std::uint64_t>(row));
  const std::uint64_t bits = (std::uint64_t{words[1]} << 32) | words[0];
  const auto places = static_cast<std::uint64_t>(tokens_.size() - options_.time);
  // floor(bits * places / 2^64): even to one part in 2^64 / places (Lemire, https://arxiv.org/abs/1805.10941).
  const std::uint64_t low = (bits & 0xffffffff) * (places & 0xffffffff);
  const std::uint64_t cross = (bits >> 32) * (places & 0xffffffff) + (low >> 32);
  const std::uint64_t other = (bits & 0xffffffff) * (places >> 32) + (cross & 0xffffffff);
  return static_cast<std::int64_t>((bits >> 32) * (places >> 32) + (cross >> 32) + (other >> 32));
}

Batch Batches::at(std::int64_t step) const {
  Batch batch = empty_batch(options_.batch, options_.time);
  for (std::int64_t row = 0; row < batch.batch; ++row) fill_row(tokens_, start(step, row), row, batch);
  return batch;
}

BatchIterator<Batches> Batches::begin() const {
  constexpr auto kForEver = std::numeric_limits<std::int64_t>::max();
  const std::int64_t steps = std::min(options_.steps.value_or(kForEver), kForEver - options_.first_step);
  return {this, options_.first_step, options_.first_step + steps};
}

Windows::Windows(Tokens tokens, const WindowOptions& options) : tokens_(std::move(tokens)), options_(options) {
  check_window(tokens_, options.batch, options.time);
}

Batch Windows::at(std::int64_t index) const {
  check_internal(index >= 0 && index < size(), "a batch of windows that does not exist");
  const std::int64_t first = index * options_.batch;
  Batch batch = empty_batch(std::min(options_.batch, windows() - first), options_.time);
  for (std::int64_t row = 0; row < batch.batch; ++row) fill_row(tokens_, (first + row) * options_.time, row, batch);
  return batch;
}

}  // namespace uwaga
